"""The walks over tenants' requests know each field of them, and each table, before they run."""

import importlib
import pkgutil

from servicekit.edge_contract import operations

import services.backend
from services.backend.schema.columns import metadata
from tests.integration.backend.isolation import admin_recipes, recipes
from tests.integration.backend.isolation.admin_walk import OPERATIONS, arguments
from tests.integration.backend.isolation.recipes import METHODS, SERVICES, looked_up, name_of
from tests.integration.backend.isolation.rows import RULES

TABLES = (
    recipes.OPERATOR_ONLY,
    recipes.BY_TOKEN,
    recipes.AS_ANOTHER_BANK,
    recipes.UNSUCCESSFUL,
)


def test_every_field_of_an_rpc_of_tenants_has_a_recipe() -> None:
    for method in recipes.of_tenants():
        for field in method.input_type.fields:
            recipes.recipe(method, field)


def test_every_argument_of_the_admin_api_has_a_recipe() -> None:
    for name, (_, field) in OPERATIONS.items():
        for argument, member in arguments(field):
            admin_recipes.recipe(name, member or argument)


def test_every_table_says_whose_its_rows_are() -> None:
    for module in pkgutil.walk_packages(services.backend.__path__, "services.backend."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    unowned = [
        table.name
        for table in metadata.tables.values()
        if not (table.foreign_keys or table.name == "tenants" or f"public.{table.name}" in RULES)
    ]
    assert unowned == [], "give them a tenant, or a rule in rows.py"


def test_an_rpc_says_who_acts_or_is_the_operators() -> None:
    exempt = recipes.OPERATOR_ONLY, recipes.BY_TOKEN, recipes.AS_ANOTHER_BANK
    nobodys = [
        name_of(each)
        for each in METHODS
        if "tenant_id" not in each.input_type.fields_by_name
        and all(looked_up(table, each) is None for table in exempt)
    ]
    assert nobodys == [], "give them a tenant_id, or say in recipes.py why they need none"


def test_tenants_and_clients_have_no_way_to_the_operators_rpcs() -> None:
    """The public listener has what the contracts give a path there."""
    public = {
        (each.service, each.method) for each in operations(*SERVICES) if each.proof is not None
    }
    assert public
    operators = [each for each in METHODS if looked_up(recipes.OPERATOR_ONLY, each) is not None]
    assert not public & {(each.containing_service.full_name, each.name) for each in operators}


def test_no_exemption_outlives_what_it_exempts() -> None:
    known = {name_of(each) for each in METHODS} | {f"{each.name}.*" for each in SERVICES}
    assert {entry for table in TABLES for entry in table} <= known
    assert {*admin_recipes.UNSUCCESSFUL, *admin_recipes.AS_ANOTHER_BANK} <= set(OPERATIONS)
