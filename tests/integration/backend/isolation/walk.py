"""Every request of a tenant that names things of itself, of another tenant and of the operator.

Held at each call: no row and no account of the others changes, and the answer has none of their
ids, names and secrets beyond what the request itself said. What is another's is refused as if it
were nowhere. The same request about the tenant's own things succeeds, so it is a request in which
only the owner is wrong.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final
from uuid import uuid4

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from servicekit.errors import ServiceError

from tests.integration.backend.isolation import recipes
from tests.integration.backend.isolation.belongings import Belongings, Tenant, code
from tests.integration.backend.isolation.recipes import Absent, Thing, Value
from tests.integration.backend.isolation.rows import NODE, Looker, Rows, made_by_a_bank
from tests.integration.backend.payments.node import eventually

OWN, OTHER, OPERATOR, NOBODY = "own", "other", "operator", "nobody"
_ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """A reply or an error."""

    verdict: str
    """OK, or the error's kind and reason."""
    raw: bytes
    """All that was said."""
    about: str = ""
    """What an error says."""

    @property
    def ok(self) -> bool:
        return self.verdict == "OK"

    def without(self, names: Sequence[str]) -> tuple[str, str]:
        """What it says whatever the things are called."""
        about = self.about
        for each in names:
            about = about.replace(each, "<thing>")
        return self.verdict, _ID.sub("<thing>", about)


@dataclass(kw_only=True)
class World:
    """The acting tenant, the others, and what the others have."""

    tenant: Tenant
    others: Mapping[str, Belongings]
    """By what the walk calls them."""
    looker: Looker
    counts: Counter[str] = field(default_factory=Counter)
    used: Belongings = field(init=False)
    """The acting tenant's own things beside foreign ones."""
    others_rows: dict[tuple[str, ...], str] = field(init=False)
    others_words: set[str] = field(init=False)
    published: set[str] = field(default_factory=set)
    """What any bank is shown of the others."""

    @property
    def ids(self) -> frozenset[str]:
        """The others' ids."""
        return frozenset(each.tenant.id for each in self.others.values())

    async def prepare(self, kinds: Sequence[str]) -> None:
        """Let the others have one of each, and wait until the node is done with that."""
        self.used = self.tenant.belongings()
        for each in self.others.values():
            for kind in kinds:
                await each.get(kind)
            self.published |= await each.published()
        await self.settle()

    async def settle(self) -> None:
        """What the others have when nothing of theirs is on its way; it stays so from here on."""

        async def look() -> Rows:
            return await self.looker.look()

        rows = await eventually(look, lambda found: not found.due(self.ids))
        self.others_rows = rows.of(self.ids)
        self.others_words = rows.words(self.ids) - rows.words(frozenset([NODE]))

    async def check(self, answer: Answer, asked: bytes, where: str, *, public: bool) -> None:
        """The others are as before, and the answer says nothing of them."""
        rows = await self.looker.look()
        now, was, words = rows.of(self.ids), self.others_rows, self.others_words
        changed = {row for row in now.keys() | was.keys() if now.get(row) != was.get(row)}
        if changed:
            await self.settle()
        if public:
            changed = {row for row in changed if not made_by_a_bank(row, now, was)}
        assert not changed, f"{where} changed {[(was.get(row), now.get(row)) for row in changed]}"
        assert (mixed := rows.of_two()) == [], f"{where} left {mixed}"
        if public:
            words = words - self.published
        told = {each for each in words if each.encode() in answer.raw}
        # What the tenant has said itself, now or before, it may hear again.
        own = rows.text(self.tenant.id)
        told = {each for each in told if each.encode() not in asked and each not in own}
        assert not told, f"{where} tells of another tenant: {told}"

    async def named(self, thing: Thing, whose: str, own: Belongings) -> str:
        """How a thing of one of them is named."""
        if whose == NOBODY:
            return nobodys(str(await own.get(thing.kind)), thing)
        return str(await (own if whose == OWN else self.others[whose]).get(thing.kind))


def nobodys(own: str, thing: Thing) -> str:
    """A name like the own one, of nothing."""
    if thing.kind == "asset_code":
        return code()
    return _ID.sub(lambda found: str(uuid4()) if "-" in found[0] else uuid4().hex, own)


def ways(things: Sequence[str]) -> list[tuple[str, ...]]:
    """Whose each of the named things is; all its own comes last, as it may use them up."""
    found = list(product((OTHER, OPERATOR, OWN), repeat=len(things)))
    return [way for way in found if set(way) != {OWN}] + [(OWN,) * len(things)]


async def request_of(
    world: World, method: MethodDescriptor, way: Mapping[str, str], own: Belongings
) -> tuple[Any, list[str]]:
    """A request in which each thing is somebody's, and how it names them."""
    request: Any = GetMessageClass(method.input_type)()
    names: list[str] = []
    for each in method.input_type.fields:
        found = recipes.recipe(method, each)
        if isinstance(found, Absent):
            continue
        if isinstance(found, Value):
            value = found.make(own)
        else:
            names.append(await world.named(found, way[each.name], own))
            value = found.inside(names[-1], own)
        if each.is_repeated:
            getattr(request, each.name).extend(value)
        elif each.message_type is not None:
            getattr(request, each.name).CopyFrom(value)
        else:
            setattr(request, each.name, value)
    return request, names


async def ask(channel: Any, method: MethodDescriptor, request: Any, token: str) -> Answer:
    """Call an RPC; a stream carries one message each way."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    codecs = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    metadata = (("authorization", f"Bearer {token}"),)
    try:
        if method.client_streaming:
            stream = channel.stream_stream(path, **codecs)(iter([request]), metadata=metadata)
            (reply,) = [message async for message in stream]
        else:
            reply = await channel.unary_unary(path, **codecs)(request, metadata=metadata)
    except ServiceError as error:
        about = f"{error.message} {dict(error.metadata)} {error.field}"
        return Answer(f"{error.kind} {error.reason}", about.encode(), about)
    return Answer("OK", reply.SerializeToString())


async def walk(world: World, method: MethodDescriptor, channel: Any) -> None:
    """All ways of one RPC."""
    things = [
        each.name
        for each in method.input_type.fields
        if isinstance(recipes.recipe(method, each), Thing)
    ]
    public = recipes.looked_up(recipes.AS_ANOTHER_BANK, method) is not None
    world.counts["RPCs"] += 1
    for way in ways(things):
        whose = dict(zip(things, way, strict=True))
        foreign = bool(set(way) - {OWN})
        own = world.used if foreign else world.tenant.belongings()
        token = str(await own.get("peer_token"))
        if method.containing_service.name == "ConnectorService":
            await own.get("peer")
        request, names = await request_of(world, method, whose, own)
        answer = await ask(channel, method, request, token)
        where = f"{method.full_name} with {whose}"
        await world.check(answer, request.SerializeToString(), where, public=public)
        where = f"{where}: {answer.verdict} {answer.about}"
        world.counts["calls"] += 1
        world.counts["answered" if answer.ok else "refused"] += 1
        if not foreign:
            expected = recipes.looked_up(recipes.UNSUCCESSFUL, method)
            assert answer.ok or answer.verdict == expected, where
        elif not public:
            nowhere = {name: OWN if who == OWN else NOBODY for name, who in whose.items()}
            request, others = await request_of(world, method, nowhere, own)
            missing = await ask(channel, method, request, token)
            assert answer.without(names) == missing.without(others), where
