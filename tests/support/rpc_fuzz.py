"""Random requests to every RPC of a running service: refused by name or carried out, never a bug.

Each run draws the same requests. FUZZ_MESSAGES asks each RPC more often and FUZZ_SEED otherwise.
"""

import asyncio
import os
from collections import Counter
from random import Random  # noqa: TID251 - seeded: each run draws the same requests
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from servicekit.errors import ServiceError

from tests.support.contracts import unary_methods

MESSAGES: Final = int(os.environ.get("FUZZ_MESSAGES", "12"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
CONCURRENT: Final = 8
CALL_TIMEOUT_S: Final = 3.0
_DEPTH_MAX: Final = 5
_OUR_BUGS: Final = {"INTERNAL", "UNKNOWN", "DATA_LOSS"}

TEXTS: Final = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1.5",
        "1e400",
        "null",
        "\0",
        "a\0b",
        "\ufffe",
        "é",
        "\U0001f600",
        "a" * 5000,
    ),
    *(
        "USD",
        "usd",
        "test.bank",
        "test.bank.child",
        "test.peer",
        "private",
        "peer.x",
        "g." + "a" * 1022,
    ),
    *(
        "http://[::1",
        "http://",
        "https://wallet.test/alice",
        "ftp://a",
        "https://a:b@c/",
        "http://\uff11/",
    ),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "not-a-uuid"),
    *(
        "9" * 18,
        "9" * 19,
        "9" * 20,
        "9" * 40,
        "2026-01-01T00:00:00Z",
        "R1/2026-01-01T00:00:00Z/P1D",
    ),
]
_WHOLE_NUMBERS: Final = [
    0,
    1,
    2,
    9,
    255,
    256,
    2**15,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
]
_RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Requests:
    """Draws requests; the ids of what is there let some of them get far."""

    def __init__(self, random: Random, known: list[str]) -> None:
        self._random = random
        self._known = known

    def message(self, descriptor: Descriptor, depth: int = 0) -> Any:
        message: Any = GetMessageClass(descriptor)()
        if isinstance(message, Struct):
            message.update({self._text(): self._random.choice([None, True, 1e300, "\0", [1, {}]])})
        elif isinstance(message, Timestamp):
            message.seconds = self._random.choice([0, 1_800_000_000, 253_402_300_799, -(2**63)])
        elif depth < _DEPTH_MAX:
            for field in descriptor.fields:
                if self._random.random() < (0.8 if depth == 0 else 0.6):
                    self._set(message, field, depth)
        return message

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        if field.is_repeated:
            values = [self._value(field, depth) for _ in range(self._random.choice([1, 1, 2, 5]))]
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(message, field.name, self._value(field, depth))

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            return self.message(field.message_type, depth + 1)
        if field.enum_type is not None:
            return self._random.choice([*(value.number for value in field.enum_type.values), 99])
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text()
        return self._random.choice(self._scalars(field))

    @staticmethod
    def _scalars(field: FieldDescriptor) -> list[Any]:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return [b"", b"\0", b"\xff" * 40, b"{}", b'{"a": 1e999}']
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return [False, True]
        if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
            return [0.0, -1.0, 1e30, float("nan"), float("inf")]
        least, most = _RANGES[field.cpp_type]
        return [number for number in (*_WHOLE_NUMBERS, -1, least) if least <= number <= most]

    def _text(self) -> str:
        return self._random.choice(self._known if self._random.random() < 0.5 else TEXTS)


async def fuzz(channel: Any, known: list[str]) -> set[str]:
    """Ask every RPC of the contracts; returns the paths that are served here."""
    random = Random(SEED)  # noqa: S311 - for test data
    requests = Requests(random, known)
    methods = unary_methods()
    room = asyncio.Semaphore(CONCURRENT)
    counts, bugs, served = Counter[str](), list[str](), set[str]()

    async def ask(method: MethodDescriptor, request: Message) -> None:
        path = f"/{method.containing_service.full_name}/{method.name}"
        call: Any = channel.unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        async with room:
            try:
                await call(request, timeout=CALL_TIMEOUT_S)
                kind = "OK"
            except ServiceError as error:
                kind = str(error.kind)
                if kind in _OUR_BUGS or not error.reason:
                    bugs.append(f"{path} {error!r} {request!r}"[:2_000])
        counts[kind] += 1
        if kind != "UNIMPLEMENTED":
            served.add(path)

    for method in methods:
        drawn = [requests.message(method.input_type) for _ in range(MESSAGES)]
        await asyncio.gather(*(ask(method, request) for request in drawn))
    print(f"{counts.total()} requests to {len(served)} RPCs: {dict(counts)}")  # noqa: T201 - for docs
    assert bugs == []
    return served
