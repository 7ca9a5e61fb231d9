"""Server reflection under both of its names: tools ask `grpc.reflection.v1`, older ones `v1alpha`.

The package has only v1alpha. Both are the same messages on the wire, so one servicer answers both;
v1's own description follows from v1alpha's.
"""

from collections.abc import Iterable
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

METHOD: Final = "ServerReflectionInfo"
V1ALPHA: Final[str] = reflection.SERVICE_NAME
V1: Final = V1ALPHA.replace(".v1alpha.", ".v1.")
METHODS: Final = frozenset(f"/{service}/{METHOD}" for service in (V1, V1ALPHA))
"""The paths of its streams."""


def add_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Describe these services, and reflection itself, to whoever asks."""
    _describe_v1()
    servicer = reflection.aio.ReflectionServicer((*sorted(services), V1, V1ALPHA))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler: Any = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(V1, {METHOD: handler}),))


def _describe_v1() -> None:
    """Put v1's file where reflection finds descriptions; a repeat changes nothing."""
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    text = text_format.MessageToString(file).replace("v1alpha", "v1")
    named = text_format.Parse(text, FileDescriptorProto())
    descriptor_pool.Default().AddSerializedFile(named.SerializeToString())
