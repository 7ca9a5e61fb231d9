"""Documents parsed and validated once, however often they are sent.

Keyed by their text, which is cheaper than the library's caches that hash the parsed document, and
bounded in memory: what is long is parsed each time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension

DOCUMENTS_MAX: Final = 512
DOCUMENT_CHARACTERS_MAX: Final = 16_384
"""Of a document that is kept."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A parsed document and what is wrong with it."""

    document: DocumentNode
    errors: list[GraphQLError]


class Documents:
    """The documents that one schema has met."""

    def __init__(self, rules: Sequence[type[ASTValidationRule]], *, tokens_max: int) -> None:
        self._rules = (*specified_rules, *rules)
        self._tokens_max = tokens_max
        self._keep = lru_cache(maxsize=DOCUMENTS_MAX)(self._check)

    def check(self, schema: GraphQLSchema, text: str) -> Checked:
        """Parse and validate; raises GraphQLError for what is no document."""
        if len(text) > DOCUMENT_CHARACTERS_MAX:
            return self._check(schema, text)
        return self._keep(schema, text)

    def _check(self, schema: GraphQLSchema, text: str) -> Checked:
        document = parse(text, max_tokens=self._tokens_max)
        return Checked(document, validate(schema, document, self._rules))


class CheckedDocuments(SchemaExtension):
    """Gives the execution its document and the verdict on it; one for each request."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._errors: list[GraphQLError] = []

    def on_parse(self) -> Iterator[None]:
        """Parse and validate in one look-up."""
        context = self.execution_context
        # The library offers the core schema, which validates, under this name only.
        core: GraphQLSchema = context.schema._schema  # noqa: SLF001 - see above
        checked = self._documents.check(core, context.query or "")
        context.graphql_document = checked.document
        self._errors = list(checked.errors)
        yield

    def on_validate(self) -> Iterator[None]:
        """Tell the verdict."""
        self.execution_context.pre_execution_errors = self._errors
        yield
