"""The README's grpcurl session against the operator listener: reflection, health and calls."""

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, Final

import pytest

from deploy.local.demo import Wallets
from deploy.local.environment import grpc_target
from deploy.local.stack import Stack

pytestmark = pytest.mark.e2e
TIMEOUT_S: Final = 30.0
Grpcurl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def grpcurl(stack: Stack, wallets: Wallets) -> Grpcurl:
    """Runs grpcurl at the first node's operator listener."""
    program = shutil.which("grpcurl")
    if program is None:
        pytest.skip("grpcurl is not on the PATH")
    target = grpc_target(stack.configs[0].ports.operator)

    def run(
        *method: str, data: dict[str, Any] | None = None, headers: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        body = [] if data is None else ["-d", json.dumps(data)]
        named = [word for header in headers for word in ("-H", header)]
        return subprocess.run(
            [program, "-plaintext", *named, *body, target, *method],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_reflection_lists_the_services_of_both(grpcurl: Grpcurl) -> None:
    backend = grpcurl("list").stdout.split()
    assert {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "rafiki.admin.v1.AssetService",
        "rafiki.admin.v1.PaymentService",
        "rafiki.connector.v1.ConnectorService",
        "rafiki.ledger.v1.LedgerService",
        "rafiki.openpayments.v1.IncomingPaymentService",
        "rafiki.routing.v1.RoutingService",
    } <= set(backend)
    auth = grpcurl("list", headers=("x-reflect: auth",)).stdout.split()
    assert {"rafiki.grant.v1.GrantService", "rafiki.introspection.v1.IntrospectionService"} <= set(
        auth
    )


def test_a_contract_is_described_from_reflection(grpcurl: Grpcurl) -> None:
    described = grpcurl("describe", "rafiki.admin.v1.CreateAssetRequest").stdout
    assert "idempotency_key" in described


@pytest.mark.parametrize("headers", [(), ("x-reflect: auth",)])
def test_both_services_are_healthy(grpcurl: Grpcurl, headers: tuple[str, ...]) -> None:
    done = grpcurl("grpc.health.v1.Health/Check", headers=headers)
    assert answer(done) == {"status": "SERVING"}


def test_assets_are_listed(grpcurl: Grpcurl) -> None:
    listed = answer(grpcurl("rafiki.admin.v1.AssetService/ListAssets", data={"page": {"first": 5}}))
    assert "USD" in [asset["code"] for asset in listed["assets"]]


def test_a_route_is_resolved_and_explained(grpcurl: Grpcurl) -> None:
    data = {"destination": "test.happy-life-bank.x"}
    resolved = answer(grpcurl("rafiki.routing.v1.RoutingService/ResolveRoute", data=data))
    assert resolved["route"]["prefix"] == "test.happy-life-bank"


def test_a_mutation_with_one_key_happens_once(grpcurl: Grpcurl) -> None:
    data = {"code": "CHF", "scale": 2, "idempotency_key": "chf-1"}
    first, second = (
        answer(grpcurl("rafiki.admin.v1.AssetService/CreateAsset", data=data)) for _ in range(2)
    )
    assert first == second
    other = grpcurl("rafiki.admin.v1.AssetService/CreateAsset", data=data | {"scale": 3})
    assert other.returncode != 0
    assert "IDEMPOTENCY_KEY_REUSED" in other.stderr


def test_an_error_carries_its_machine_reason(grpcurl: Grpcurl) -> None:
    data = {"id": "00000000-0000-4000-8000-000000000000"}
    refused = grpcurl("rafiki.admin.v1.AssetService/GetAsset", data=data)
    assert "Code: NotFound" in refused.stderr
    assert "UNKNOWN_ASSET" in refused.stderr
