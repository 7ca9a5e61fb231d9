"""What one GraphQL field asks of the services: an RPC, and where its request comes from.

A request's field is the argument of the same name, whether it is the field's own or one of its
`input`. `take` says where else it comes from: from another argument, changed or not.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from graphql import GraphQLArgument, GraphQLField, GraphQLInputObjectType, get_named_type
from servicekit.errors import InvalidArgument, NotFound, Unimplemented

from services.frontend.clients import METHODS
from services.frontend.graphql.context import AdminContext
from services.frontend.graphql.names import camel_case
from services.frontend.graphql.paging import PAGE_ARGUMENTS, plan_page
from services.frontend.graphql.requests import Convert, argument, put

_TENANT: Final = "tenant_id"
_KEY: Final = "idempotency_key"
_PAGE: Final = "page"


@dataclass(frozen=True, slots=True)
class Of:
    """An argument by its path, and what becomes of it."""

    path: str
    convert: Convert | None = None


class Answered(NamedTuple):
    """A reply, beside what was asked for."""

    request: Any
    reply: Any


@dataclass(frozen=True, slots=True)
class NotOffered:
    """What the original has and this node does not."""

    what: str

    def error(self) -> Unimplemented:
        """The refusal."""
        return Unimplemented("UNIMPLEMENTED", f"{self.what} are not offered by this node")


Then: TypeAlias = Callable[[AdminContext, Mapping[str, Any], Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One RPC as a GraphQL field."""

    rpc: str
    take: Mapping[str, Of] = field(default_factory=dict)
    """Fields of the request that have another source than the argument of their name."""
    row: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request that the row has which the GraphQL field is in: name, field."""
    within: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Arguments by path that lie between two numbers."""
    refused: Mapping[str, NotOffered] = field(default_factory=dict)
    """Arguments by path that mean something which is not offered."""
    null_if_missing: bool = False
    """Whether NOT_FOUND is null and no error."""
    with_request: bool = False
    """Whether the answer needs what was asked for."""
    then: Then | None = None
    """Makes the answer of the arguments, the request and its reply."""
    unused: Sequence[str] = ()
    """Arguments that no request has a field for: `then` reads them, or they have one value only."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several operations, by an argument."""

    by: Of
    operations: Mapping[tuple[str, ...], Operation]
    otherwise: Operation


class Chosen:
    """A choice, made ready for the arguments of its GraphQL field."""

    def __init__(self, choice: Choice, name: str, shown: GraphQLField) -> None:
        self._by = choice.by
        self._otherwise = Call(choice.otherwise, name, shown, elsewhere=(choice.by.path,))
        self._calls = {
            values: Call(operation, name, shown, elsewhere=(choice.by.path,))
            for values, operation in choice.operations.items()
        }

    @property
    def answers(self) -> Sequence[Descriptor]:
        """The kinds of message that the RPCs answer."""
        return [call.answer for call in (self._otherwise, *self._calls.values())]

    async def resolve(self, row: Any, info: Any, **arguments: Any) -> Any:
        """The field's value."""
        value = argument(arguments, self._by.path)
        if self._by.convert is not None:
            value = self._by.convert(value)
        call = self._calls.get(tuple(value), self._otherwise)
        return await call.resolve(row, info, **arguments)


class Call:
    """An operation, made ready for the arguments of its GraphQL field."""

    def __init__(
        self,
        operation: Operation,
        name: str,
        shown: GraphQLField,
        *,
        elsewhere: Sequence[str] = (),
    ) -> None:
        self._operation = operation
        self._elsewhere = (*operation.unused, *elsewhere)
        self._method: MethodDescriptor = METHODS[operation.rpc]
        self._request: type[Message] = GetMessageClass(self._method.input_type)
        self._in_input = "input" in shown.args
        self._fields = tuple(self._sources(_leaves(_arguments(shown)), name))

    @property
    def answer(self) -> Descriptor:
        """The kind of message that the RPC answers."""
        return self._method.output_type

    async def resolve(self, row: Any, info: Any, **arguments: Any) -> Any:
        """The field's value."""
        context: AdminContext = info.context
        request = self._build(row, context, arguments)
        try:
            reply = await context.call(self._operation.rpc, request)
        except NotFound:
            if self._operation.null_if_missing:
                return None
            raise
        if self._operation.then is not None:
            return await self._operation.then(context, self._given(arguments), request, reply)
        return Answered(request, reply) if self._operation.with_request else reply

    def _sources(
        self, unused: dict[str, GraphQLArgument], name: str
    ) -> Iterator[tuple[FieldDescriptor, Of]]:
        """Where each field of the request comes from; every argument must come to something."""
        operation = self._operation
        for known in self._method.input_type.fields:
            if known.name in operation.row:
                continue
            if known.name == _PAGE:
                for one in PAGE_ARGUMENTS:
                    unused.pop(one, None)
                continue
            source = operation.take.get(known.name, Of(camel_case(known.name)))
            matching = [path for path in unused if f"{path}.".startswith(f"{source.path}.")]
            for path in matching:
                del unused[path]
            if matching or known.name in (_TENANT, _KEY):
                yield known, source
        for path in [*operation.refused, *self._elsewhere]:
            for one in [one for one in unused if f"{one}.".startswith(f"{path}.")]:
                del unused[one]
        if unused:
            raise TypeError(f"{name}: nothing is made of {', '.join(unused)}")

    def _given(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        given: Mapping[str, Any] = arguments["input"] if self._in_input else arguments
        return given

    def _build(self, row: Any, context: AdminContext, arguments: Mapping[str, Any]) -> Message:
        given = self._given(arguments)
        self._check(given)
        request = self._request()
        for name, of_row in self._operation.row.items():
            setattr(request, name, getattr(row, of_row))
        for known, source in self._fields:
            value = argument(given, source.path)
            if source.convert is not None:
                value = source.convert(value)
            elif known.name == _KEY:
                value = value or context.new_key()
            elif known.name == _TENANT and not known.has_presence:
                value = context.tenant_id
            if value is not None:
                put(request, known, value, source.path.rpartition(".")[2])
        if _PAGE in request.DESCRIPTOR.fields_by_name:
            request.page.CopyFrom(_page(arguments))  # type: ignore[attr-defined] # it has the field
        return request

    def _check(self, given: Mapping[str, Any]) -> None:
        for path, refused in self._operation.refused.items():
            if argument(given, path) not in (None, False):
                raise refused.error()
        for path, (least, most) in self._operation.within.items():
            value, name = argument(given, path), path.rpartition(".")[2]
            if value is not None and not least <= value <= most:
                raise InvalidArgument(
                    "INVALID_FIELD", f"{name} lies between {least} and {most}", field=name
                )


def _page(arguments: Mapping[str, Any]) -> Message:
    return plan_page(
        after=arguments.get("after"),
        before=arguments.get("before"),
        first=arguments.get("first"),
        last=arguments.get("last"),
        sort_order=arguments.get("sortOrder"),
    )


def _arguments(shown: GraphQLField) -> Mapping[str, Any]:
    """The arguments of a field, those of its `input` in place of that."""
    given = shown.args.get("input")
    if given is None:
        return shown.args
    kind = get_named_type(given.type)
    assert isinstance(kind, GraphQLInputObjectType)
    fields: Mapping[str, Any] = kind.fields
    return fields


def _leaves(arguments: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The paths of all arguments that are no objects of others."""
    found: dict[str, Any] = {}
    for name, given in arguments.items():
        kind = get_named_type(given.type)
        if isinstance(kind, GraphQLInputObjectType):
            found |= _leaves(kind.fields, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = given
    return found
