"""Promises about all contracts at once."""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
)

DESCRIPTORS = Path(__file__).resolve().parents[2] / "generated/envoy/descriptors.binpb"
# Repeats of these are harmless because of what they name themselves by.
BY_THEIR_OWN_IDS = {
    "LedgerService/CreateAccounts",
    "LedgerService/CreateTransfers",
    "LedgerService/TransferBatches",
    "ConnectorService/SendPacket",
    "ConnectorService/Packets",
    # A token ends once.
    "SessionService/EndSession",
}
# Each carries a signature that is good once, so that a client must not repeat the call by itself.
GOOD_ONCE = {"SessionService/StartSession", "TenantService/VerifyApiSignature"}


def own_files() -> Iterator[FileDescriptorProto]:
    for file in FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        if file.name.startswith("rafiki/"):
            yield file


def methods() -> Iterator[tuple[str, MethodDescriptorProto]]:
    for file in own_files():
        for service in file.service:
            for method in service.method:
                yield f"{service.name}/{method.name}", method


def input_fields() -> dict[str, set[str]]:
    return {
        f".{file.package}.{message.name}": {field.name for field in message.field}
        for file in own_files()
        for message in file.message_type
    }


def test_every_mutating_rpc_takes_an_idempotency_key() -> None:
    fields = input_fields()
    without = [
        name
        for name, method in methods()
        if method.options.idempotency_level == MethodOptions.IDEMPOTENT
        and name not in BY_THEIR_OWN_IDS
        and "idempotency_key" not in fields[method.input_type]
    ]
    assert without == []


def test_every_rpc_says_whether_clients_may_repeat_it() -> None:
    silent = {
        name
        for name, method in methods()
        if method.options.idempotency_level == MethodOptions.IDEMPOTENCY_UNKNOWN
    }
    assert silent == GOOD_ONCE


def test_reads_take_no_idempotency_key() -> None:
    fields = input_fields()
    assert [
        name
        for name, method in methods()
        if method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        and "idempotency_key" in fields[method.input_type]
    ] == []


def test_the_packages_of_the_design_exist() -> None:
    packages = {file.package for file in own_files()}
    assert packages >= {
        f"rafiki.{domain}.v1"
        for domain in (
            "ledger",
            "routing",
            "connector",
            "openpayments",
            "grant",
            "introspection",
            "admin",
            "common",
        )
    }
