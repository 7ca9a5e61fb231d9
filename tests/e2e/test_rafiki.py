"""The operator's command on the local network."""

import asyncio

import pytest

from deploy.local.demo import Wallets
from deploy.local.environment import NodeConfig, grpc_target
from deploy.local.stack import Stack
from tests.e2e.booking import Accounts
from tests.support.postgres import free_port
from tests.support.rafiki_command import Ran, rafiki

pytestmark = pytest.mark.e2e


async def run(node: NodeConfig, *arguments: str, env: dict[str, str] | None = None) -> Ran:
    return await rafiki(grpc_target(node.ports.operator), *arguments, env=env)


async def test_a_payment_is_made_once_traced_and_explained(stack: Stack, wallets: Wallets) -> None:
    node = stack.configs[0]
    # Customers that no other test counts on.
    sender, receiver = wallets.by_node[0][1].url, wallets.by_node[1][1].url
    accounts = await Accounts.open(stack, sender, receiver)
    following = asyncio.ensure_future(
        run(node, "-o", "json", "events", "follow", "--cursor", "0", "--count", "2")
    )
    pay = ("-o", "json", "pay", sender, receiver, "2.00", "--key", "rafiki-once")
    paid = await run(node, *pay)
    assert paid.code == 0, paid.err
    assert paid.json["state"] == "OUTGOING_PAYMENT_STATE_COMPLETED"
    assert (await run(node, *pay)).json["id"] == paid.json["id"]
    payment_id = paid.json["id"]
    trace = await run(node, "trace", payment_id)
    for what in ("created", "outgoing_payment.completed", "ledger: packet posted"):
        assert what in trace.out
    explained = await run(node, "explain", "payment", payment_id)
    assert explained.out.startswith("COMPLETED: ")
    assert "2.00 USD are debited" in (await run(node, "explain", "quote", payment_id)).out
    lines = (await following).out.splitlines()
    assert len(lines) == 2
    await accounts.booked(payment_id)


async def test_the_doctor_finds_a_node_of_make_run_well(stack: Stack, wallets: Wallets) -> None:
    assert wallets.by_node
    node = stack.configs[0]
    settings = {
        "OPEN_PAYMENTS_URL": node.public_url,
        "KEY_ID": node.secrets.key_id,
        "PRIVATE_KEY_FILE": str(node.key_file),
        "OPERATOR_TENANT_ID": node.secrets.tenant_id,
        "ADMIN_API_SECRET": node.secrets.admin_api_secret,
        "GRPC_PORT": str(node.ports.backend_grpc[0]),
        "CONNECTOR_PORT": str(node.ports.backend_http[0]),
        "WORKERS": str(len(node.ports.backend_grpc)),
    }
    ran = await run(node, "-o", "json", "doctor", env=settings)
    assert ran.code == 0, ran.out
    found = {row["check"]: row["verdict"] for row in ran.json}
    for check in (
        *("service backend", "service auth", "public listener", "clock"),
        *("signature of the node", "signature of the operator", "peer test.happy-life-bank"),
        *("port GRPC_PORT, worker 2", "port CONNECTOR_PORT, worker 1"),
    ):
        assert found[check] == "ok", ran.out
    other = str(stack.configs[1].key_file)
    wrong = settings | {"PRIVATE_KEY_FILE": other, "CONNECTOR_PORT": str(free_port())}
    ran = await run(node, "-o", "json", "doctor", env=wrong)
    found = {row["check"]: row["verdict"] for row in ran.json}
    assert ran.code == 5
    assert (found["signature of the node"], found["port CONNECTOR_PORT, worker 1"]) == (
        "FAIL",
        "FAIL",
    )
