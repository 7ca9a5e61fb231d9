"""The RPCs of all contracts, read from the generated modules."""

import importlib
import pkgutil
from collections.abc import Iterator

import rafiki
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor


def service_modules() -> Iterator[str]:
    """The name of each generated module that has services."""
    for module in pkgutil.walk_packages(rafiki.__path__, "rafiki."):
        if module.name.endswith("_service_pb2"):
            yield module.name


def services() -> Iterator[ServiceDescriptor]:
    """Every service."""
    for name in service_modules():
        yield from importlib.import_module(name).DESCRIPTOR.services_by_name.values()


def unary_methods() -> list[MethodDescriptor]:
    """Every RPC that takes one message and answers with one."""
    return [
        method
        for service in services()
        for method in service.methods
        if not (method.client_streaming or method.server_streaming)
    ]
