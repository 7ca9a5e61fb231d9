"""The exported schema is what the service serves."""

from services.frontend.graphql.export import EXPORTED
from services.frontend.graphql.schema import build_schema


def test_the_exported_schema_is_fresh() -> None:
    # Remedy: .venv/bin/python -m services.frontend.graphql.export
    assert EXPORTED.read_text() == build_schema(introspection=True).as_str() + "\n"
