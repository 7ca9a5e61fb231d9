"""What Envoy answers itself to gRPC callers is a typed error with its reason, as a service's is."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from rafiki.openpayments.v1 import wallet_address_service_pb2 as pb
from rafiki.openpayments.v1.wallet_address_service_pb2_grpc import WalletAddressServiceStub
from servicekit.error_mapping import from_rpc_error
from servicekit.errors import DeadlineExceeded, ServiceError, Unavailable, Unimplemented

from deploy.envoy import errors
from deploy.envoy.settings import EnvoySettings
from deploy.local.envoy import EnvoyServer
from tests.integration.envoy.conftest import LIMITS, Edge, edge_settings, local
from tests.integration.envoy.fake_upstream import Script

REQUEST = pb.GetWalletAddressRequest(path="alice")


async def refusal(call: Any) -> ServiceError:
    """The typed error of a call, which must carry its reason in the details."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    names = [name for name, _ in refused.value.trailing_metadata() or ()]
    names += [name for name, _ in refused.value.initial_metadata() or ()]
    assert "grpc-status-details-bin" in names, refused.value
    error = from_rpc_error(refused.value)
    assert error.message in errors.DESCRIPTIONS.values()
    return error


def started(name: str, settings: EnvoySettings, path: Path) -> EnvoyServer:
    envoy = EnvoyServer(name, settings, path)
    envoy.start()
    return envoy


async def test_a_service_that_is_gone(running_edge: Edge, tmp_path: Path) -> None:
    reserved = socket.socket()  # bound and not listening: nobody else takes the port meanwhile
    reserved.bind(("127.0.0.1", 0))
    gone = local(reserved.getsockname()[1])
    settings = replace(edge_settings(running_edge.upstream), backend_grpc=gone, backend_http=gone)
    envoy = started("gone", settings, tmp_path)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.operator.port}") as channel:
            error = await refusal(WalletAddressServiceStub(channel).GetWalletAddress(REQUEST))
    finally:
        envoy.stop()
        reserved.close()
    assert isinstance(error, Unavailable)
    assert error.reason == "UNAVAILABLE"


async def test_more_calls_than_a_service_is_given(running_edge: Edge, tmp_path: Path) -> None:
    running_edge.upstream.reset()
    running_edge.upstream.script = Script(hang=True)
    limits = replace(LIMITS, upstream_requests_max=1)
    settings = edge_settings(running_edge.upstream, limits)
    envoy = started("full", settings, tmp_path)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.operator.port}") as channel:
            stub = WalletAddressServiceStub(channel)
            calls = [asyncio.ensure_future(stub.GetWalletAddress(REQUEST)) for _ in range(3)]
            done, left = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            error = await refusal(done.pop())
            for call in left:
                call.cancel()
    finally:
        envoy.stop()
        running_edge.upstream.reset()
    assert isinstance(error, Unavailable)


async def test_a_call_that_nothing_moves_on_is_ended(running_edge: Edge, tmp_path: Path) -> None:
    running_edge.upstream.reset()
    running_edge.upstream.script = Script(hang=True)
    limits = replace(LIMITS, rpc_idle_timeout_s=0.3)
    settings = edge_settings(running_edge.upstream, limits)
    envoy = started("idle", settings, tmp_path)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.operator.port}") as channel:
            error = await refusal(WalletAddressServiceStub(channel).GetWalletAddress(REQUEST))
    finally:
        envoy.stop()
        running_edge.upstream.reset()
    assert isinstance(error, DeadlineExceeded)
    assert error.reason == "DEADLINE"


async def test_what_is_not_public(edge: Edge) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.public.port}") as channel:
        error = await refusal(WalletAddressServiceStub(channel).GetWalletAddress(REQUEST))
    assert isinstance(error, Unimplemented)
    assert edge.upstream.calls == []


@pytest.mark.parametrize("status", errors.DESCRIPTIONS)
def test_every_status_has_a_typed_error(status: int) -> None:
    headers = errors.grpc_headers(status)
    assert 0 < int(headers["grpc-status"]) <= 16
    assert "=" not in headers["grpc-status-details-bin"]
