"""The schema is the text that clients' tools read, with something behind every field."""

import pytest
from graphql import GraphQLObjectType, is_introspection_type, print_schema
from graphql import build_schema as build_text

from services.frontend.graphql.operation import Operation
from services.frontend.graphql.replies import Reading
from services.frontend.graphql.schema import SCHEMA, build_schema


def test_the_schema_is_its_text_to_the_letter() -> None:
    assert print_schema(build_schema()) + "\n" == SCHEMA.read_text()


def test_only_what_is_not_offered_leads_nowhere() -> None:
    unread = {
        shown.name
        for shown in build_schema().type_map.values()
        if isinstance(shown, GraphQLObjectType) and not is_introspection_type(shown)
        for field in shown.fields.values()
        if field.resolve is None
    }
    assert unread == {
        "QuoteConnection",
        "QuoteEdge",
        "ConfirmPartialIncomingPaymentResponse",
        "RejectPartialIncomingPaymentResponse",
    }


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("type Query { f(id: ID!): A } type A { id: ID! hue: String }", "A.hue has no reader"),
        ("type Query { f(id: ID!, hue: String): A } type A { id: ID! }", "nothing is made of hue"),
    ],
)
def test_what_nothing_is_behind_fails_when_the_schema_is_built(text: str, missing: str) -> None:
    query = build_text(text).query_type
    assert query is not None
    with pytest.raises(TypeError, match=missing):
        Reading(fields={}, otherwise={}).attach("Query.f", query.fields["f"], Operation("GetAsset"))
