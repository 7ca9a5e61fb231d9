"""`python -m services.frontend.graphql.export`: write `schema.graphql` for clients' tools."""

from pathlib import Path
from typing import Final

from services.frontend.graphql.schema import build_schema

EXPORTED: Final = Path(__file__).resolve().parents[1] / "schema.graphql"


def main() -> None:
    """Write the schema's text."""
    EXPORTED.write_text(build_schema(introspection=True).as_str() + "\n")


if __name__ == "__main__":
    main()
