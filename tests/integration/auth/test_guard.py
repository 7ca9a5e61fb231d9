"""What may pass to the service, decided over real signatures and raw bytes."""

import json
from typing import Any

import pytest
from ilpkit.httpsig.keys import private_key_from_seed
from servicekit.key_sets import KEY_SET_LIFE_S, REFETCHES_MAX
from servicekit.verdict import VERDICT_HEADER

from tests.integration.auth.conftest import INCOMING, TENANT, World, path_of
from tests.integration.auth.edge import Reply

PATH = f"/{TENANT}"


def raw_request(world: World, **members: Any) -> bytes:
    body = {"client": world.client.url, "access_token": {"access": [INCOMING]}, **members}
    return json.dumps(body, indent=2).encode()


def signed(world: World, raw: bytes, path: str = PATH) -> dict[str, str]:
    return world.edge.signed_headers(
        "POST",
        path,
        key_id=world.client.key_id,
        private_key=world.client.private_key,
        body=raw,
    )


async def post(world: World, raw: bytes, headers: dict[str, str] | None = None) -> Reply:
    return await world.edge.send("POST", PATH, headers or signed(world, raw), raw)


async def test_an_indented_body_passes_as_the_bytes_it_is(world: World) -> None:
    assert (await post(world, raw_request(world))).status == 200


async def test_a_swapped_body_is_refused(world: World) -> None:
    headers = signed(world, raw_request(world))
    other = raw_request(world).replace(b'"read"', b'"list"')
    reply = await post(world, other, headers)
    assert (reply.status, reply.code) == (401, "invalid_client")
    assert "digest_mismatch" in reply.body["error"]["description"]


async def test_a_body_that_the_signature_does_not_cover_is_refused(world: World) -> None:
    raw = raw_request(world)
    headers = world.edge.signed_headers(
        "POST", PATH, key_id="key-1", private_key=world.client.private_key
    )
    reply = await post(world, raw, headers)
    assert (reply.status, reply.code) == (401, "invalid_client")


async def test_a_signature_of_another_key_is_refused(world: World) -> None:
    world.client.private_key, published = (
        private_key_from_seed(b"\x09" * 32),
        world.client.private_key,
    )
    headers = signed(world, raw_request(world))
    world.client.private_key = published
    reply = await post(world, raw_request(world), headers)
    assert (reply.status, reply.code) == (401, "invalid_client")
    assert "signature_mismatch" in reply.body["error"]["description"]


async def test_a_signature_for_another_path_or_origin_is_refused(world: World) -> None:
    raw = raw_request(world)
    reply = await post(world, raw, signed(world, raw, path=f"{PATH}?x=1"))
    assert (reply.status, reply.code) == (401, "invalid_client")


async def test_an_unsigned_request_is_refused(world: World) -> None:
    reply = await post(world, raw_request(world), {"content-type": "application/json"})
    assert (reply.status, reply.code) == (401, "invalid_client")


async def test_a_signature_grows_old(world: World) -> None:
    raw = raw_request(world)
    headers = signed(world, raw)
    await world.clock.advance(301)
    assert (await post(world, raw, headers)).status == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"idempotencyKey": "k"}, "idempotencyKey"),
        ({"tenantId": "other"}, "tenantId"),
        ({"interact": {"start": ["redirect"], "hints": {}}}, "interact.hints"),
        ({"access_token": {"access": [{**INCOMING, "limits": {}}]}}, "access_token.access[0]"),
        ({"access_token": {"access": [INCOMING], "label": "x"}}, "access_token.label"),
        ({"access_token": {"access": [INCOMING, INCOMING]}}, "access_token.access"),
        ({"client": {"walletAddress": "http://x.test", "more": 1}}, "client"),
    ],
)
async def test_unknown_members_are_refused_by_name(
    world: World, change: dict[str, Any], field: str
) -> None:
    reply = await post(world, raw_request(world, **change))
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert field in reply.body["error"]["description"]


@pytest.mark.parametrize("raw", [b"{", b"[]", b"", b'{"client":"http://a.test","client":"b"}'])
async def test_malformed_json_is_refused(world: World, raw: bytes) -> None:
    reply = await post(world, raw, {**signed(world, raw), "content-length": str(len(raw))})
    assert (reply.status, reply.code) == (400, "invalid_request")


async def test_a_key_set_is_fetched_once_while_it_lasts(world: World) -> None:
    for _ in range(3):
        assert (await post(world, raw_request(world))).status == 200
    assert world.client.jwks_requests == 1
    await world.clock.advance(KEY_SET_LIFE_S)
    assert (await post(world, raw_request(world))).status == 200
    assert world.client.jwks_requests == 2


async def test_a_key_is_known_at_once_and_unknown_ones_ask_a_bounded_number_of_times(
    world: World,
) -> None:
    assert (await post(world, raw_request(world))).status == 200
    published, private = world.client.key_id, world.client.private_key
    world.client.key_id = "key-2"
    world.client.private_key = private_key_from_seed(b"\x07" * 32)
    assert (await post(world, raw_request(world))).status == 200
    assert world.client.jwks_requests == 2
    for _ in range(3 * REFETCHES_MAX):
        raw = raw_request(world)
        headers = world.edge.signed_headers(
            "POST", f"/{TENANT}", key_id=published, private_key=private, body=raw
        )
        assert (await post(world, raw, headers)).status == 400
    assert world.client.jwks_requests == 1 + REFETCHES_MAX


async def test_a_revoked_key_is_refused_after_a_sets_life(world: World) -> None:
    raw = raw_request(world)
    assert (await post(world, raw)).status == 200
    old = signed(world, raw)
    world.client.key_id = "key-2"
    await world.clock.advance(KEY_SET_LIFE_S)
    refused = await post(world, raw, old)
    assert (refused.status, refused.code) == (400, "invalid_client")


async def test_a_key_replaced_under_its_name_is_fetched_after_a_failed_signature(
    world: World,
) -> None:
    assert (await post(world, raw_request(world))).status == 200
    await world.clock.advance(10)
    world.client.private_key = private_key_from_seed(b"\x07" * 32)
    assert (await post(world, raw_request(world))).status == 200
    assert world.client.jwks_requests == 2


async def test_a_client_whose_keys_are_away_is_told_so(world: World) -> None:
    world.client.status = 502
    reply = await post(world, raw_request(world))
    assert (reply.status, reply.code) == (400, "invalid_client")
    world.client.status = 200
    await world.clock.advance(2)
    assert (await post(world, raw_request(world))).status == 200


async def test_continuation_needs_its_token(world: World) -> None:
    grant = await world.ask([INCOMING])
    path = path_of(grant.body["continue"]["uri"])
    access = grant.body["access_token"]["value"]
    for token in (None, "0" * 40, access):
        reply = await world.edge.call("DELETE", path, world.client, token=token)
        assert (reply.status, reply.code) == (401, "invalid_continuation")
    malformed = await world.edge.call("DELETE", "/continue/x", world.client, token=access)
    assert (malformed.status, malformed.code) == (401, "invalid_continuation")


async def test_another_client_can_not_use_a_stolen_token(world: World) -> None:
    grant = await world.ask([INCOMING])
    thief = world.wallets.add("thief", seed=5)
    continued = await world.edge.call(
        "DELETE",
        path_of(grant.body["continue"]["uri"]),
        thief,
        token=grant.body["continue"]["access_token"]["value"],
    )
    assert (continued.status, continued.code) == (401, "invalid_client")
    rotated = await world.edge.call(
        "POST",
        path_of(grant.body["access_token"]["manage"]),
        thief,
        token=grant.body["access_token"]["value"],
    )
    assert (rotated.status, rotated.code) == (401, "invalid_client")


async def test_the_authorization_header_has_one_form(world: World) -> None:
    grant = await world.ask([INCOMING])
    path = path_of(grant.body["continue"]["uri"])
    value = grant.body["continue"]["access_token"]["value"]
    for header in (f"Bearer {value}", f"gnap {value}", f"GNAP  {value}", f"GNAP {value} x"):
        reply = await world.edge.send("DELETE", path, {"authorization": header}, None)
        assert (reply.status, reply.code) == (401, "invalid_continuation")


async def test_unknown_members_of_a_continuation_are_refused(world: World) -> None:
    grant = await world.ask([INCOMING])
    reply = await world.edge.call(
        "POST",
        path_of(grant.body["continue"]["uri"]),
        world.client,
        body={"interact_ref": "r", "continue_token": "t"},
        token=grant.body["continue"]["access_token"]["value"],
    )
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert "continue_token" in reply.body["error"]["description"]


async def test_paths_that_are_no_gnap_are_not_there(world: World) -> None:
    for method, path in (("GET", PATH), ("PUT", "/continue/x"), ("POST", "/a/b/c/d")):
        assert (await world.edge.send(method, path, {}, None)).status == 404


async def test_rest_calls_without_a_verdict_are_refused(world: World) -> None:
    body = json.loads(raw_request(world))
    rest = [("x-rafiki-rest", "1")]
    reply = await world.edge.transcode("POST", PATH, body, rest)
    assert (reply.status, reply.code) == (401, "invalid_client")
    grant = await world.ask([INCOMING])
    token = grant.body["continue"]["access_token"]["value"]
    metadata = [*rest, ("authorization", f"GNAP {token}")]
    reply = await world.edge.transcode(
        "DELETE", path_of(grant.body["continue"]["uri"]), {}, metadata
    )
    assert (reply.status, reply.code) == (401, "invalid_client")


async def test_a_body_for_another_client_than_the_proven_one_is_refused(world: World) -> None:
    raw = raw_request(world)
    async with world.edge.http.post(
        f"{world.edge.origin}/guard{PATH}", headers=signed(world, raw), data=raw
    ) as checked:
        verdict = checked.headers[VERDICT_HEADER]
    metadata = [("x-rafiki-rest", "1"), (VERDICT_HEADER, verdict)]
    body = {**json.loads(raw), "client": "http://other.test/client"}
    reply = await world.edge.transcode("POST", PATH, body, metadata)
    assert (reply.status, reply.code) == (401, "invalid_client")
