"""The schema: the text of `schema.graphql`, with the rows of `operations` behind its fields."""

from pathlib import Path
from typing import Final

import graphql
from graphql import GraphQLObjectType, GraphQLScalarType, GraphQLSchema, get_named_type

from services.frontend.graphql.feeds import SUBSCRIPTIONS
from services.frontend.graphql.fields import FIELDS, OTHERWISE
from services.frontend.graphql.operations import MUTATIONS, OF_ROWS, QUERIES
from services.frontend.graphql.replies import Reading
from services.frontend.graphql.scalars import SCALARS

SCHEMA: Final = Path(__file__).resolve().parents[1] / "schema.graphql"


def build_schema() -> GraphQLSchema:
    """The Admin API's schema; raises TypeError for a field that nothing is behind."""
    schema = graphql.build_schema(SCHEMA.read_text())
    for name, scalar in SCALARS.items():
        known = schema.type_map[name]
        assert isinstance(known, GraphQLScalarType)
        known.coerce_input_value = scalar.parse
        known.coerce_output_value = scalar.show
    reading = Reading(fields={**FIELDS, **OF_ROWS}, otherwise=OTHERWISE)
    for root, rows in ((schema.query_type, QUERIES), (schema.mutation_type, MUTATIONS)):
        assert isinstance(root, GraphQLObjectType)
        if root.fields.keys() != rows.keys():
            raise TypeError(f"{root.name} and its rows differ: {root.fields.keys() ^ rows.keys()}")
        for name, field in root.fields.items():
            reading.attach(f"{root.name}.{name}", field, rows[name])
    _subscribe(schema, reading)
    return schema


def _subscribe(schema: GraphQLSchema, reading: Reading) -> None:
    root = schema.subscription_type
    assert root is not None
    for name, feed in SUBSCRIPTIONS.items():
        field = root.fields[name]
        field.subscribe = feed
        field.resolve = lambda notice, _info, **_given: notice
        shown = get_named_type(field.type)
        assert isinstance(shown, GraphQLObjectType)
        for part, inner in shown.fields.items():
            reading.attach(f"{shown.name}.{part}", inner, FIELDS[f"{shown.name}.{part}"])
