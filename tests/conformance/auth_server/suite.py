"""What a resource server relies on of any authorization server: asked over the wire, nothing else.

Run it against a server of your own:

    export AUTH_SERVER=127.0.0.1:3106 AUTH_SERVER_TOKENS=tokens.json
    pytest tests/conformance/auth_server/test_given.py
"""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from rafiki.introspection.v1.introspection_service_pb2_grpc import IntrospectionServiceStub

from tests.conformance.auth_server.tokens import KnownToken

DEADLINE_S = 10
ACTIONS = ("create", "complete", "read", "read-all", "list", "list-all")
TYPES = ("incoming-payment", "outgoing-payment", "quote")
WIDER = {"read": "read-all", "list": "list-all"}
OTHER = "https://wallet.example/somebody-else"
TOGETHER = 32


class Server:
    """The server under test."""

    def __init__(self, channel: grpc.aio.Channel, tokens: list[KnownToken]) -> None:
        self.stub: Any = IntrospectionServiceStub(channel)
        self.tokens = tokens

    @property
    def active(self) -> list[KnownToken]:
        return [token for token in self.tokens if token.active]

    async def ask(self, token: str, *asked: pb.Access) -> pb.IntrospectResponse:
        request = pb.IntrospectRequest(access_token=token, access=asked)
        response: pb.IntrospectResponse = await self.stub.Introspect(request, timeout=DEADLINE_S)
        return response


def as_sets(items: Any) -> list[Any]:
    """Items without an order: neither theirs nor that of their actions."""
    shown = []
    for item in items:
        value = MessageToDict(item, always_print_fields_with_no_presence=True)
        value["actions"] = sorted(value["actions"])
        shown.append(value)
    return sorted(shown, key=str)


def granted(item: pb.Access, action: str) -> bool:
    return action in item.actions or WIDER.get(action) in item.actions


class IntrospectionSuite:
    """Needs a fixture `server` with at least one active token."""

    async def test_an_active_token_is_told_with_its_grant_and_client(self, server: Server) -> None:
        assert server.active, "the suite needs an active token"
        for known in server.active:
            found = await server.ask(known.token)
            assert found.active
            assert found.grant
            assert known.grant in (None, found.grant)
            if known.tenant_id is not None:
                assert found.tenant_id == known.tenant_id
            client = MessageToDict(found.client)
            assert client == dict(known.client)
            if found.HasField("expires_in"):
                assert found.expires_in > 0

    async def test_asked_for_nothing_it_tells_all_access(self, server: Server) -> None:
        for known in server.active:
            found = await server.ask(known.token)
            assert as_sets(found.access) == as_sets(known.items)

    async def test_it_tells_the_item_that_covers_what_is_asked(self, server: Server) -> None:
        for known in server.active:
            for item in known.items:
                for action in ACTIONS:
                    if not granted(item, action):
                        continue
                    asked = pb.Access(type=item.type, actions=[action])
                    if item.HasField("identifier"):
                        asked.identifier = item.identifier
                    found = await server.ask(known.token, asked)
                    assert found.active
                    assert as_sets([item])[0] in as_sets(found.access), (str(known), action)

    async def test_access_that_is_not_granted_is_missing_from_the_answer(
        self, server: Server
    ) -> None:
        for known in server.active:
            for kind in TYPES:
                for action in ACTIONS:
                    items = [item for item in known.items if item.type == kind]
                    if any(granted(item, action) for item in items):
                        continue
                    found = await server.ask(known.token, pb.Access(type=kind, actions=[action]))
                    assert found.active
                    assert list(found.access) == [], (str(known), kind, action)

    async def test_all_actions_that_are_asked_together_are_needed(self, server: Server) -> None:
        for known in server.active:
            for item in known.items:
                missing = [action for action in ACTIONS if not granted(item, action)]
                alike = [other for other in known.items if other.type == item.type]
                if not missing or len(alike) > 1:
                    continue
                asked = pb.Access(type=item.type, actions=[*item.actions, missing[0]])
                assert list((await server.ask(known.token, asked)).access) == []

    async def test_access_to_one_wallet_address_is_none_to_another(self, server: Server) -> None:
        for known in server.active:
            for item in known.items:
                if not item.HasField("identifier"):
                    continue
                asked = pb.Access(type=item.type, actions=item.actions, identifier=OTHER)
                covering = [
                    other
                    for other in known.items
                    if other.type == item.type and not other.HasField("identifier")
                ]
                found = await server.ask(known.token, asked)
                assert bool(found.access) <= bool(covering)

    async def test_limits_that_are_asked_for_are_the_granted_ones(self, server: Server) -> None:
        for known in server.active:
            for item in known.items:
                if not item.HasField("limits"):
                    continue
                assert (await server.ask(known.token, item)).access
                asked = pb.Access()
                asked.CopyFrom(item)
                asked.limits.interval = "R/2001-01-01T00:00:00Z/P1D"
                assert list((await server.ask(known.token, asked)).access) == []

    async def test_unknown_access_is_not_granted_and_is_no_error(self, server: Server) -> None:
        for known in server.active:
            asked = pb.Access(type="castles", actions=["storm"])
            found = await server.ask(known.token, asked)
            assert found.active
            assert list(found.access) == []

    @pytest.mark.parametrize("token", ["", "unknown", "x" * 1_000, "ü ß"])
    async def test_of_an_unknown_token_nothing_is_told(self, server: Server, token: str) -> None:
        assert await server.ask(token) == pb.IntrospectResponse(active=False)

    async def test_of_a_token_that_ended_nothing_is_told(self, server: Server) -> None:
        for known in server.tokens:
            if not known.active:
                assert await server.ask(known.token) == pb.IntrospectResponse(active=False)

    async def test_a_token_is_taken_letter_for_letter(self, server: Server) -> None:
        for known in server.active:
            for other in (known.token + " ", known.token[:-1], known.token.swapcase() + "a"):
                assert not (await server.ask(other)).active

    async def test_many_at_once_are_answered_alike(self, server: Server) -> None:
        token = server.active[0].token
        first, *others = await asyncio.gather(*(server.ask(token) for _ in range(TOGETHER)))
        for other in others:
            assert (other.grant, as_sets(other.access)) == (first.grant, as_sets(first.access))

    async def test_it_tells_of_revocations_or_says_that_it_does_not(self, server: Server) -> None:
        call = server.stub.WatchRevocations(pb.WatchRevocationsRequest(), timeout=DEADLINE_S)
        try:
            first = await call.read()
        except grpc.aio.AioRpcError as error:
            first, code = None, error.code()
        call.cancel()
        assert first.all if first is not None else code is grpc.StatusCode.UNIMPLEMENTED
