"""The walk over the Admin API: each operation of its schema, signed by a tenant."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from servicekit.hmac_signature import make_signature

import services.frontend
from tests.integration.backend.isolation import admin_recipes
from tests.integration.backend.isolation.belongings import Belongings
from tests.integration.backend.isolation.recipes import Absent, Thing, Value
from tests.integration.backend.isolation.walk import (
    NOBODY,
    OPERATOR,
    OTHER,
    OWN,
    Answer,
    World,
    ways,
)
from tests.support.asgi import AsgiClient

SCHEMA: Final = build_schema(
    (Path(next(iter(services.frontend.__path__))) / "schema.graphql").read_text("utf-8")
)
OPERATIONS: Final[Mapping[str, tuple[str, GraphQLField]]] = {
    name: (kind, field)
    for kind, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type))
    if root is not None
    for name, field in root.fields.items()
}
SUBSCRIPTIONS: Final = dict(SCHEMA.subscription_type.fields) if SCHEMA.subscription_type else {}
DEPTH_MAX: Final = 7
ROWS_OF_LISTS: Final = 10
ROWS_BELOW: Final = 1
"""Of the lists inside of what is asked for: a document has a limit on what it may cost."""


def arguments(field: GraphQLField) -> Iterator[tuple[str, str]]:
    """The arguments of an operation as `argument, member`; a member is one of an `input`."""
    for name, argument in _not_paging(field).items():
        kind = get_named_type(argument.type)
        if name == "input" and isinstance(kind, GraphQLInputObjectType):
            yield from ((name, member) for member in kind.fields)
        else:
            yield name, ""


def document(name: str) -> str:
    """An operation that asks for all that it can answer, down to DEPTH_MAX."""
    kind, field = OPERATIONS[name]
    taken = _not_paging(field)
    variables = ", ".join(f"${each}: {arg.type}" for each, arg in taken.items())
    page = [f"first: {ROWS_OF_LISTS}"] if "first" in field.args else []
    given = ", ".join([*(f"{each}: ${each}" for each in taken), *page])
    head = f"({variables})" if variables else ""
    call = f"{name}({given})" if given else name
    return f"{kind}{head} {{ {call} {_selection(field.type, ())} }}"


def _not_paging(field: GraphQLField) -> Mapping[str, GraphQLArgument]:
    paging = {"after", "before", "first", "last"}
    return {name: each for name, each in field.args.items() if name not in paging}


def _selection(kind: Any, inside: tuple[str, ...]) -> str:
    """All fields of a type; none again of a type that it is in."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
        parts = [
            f"... on {each.name} {_selection(each, inside)}"
            for each in SCHEMA.get_possible_types(named)
        ]
        return f"{{ __typename {' '.join(parts)} }}"
    assert isinstance(named, GraphQLObjectType)
    fields = ["__typename"]
    for name, field in named.fields.items():
        below = get_named_type(field.type)
        if below.name in inside or len(inside) >= DEPTH_MAX:
            continue
        if any(is_required_argument(each) for each in field.args.values()):
            continue
        page = f"(first: {ROWS_BELOW})" if "first" in field.args else ""
        fields.append(f"{name}{page} {_selection(field.type, (*inside, named.name))}")
    return f"{{ {' '.join(fields)} }}"


class AdminCaller:
    """Signs as a tenant."""

    def __init__(self, browser: AsgiClient) -> None:
        self._browser = browser

    async def ask(self, caller: Belongings, query: str, variables: Mapping[str, Any]) -> Answer:
        """The answer to one document; its verdict is OK or the first error's code."""
        body, headers = _signed(caller, query, variables)
        response = await self._browser.send("POST", "/graphql", body, headers)
        assert response.status == 200, (query, variables, response.body)
        answer = response.json()
        # Errors further below are of what else the document asks for.
        errors = [each for each in answer.get("errors", ()) if len(each["path"]) == 1]
        verdict = errors[0]["extensions"]["code"] if errors else "OK"
        if not errors and None in answer["data"].values():
            verdict = "NULL"
        return Answer(verdict, response.body, response.text)

    async def listen(
        self, caller: Belongings, query: str, variables: Mapping[str, Any], *, until: str
    ) -> Answer:
        """All that a subscription tells, up to where a word stands in it."""
        body, headers = _signed(caller, query, variables)
        pending = [{"type": "http.request", "body": body}]
        told, heard = bytearray(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if pending:
                return pending.pop()
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            told.extend(message.get("body", b""))
            if until.encode() in told:
                heard.set()

        await self._browser.app(
            {
                "type": "http",
                "method": "POST",
                "path": "/graphql",
                "headers": [
                    (name.encode(), value.encode())
                    for name, value in (headers | {"accept": "text/event-stream"}).items()
                ],
            },
            receive,
            send,
        )
        return Answer("OK" if heard.is_set() else "ENDED", bytes(told), told.decode())


def _signed(
    caller: Belongings, query: str, variables: Mapping[str, Any]
) -> tuple[bytes, dict[str, str]]:
    body = {"query": query, "variables": variables, "nonce": str(uuid4())}
    signature = make_signature(
        body, secret=caller.tenant.secret, version=1, now_ms=caller.node.clock.now_ms()
    )
    named = {"tenant-id": caller.tenant.id, "signature": signature}
    return json.dumps(body).encode(), {"content-type": "application/json", **named}


async def walk_subscription(world: World, name: str, caller: AdminCaller) -> None:
    """All that a subscription tells from the first event on, whosever events it asks for."""
    taken = SUBSCRIPTIONS[name].args
    assert set(taken) == {"after", "filter", "tenantId"}, f"say how to walk {name}"
    selection = _selection(SUBSCRIPTIONS[name].type, ())
    head = "subscription ($after: String, $tenantId: String)"
    query = f"{head} {{ {name}(after: $after, tenantId: $tenantId) {selection} }}"
    world.counts["subscriptions"] += 1
    own = world.tenant.belongings()
    payment = str(await own.get("incoming"))
    for whose in (OTHER, OPERATOR, OWN):
        tenant_id = await world.named(Thing("tenant_id"), whose, own)
        variables = {"after": "0", "tenantId": tenant_id}
        answer = await caller.listen(own, query, variables, until=payment)
        where = f"the subscription {name} with {whose}"
        assert answer.ok, f"{where}: {answer.about}"
        await world.check(answer, json.dumps(variables).encode(), where, public=False)


async def walk(world: World, name: str, caller: AdminCaller) -> None:
    """All ways of one operation."""
    members = {
        f"{argument}.{member}": admin_recipes.recipe(name, member or argument)
        for argument, member in arguments(OPERATIONS[name][1])
    }
    things = [each for each, recipe in members.items() if isinstance(recipe, Thing)]
    public = name in admin_recipes.AS_ANOTHER_BANK
    query = document(name)
    world.counts["operations"] += 1

    async def variables_of(
        whose: Mapping[str, str], own: Belongings
    ) -> tuple[dict[str, Any], list[str]]:
        made: dict[str, Any] = {}
        names: list[str] = []
        for place, recipe in members.items():
            if isinstance(recipe, Absent):
                continue
            if isinstance(recipe, Value):
                value = recipe.make(own)
            else:
                names.append(await world.named(recipe, whose[place], own))
                value = recipe.inside(names[-1], own)
            argument, _, member = place.partition(".")
            if member:
                made.setdefault(argument, {})[member] = value
            else:
                made[argument] = value
        return made, names

    for way in ways(things):
        whose = dict(zip(things, way, strict=True))
        foreign = bool(set(way) - {OWN})
        own = world.used if foreign else world.tenant.belongings()
        variables, names = await variables_of(whose, own)
        answer = await caller.ask(own, query, variables)
        where = f"{name} with {whose}"
        await world.check(answer, json.dumps(variables).encode(), where, public=public)
        world.counts["calls"] += 1
        world.counts["answered" if answer.ok else "refused"] += 1
        where = f"{where}: {answer.about}"
        if not foreign:
            expected = admin_recipes.UNSUCCESSFUL.get(name, "OK")
            assert answer.verdict == expected, where
        elif not public:
            nowhere = {each: OWN if who == OWN else NOBODY for each, who in whose.items()}
            variables, others = await variables_of(nowhere, own)
            missing = await caller.ask(own, query, variables)
            assert answer.without(names) == missing.without(others), where
