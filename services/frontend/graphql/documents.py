"""Documents parsed and validated once, however often they are sent.

Keyed by their text, which is cheaper than the library's caches that hash the parsed document, and
bounded in memory: what is long is parsed each time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
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

    @property
    def only_field(self) -> str | None:
        """`query.name` of a document that surely runs one field and no other, at its root."""
        if self.errors or len(self.document.definitions) != 1:
            return None
        (operation,) = self.document.definitions
        if not isinstance(operation, OperationDefinitionNode):
            return None
        selections = operation.selection_set.selections
        if len(selections) != 1 or not isinstance(selections[0], FieldNode):
            return None
        field = selections[0]
        return None if field.directives else f"{operation.operation.value}.{field.name.value}"


class Documents:
    """The documents that one schema has met."""

    def __init__(self, rules: Sequence[type[ASTValidationRule]], *, tokens_max: int) -> None:
        self._rules = (*specified_rules, *rules)
        self._tokens_max = tokens_max
        self._known: OrderedDict[str, Checked] = OrderedDict()
        self._named: OrderedDict[str, str] = OrderedDict()

    def known(self, text: str) -> Checked | None:
        """A document that was checked before, without the work of checking it."""
        checked = self._known.get(text)
        if checked is not None:
            self._known.move_to_end(text)
        return checked

    def text_of(self, digest: str) -> str | None:
        """The text of a document that a client named by its SHA-256 before, and gave."""
        text = self._named.get(digest)
        if text is not None:
            self._named.move_to_end(digest)
        return text

    def name(self, digest: str, text: str) -> bool:
        """Keep a document under its SHA-256; whether that is what the digest is."""
        if sha256(text.encode()).hexdigest() != digest:
            return False
        if len(text) <= DOCUMENT_CHARACTERS_MAX:
            self._named[digest] = text
            if len(self._named) > DOCUMENTS_MAX:
                self._named.popitem(last=False)
        return True

    def check(self, schema: GraphQLSchema, text: str) -> Checked:
        """Parse and validate; raises GraphQLError for what is no document."""
        checked = self.known(text)
        if checked is None:
            checked = self._check(schema, text)
            if len(text) <= DOCUMENT_CHARACTERS_MAX:
                self._known[text] = checked
                if len(self._known) > DOCUMENTS_MAX:
                    self._known.popitem(last=False)
        return checked

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
