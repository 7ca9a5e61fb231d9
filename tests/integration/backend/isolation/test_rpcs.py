"""Every RPC of the backend's contracts, asked by a tenant about its own and others' things."""

from collections.abc import Mapping
from typing import Final

import pytest
from google.protobuf.descriptor import MethodDescriptor
from servicekit.edge_contract import operations

from tests.integration.backend.isolation import recipes
from tests.integration.backend.isolation.recipes import looked_up
from tests.integration.backend.isolation.walk import World, walk
from tests.integration.backend.payments.node import Node
from tests.support.contracts import services

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
CONTRACTS: Final = tuple(
    f"rafiki.{name}." for name in ("admin", "openpayments", "connector", "ledger", "routing")
)
SERVICES: Final = [each for each in services() if each.full_name.startswith(CONTRACTS)]
METHODS: Final = [method for service in SERVICES for method in service.methods]
OF_TENANTS: Final = [each for each in METHODS if looked_up(recipes.OPERATOR_ONLY, each) is None]
TABLES: Final[list[Mapping[str, str]]] = [
    recipes.OPERATOR_ONLY,
    recipes.BY_TOKEN,
    recipes.AS_ANOTHER_BANK,
    recipes.UNSUCCESSFUL,
]


def name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"


@pytest.mark.parametrize("method", OF_TENANTS, ids=name)
async def test_nothing_of_another_tenant_is_read_or_changed(
    node: Node, world: World, method: MethodDescriptor
) -> None:
    await walk(world, method, node.channel)


async def test_an_rpc_says_who_acts_or_is_the_operators() -> None:
    exempt = recipes.OPERATOR_ONLY, recipes.BY_TOKEN, recipes.AS_ANOTHER_BANK
    nobodys = [
        name(each)
        for each in METHODS
        if "tenant_id" not in each.input_type.fields_by_name
        and all(looked_up(table, each) is None for table in exempt)
    ]
    assert nobodys == [], "give them a tenant_id, or say in recipes.py why they need none"


async def test_tenants_and_clients_have_no_way_to_the_operators_rpcs() -> None:
    """The public listener has what the contracts give a path there."""
    public = {
        (each.service, each.method) for each in operations(*SERVICES) if each.proof is not None
    }
    assert public
    operators = [each for each in METHODS if each not in OF_TENANTS]
    assert not public & {(each.containing_service.full_name, each.name) for each in operators}


async def test_no_exemption_outlives_its_rpc() -> None:
    known = {name(each) for each in METHODS} | {f"{each.name}.*" for each in SERVICES}
    assert {entry for table in TABLES for entry in table} <= known
