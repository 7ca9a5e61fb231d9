"""Promises about all contracts at once."""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

DESCRIPTORS = Path(__file__).resolve().parents[2] / "generated/envoy/descriptors.binpb"
# They read, or are harmless when repeated because of what they name themselves by.
READS = ("Get", "List", "Lookup", "Resolve", "Explain", "Introspect", "Pull", "Verify", "Check")
BY_THEIR_OWN_IDS = {
    "LedgerService/CreateAccounts",
    "LedgerService/CreateTransfers",
    "LedgerService/TransferBatches",
    "ConnectorService/SendPacket",
    "ConnectorService/Packets",
    # Each carries a signature that is good once, or a token that ends once.
    "SessionService/StartSession",
    "SessionService/EndSession",
}


def own_files() -> Iterator[FileDescriptorProto]:
    for file in FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        if file.name.startswith("rafiki/"):
            yield file


def test_every_mutating_rpc_takes_an_idempotency_key() -> None:
    fields = {
        f".{file.package}.{message.name}": {field.name for field in message.field}
        for file in own_files()
        for message in file.message_type
    }
    without = [
        f"{service.name}/{method.name}"
        for file in own_files()
        for service in file.service
        for method in service.method
        if not method.name.startswith(READS)
        and f"{service.name}/{method.name}" not in BY_THEIR_OWN_IDS
        and "idempotency_key" not in fields[method.input_type]
    ]
    assert without == []


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
