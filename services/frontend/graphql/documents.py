"""Documents parsed and validated once, however often they are sent.

Keyed by their text, which is cheaper than the library's caches that hash the parsed document, and
bounded in memory: what is long is parsed each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)

from services.frontend.graphql.bounds import TOKENS_MAX, BoundsRule

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


def admin_documents(*, introspection: bool) -> Documents:
    """The documents of the Admin API.

    Args:
        introspection: whether clients may ask for the schema itself.
    """
    rules: list[type[ASTValidationRule]] = [BoundsRule]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    return Documents(rules, tokens_max=TOKENS_MAX)
