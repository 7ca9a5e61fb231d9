"""The operator's command against a real backend: what it prints, does, and exits with."""

import uuid

from tests.integration.backend.admin.conftest import ADMIN_SECRET, OPERATOR, World, eventually
from tests.support.postgres import free_port
from tests.support.rafiki_command import Ran, rafiki


async def run(world: World, *arguments: str) -> Ran:
    return await rafiki(world.target, *arguments)


async def test_assets_are_created_once_shown_and_listed(world: World) -> None:
    created = await run(world, "-o", "json", "assets", "create", "USD", "2", "--key", "usd")
    again = await run(world, "-o", "json", "assets", "create", "USD", "2", "--key", "usd")
    assert created.json == again.json
    asset_id = created.json["id"]
    shown = await run(world, "-o", "json", "assets", "show", asset_id)
    assert shown.json["code"] == "USD"
    table = await run(world, "assets", "list")
    assert table.out.split("\n")[0].split() == ["id", "code", "scale", "liquidity", "tenant"]
    assert f"{asset_id}  USD" in table.out


async def test_a_tenants_assets_are_its_own(world: World) -> None:
    await run(world, "assets", "create", "USD", "2")
    tenant = await run(
        world,
        "-o",
        "json",
        "tenants",
        "create",
        "--api-secret",
        "a secret of theirs",
        "--name",
        "Bank",
    )
    tenant_id = tenant.json["id"]
    own = await run(world, "--tenant", tenant_id, "-o", "json", "assets", "create", "EUR", "2")
    assert own.json["tenant_id"] == tenant_id
    listed = await run(world, "--tenant", tenant_id, "-o", "json", "assets", "list")
    assert [asset["code"] for asset in listed.json] == ["EUR"]
    assert "a secret" not in tenant.out
    assert "Bank" in (await run(world, "tenants", "show", tenant_id)).out
    assert tenant_id in (await run(world, "tenants", "list")).out


async def test_peers_are_created_and_routes_to_them_explained(world: World) -> None:
    asset = await world.asset()
    created = await run(
        world,
        *("-o", "json", "peers", "create", "test.far", "http://peer.test/ilp"),
        *("--asset", asset.id, "--their-token", "theirs", "--our-token", "ours"),
        *("--route", "test.farther"),
    )
    assert created.code == 0, created.err
    peer_id = created.json["id"]

    async def explained() -> Ran:
        return await run(world, "explain", "route", "test.farther.bob", "--amount", "5.00")

    ran = await eventually(explained, lambda ran: ran.code == 0)
    assert peer_id in ran.out
    assert ran.out.rstrip().endswith("Packets would be sent.")
    nowhere = await run(world, "explain", "route", "test.nowhere")
    assert (nowhere.code, "F02" in nowhere.out) == (5, True)
    assert "test.farther" in (await run(world, "peers", "list")).out
    assert (await run(world, "peers", "delete", peer_id)).code == 0
    assert (await run(world, "peers", "show", peer_id)).code == 4


async def test_money_goes_in_and_out(world: World) -> None:
    asset = await world.asset()
    into = str(uuid.uuid4())
    for _ in range(2):
        done = await run(world, "deposit", "asset", asset.id, "12.05", "--id", into)
        assert done.code == 0, done.err
    assert "12.05 USD" in (await run(world, "assets", "show", asset.id)).out
    pending = await run(
        world, "-o", "json", "withdraw", "asset", asset.id, "2.05", "--timeout", "60"
    )
    assert pending.json["amount"] == "205"
    assert (await run(world, "withdraw", "post", pending.json["id"])).code == 0
    assert "10.00 USD" in (await run(world, "status")).out
    too_much = await run(world, "withdraw", "asset", asset.id, "10.01")
    assert (too_much.code, "INSUFFICIENT_BALANCE" in too_much.err) == (1, True)


async def test_events_are_listed_and_followed_from_a_cursor(world: World) -> None:
    asset = await world.asset()
    wallet = await world.wallet(asset.id, "alice")
    bob = await world.wallet(asset.id, "bob")
    paid = await run(world, "-o", "json", "pay", wallet.address, bob.address, "1.00", "--no-wait")
    assert paid.json["state"] == "OUTGOING_PAYMENT_STATE_FUNDING", paid.err
    payment_id = paid.json["id"]
    followed = await run(
        world,
        *("-o", "json", "events", "follow", "--cursor", "0", "--count", "1"),
        *("--type", "outgoing_payment.created"),
    )
    assert followed.json["data"]["id"] == payment_id
    assert payment_id in (await run(world, "events", "list")).out
    assert (await run(world, "events", "replay", followed.json["id"])).code == 0
    explained = await run(world, "explain", "payment", payment_id)
    assert f"rafiki deposit payment {payment_id}" in explained.out
    assert (await run(world, "deposit", "payment", payment_id)).code == 0


async def test_a_node_that_does_not_answer_has_an_exit_code(world: World) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    ran = await rafiki(nobody, "assets", "list")
    assert (ran.code, "rafiki doctor" in ran.err) == (3, True)
    assert (await rafiki(nobody, "status")).code == 3
    assert (await run(world, "assets", "show", str(uuid.uuid4()))).code == 4
    assert (await run(world, "assets", "unknown-command")).code == 2


async def test_the_doctor_says_what_is_wrong_and_what_to_do(world: World) -> None:
    asset = await world.asset()
    await world.peer(asset.id, "test.far", max_packet_amount=5)
    right = {"OPERATOR_TENANT_ID": str(OPERATOR), "ADMIN_API_SECRET": ADMIN_SECRET}
    ran = await rafiki(world.target, "-o", "json", "doctor", env=right)
    found = {row["check"]: row for row in ran.json}
    assert ran.code == 5
    assert found["service backend"]["verdict"] == "ok"
    assert found["signature of the operator"]["verdict"] == "ok"
    assert found["signature of the node"]["verdict"] == "skip"
    assert found["liquidity USD"]["verdict"] == "warn"
    assert found["liquidity USD"]["do"] == f"rafiki deposit asset {asset.id} AMOUNT"
    assert found["peer test.far"]["verdict"] == "FAIL"
    wrong = await rafiki(
        world.target, "-o", "json", "doctor", env=right | {"ADMIN_API_SECRET": "x"}
    )
    found = {row["check"]: row for row in wrong.json}
    assert found["signature of the operator"]["verdict"] == "FAIL"


async def test_nothing_waits_to_be_reconciled(world: World) -> None:
    ran = await run(world, "-o", "json", "reconcile")
    assert (ran.code, ran.json) == (0, [])
    assert (await run(world, "reconcile", "resolve", str(uuid.uuid4()), "peer")).code == 4


async def test_completion_is_offered() -> None:
    ran = await rafiki("x", "--show-completion", "bash")
    assert "_RAFIKI_COMPLETE" in ran.out or "complete" in ran.out
