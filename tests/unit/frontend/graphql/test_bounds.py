"""Documents that ask for too much are refused before a service is called."""

import pytest
from graphql import build_schema, parse, validate

from services.frontend.graphql.bounds import DEPTH_MAX, BoundsRule
from tests.support.admin_edge import AdminEdge

INTROSPECTION_DEPTH = 12


async def refusal(edge: AdminEdge, query: str) -> str:
    answer = await edge.graphql(query)
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED", answer
    message: str = answer["errors"][0]["message"]
    return message


DEEPENING = build_schema("type Query { deeper: Query name: String }")


def deep(levels: int) -> str:
    return "{ deeper " * (levels - 1) + "{ name }" + " }" * (levels - 1)


@pytest.mark.parametrize("wrapped", ["{}", "{{ ...F }} fragment F on Query {}"])
def test_documents_deeper_than_ten_fields_are_refused_also_in_fragments(wrapped: str) -> None:
    def errors(levels: int) -> list[str]:
        document = parse(wrapped.format(deep(levels)))
        return [error.message for error in validate(DEEPENING, document, [BoundsRule])]

    assert errors(DEPTH_MAX) == []
    assert errors(DEPTH_MAX + 1) == ["Fields nest at most 10 deep"]


async def test_pages_in_pages_are_refused_when_they_cost_too_much(edge: AdminEdge) -> None:
    query = """query ($n: Int) { walletAddresses(first: $n) { edges { node {
        incomingPayments(first: 100) { edges { node { id state } } } } } } }"""
    assert "costs" in await refusal(edge, query)
    assert edge.services.requests("ListWalletAddresses") == []


async def test_aliases_cost_as_much_as_what_they_name(edge: AdminEdge) -> None:
    fields = " ".join(
        f"a{n}: assets(first: 100) {{ edges {{ node {{ id }} }} }}" for n in range(90)
    )
    assert "costs" in await refusal(edge, f"{{ {fields} }}")


async def test_fragments_of_fragments_do_not_multiply_for_free(edge: AdminEdge) -> None:
    spreads = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(40))
    query = "{ ...F0 } " + spreads + "fragment F40 on Query { whoami { id } }"
    assert "costs" in await refusal(edge, query)


async def test_a_document_of_too_many_words_is_not_parsed(edge: AdminEdge) -> None:
    answer = await edge.graphql("{ " + "whoami { id } " * 1000 + "}")
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize("cycle", ["fragment F on Query { ...F }"])
async def test_a_cycle_of_fragments_ends(edge: AdminEdge, cycle: str) -> None:
    await refusal(edge, "{ ...F } " + cycle)


async def test_the_usual_introspection_query_is_not_too_deep(edge: AdminEdge) -> None:
    nested = "ofType { " * INTROSPECTION_DEPTH + "name" + " }" * INTROSPECTION_DEPTH
    query = "{ __schema { types { fields { type { name " + nested + " } } } } }"
    assert "data" in await edge.graphql(query)
