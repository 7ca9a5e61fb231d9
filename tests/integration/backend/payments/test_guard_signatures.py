"""Which signature of a request counts, and how often."""

from itertools import permutations
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio
from ilpkit.httpsig.keys import private_key_from_seed, public_jwk
from ilpkit.httpsig.sign import sign_request
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets_pb

from tests.integration.backend.payments.node import Node, key
from tests.integration.backend.payments.outside import (
    CLIENT_KEY,
    CLIENT_KEY_ID,
    AuthServer,
    Outside,
)
from tests.integration.backend.payments.test_guard import Checked, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
GATEWAY = private_key_from_seed(bytes([11]) * 32)
LABELS = ("sig1", "gateway", "z")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(node: Node, auth_server: AuthServer, outside: Outside) -> Desk:
    asset = await node.asset()
    desk = Desk(node, auth_server, outside, await node.wallet(asset), asset)
    desk.allow(desk.access())
    desk.allow(desk.access("outgoing-payment", ["create"]), token="payer")
    return desk


def merged(desk: Desk, *signed: tuple[str, dict[str, str]]) -> dict[str, str]:
    """The headers of the first, with the signatures of all, each under its label."""
    headers = dict(signed[0][1])
    for name in ("signature", "signature-input"):
        members = [f"{label}{each[name].removeprefix('sig1')}" for label, each in signed]
        headers[name] = ", ".join(members)
    return headers


@pytest.mark.parametrize("labels", list(permutations(LABELS, 2)))
@pytest.mark.parametrize("first", ["client", "gateway"])
@pytest.mark.parametrize("gateway_keyid", ["gateway-key", None, "rsa"])
async def test_the_clients_signature_is_found_among_several(
    desk: Desk, labels: tuple[str, str], first: str, gateway_keyid: str | None
) -> None:
    raw = desk.body()
    client = desk.signed("POST", desk.path(), raw)
    # A gateway may use any name for its key, the client's too.
    same = {} if gateway_keyid is None else {"key_id": gateway_keyid}
    gateway = desk.signed("POST", desk.path(), raw, key=GATEWAY, **same)
    if gateway_keyid == "rsa":
        gateway["signature-input"] += ';alg="rsa-pss-sha512"'
        gateway["signature"] = f"sig1=:{'A' * 344}:"
    pair = [client, gateway] if first == "client" else [gateway, client]
    headers = merged(desk, *zip(labels, pair, strict=True))
    passed = await desk.ask("POST", desk.path(), headers, raw)
    assert passed.status == 200, passed.body
    strangers = merged(desk, *[(label, gateway) for label in labels])
    assert (await desk.ask("POST", desk.path(), strangers, raw)).status == 401


async def pay(desk: Desk, headers: dict[str, str], raw: bytes) -> Checked:
    return await desk.ask("POST", desk.path("outgoing-payments"), headers, raw)


def payment(desk: Desk) -> tuple[dict[str, str], bytes]:
    raw = desk.body(
        quoteId=f"{desk.node.settings.open_payments_url}{desk.path('quotes')}/{uuid4()}"
    )
    return desk.signed("POST", desk.path("outgoing-payments"), raw, token="payer"), raw


async def test_a_signed_payment_counts_once(desk: Desk) -> None:
    headers, raw = payment(desk)
    assert (await pay(desk, headers, raw)).status == 200
    repeats = [headers, {**headers, "idempotency-key": "other"}]
    for repeat in repeats * 2:
        refused = await pay(desk, repeat, raw)
        assert refused.status == 401
        assert "used before" in refused.description


async def test_a_retry_with_its_idempotency_key_passes(desk: Desk) -> None:
    headers, raw = payment(desk)
    keyed = {**headers, "idempotency-key": "mine"}
    assert [(await pay(desk, keyed, raw)).status for _ in range(3)] == [200] * 3
    for other in (headers, {**headers, "idempotency-key": "theirs"}):
        assert (await pay(desk, other, raw)).status == 401


async def test_two_equal_incoming_payments_signed_in_one_second_pass(desk: Desk) -> None:
    answers = [await desk.send("POST", desk.path(), desk.body()) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]


async def test_outside_production_both_schemes_spell_one_url(desk: Desk) -> None:
    path = desk.path(f"incoming-payments?wallet-address={quote(desk.wallet.address, safe='')}")
    authority = desk.node.settings.open_payments_url.partition("://")[2]
    for scheme in ("http", "https", "ftp"):
        headers = {"authorization": "GNAP a-good-token"}
        headers |= sign_request(
            method="GET",
            target_uri=f"{scheme}://{authority}{path}",
            headers=headers,
            body=None,
            key_id=CLIENT_KEY_ID,
            private_key=CLIENT_KEY,
            created=desk.node.clock.now_ms() // 1000,
        )
        assert (await desk.ask("GET", path, headers)).status == (401 if scheme == "ftp" else 200)


async def test_own_wallet_addresses_keys_are_what_their_rows_say_now(desk: Desk) -> None:
    client = await desk.node.wallet(desk.asset)
    desk.allow(desk.access(), token="own", wallet_address=client.address)
    private = private_key_from_seed(bytes([12]) * 32)
    jwk = public_jwk(private, kid="own-key")

    async def ask() -> int:
        signing: dict[str, Any] = {"token": "own", "key": private, "key_id": "own-key"}
        return (await desk.send("POST", desk.path(), desk.body(), **signing)).status

    assert await ask() == 401
    added = await desk.node.wallets.CreateWalletAddressKey(
        wallets_pb.CreateWalletAddressKeyRequest(
            wallet_address_id=client.id, kid=jwk["kid"], x=jwk["x"], idempotency_key=key()
        )
    )
    assert await ask() == 200
    await desk.node.wallets.RevokeWalletAddressKey(
        wallets_pb.RevokeWalletAddressKeyRequest(id=added.id, idempotency_key=key())
    )
    assert await ask() == 401
