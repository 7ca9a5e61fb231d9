"""One payment from wallet to wallet over Open Payments, as any third-party app would make it."""

from dataclasses import dataclass
from typing import Any, Final

from servicekit.clock import Clock

from deploy.local.open_payments import Browser, OpenPaymentsClient

PAYMENT_S_MAX: Final = 60.0
POLL_INTERVAL_S: Final = 0.1


class PaymentFailedError(RuntimeError):
    """The payment failed or did not end in time; the text holds its last state."""


@dataclass(frozen=True)
class Tokened:
    """A resource and the token that opens it."""

    url: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Payment:
    """What both sides say of a finished payment: Open Payments resources as sent."""

    quote: dict[str, Any]
    outgoing: dict[str, Any]
    incoming: dict[str, Any]


async def pay(
    client: OpenPaymentsClient,
    browser: Browser,
    *,
    sender: str,
    receiver: str,
    deliver: int,
    clock: Clock,
) -> Payment:
    """Pay `deliver` units of the receiver's asset between two wallet addresses.

    The sender agrees on the consent page. Raises OpenPaymentsError or PaymentFailedError.
    """
    payer, payee = await client.get(sender), await client.get(receiver)
    incoming_token = await client.grant(
        payee["authServer"],
        {"type": "incoming-payment", "actions": ["create", "read", "complete"]},
    )
    incoming = await client.post(
        f"{payee['resourceServer']}/incoming-payments",
        {
            "walletAddress": payee["id"],
            "incomingAmount": {
                "value": str(deliver),
                "assetCode": payee["assetCode"],
                "assetScale": payee["assetScale"],
            },
            "metadata": {"description": "A demonstration"},
        },
        token=incoming_token,
    )
    quote_token = await client.grant(
        payer["authServer"], {"type": "quote", "actions": ["create", "read"]}
    )
    quote = await client.post(
        f"{payer['resourceServer']}/quotes",
        {"walletAddress": payer["id"], "receiver": incoming["id"], "method": "ilp"},
        token=quote_token,
    )
    outgoing_token = await _consent(client, browser, payer, quote)
    outgoing = await client.post(
        f"{payer['resourceServer']}/outgoing-payments",
        {"walletAddress": payer["id"], "quoteId": quote["id"]},
        token=outgoing_token,
    )
    incoming = await _completed(
        client,
        Tokened(incoming["id"], incoming_token),
        Tokened(outgoing["id"], outgoing_token),
        clock,
    )
    outgoing = await client.get(outgoing["id"], token=outgoing_token)
    return Payment(quote=quote, outgoing=outgoing, incoming=incoming)


async def _consent(
    client: OpenPaymentsClient, browser: Browser, payer: dict[str, Any], quote: dict[str, Any]
) -> str:
    grant = await client.ask(
        payer["authServer"],
        {
            "type": "outgoing-payment",
            "actions": ["create", "read"],
            "identifier": payer["id"],
            "limits": {"debitAmount": quote["debitAmount"], "receiver": quote["receiver"]},
        },
    )
    return await client.finish(grant, await browser.consent(grant.redirect, "approve"))


async def _completed(
    client: OpenPaymentsClient, incoming: Tokened, outgoing: Tokened, clock: Clock
) -> dict[str, Any]:
    """The incoming payment once it has received all; a failure of the sender ends the wait."""
    deadline = clock.monotonic() + PAYMENT_S_MAX
    sent: dict[str, Any] = {}
    while clock.monotonic() < deadline:
        received: dict[str, Any] = await client.get(incoming.url, token=incoming.token)
        if received["completed"]:
            return received
        sent = await client.get(outgoing.url, token=outgoing.token)
        if sent["failed"]:
            break
        await clock.sleep(POLL_INTERVAL_S)
    raise PaymentFailedError(f"the payment did not complete: {sent}")
