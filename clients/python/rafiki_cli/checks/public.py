"""The public listener as the world sees it: reachable, its clock, its certificate."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from cryptography import x509

from rafiki_cli.checks.finding import Finding, fail, ok, skip, warn

# A header's time is in whole seconds, and signatures may be five seconds ahead.
SKEW_S_MAX: Final = 5
CERTIFICATE_DAYS_MIN: Final = 14
_HTTPS_PORT: Final = 443


async def check_public(http: aiohttp.ClientSession, url: str | None) -> list[Finding]:
    """Whether it answers, at the right time, with a certificate that holds."""
    if url is None:
        return [skip("public listener", "give --public-url, or OPEN_PAYMENTS_URL")]
    try:
        # The keys of the node itself: every node has them, and every client may read them.
        async with http.get(f"{url.rstrip('/')}/jwks.json", allow_redirects=False) as answer:
            findings = [_answer(url, answer.status), _clock(answer.headers.get("Date"))]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        remedy = "is Envoy's public listener running, and does the name lead to it?"
        return [fail("public listener", f"{url}: {error!r}", remedy)]
    return [*findings, *await _certificate(url)]


def _answer(url: str, status: int) -> Finding:
    if status < 500:  # noqa: PLR2004 - HTTP's own classes
        return ok("public listener", f"{url} answers")
    remedy = "Envoy answers and the backend behind it does not: is it running?"
    return fail("public listener", f"{url} answers {status}", remedy)


def _clock(date: str | None) -> Finding:
    if date is None:
        return skip("clock", "the public listener sent no Date header")
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    if skew > SKEW_S_MAX:
        return fail(
            "clock",
            f"{skew:.0f} s apart from this machine's",
            "run a time service (NTP) on both; signatures of others will be refused",
        )
    return ok("clock", "agrees with this machine's")


async def _certificate(url: str) -> list[Finding]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        remedy = "wallet addresses of production are https"
        return [] if local else [warn("certificate", "the public URL is not https", remedy)]
    context = ssl.create_default_context()
    try:
        _, writer = await asyncio.open_connection(
            parts.hostname, parts.port or _HTTPS_PORT, ssl=context
        )
    except (OSError, TimeoutError) as error:
        return [fail("certificate", str(error), "renew it, or install its whole chain")]
    tls = writer.get_extra_info("ssl_object")
    certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    writer.close()
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta(days=CERTIFICATE_DAYS_MIN):
        return [warn("certificate", f"ends in {left.days} days", "renew it")]
    return [ok("certificate", f"good for {left.days} days")]
