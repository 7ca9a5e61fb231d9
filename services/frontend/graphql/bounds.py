"""How deep and how costly a document may be, found before anything runs.

Each field costs one, times the rows of each list that it is in; a field that asks a service for
each row costs `CALL_COST`. A page size that is a variable counts as the largest. The rule reads
nothing but the document and the schema, so that its verdict can be cached with the document.
"""

from collections.abc import Mapping
from typing import Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)
from servicekit.paging import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX

from services.frontend.graphql.operations import OF_ROWS, QUERIES
from services.frontend.graphql.replies import Row, asked

DEPTH_MAX: Final = 10
COST_MAX: Final = 20_000
TOKENS_MAX: Final = 2_000
CALL_COST: Final = 10
# Fields that make a call of their own for the row that they are in.
_CALLING: Final = frozenset(
    {name.partition(".")[2] for name in OF_ROWS} | {"receivingFee", "sendingFee"}
)
_SIZES: Final = frozenset({"first", "last", "limit"})


def _answers_a_page(row: Row) -> bool:
    rpc = asked(row)
    return rpc is not None and any(
        field.name in ("page", "limit") for field in rpc.input_type.fields
    )


_LISTS: Final = frozenset(
    name.rpartition(".")[2] for name, row in {**QUERIES, **OF_ROWS}.items() if _answers_a_page(row)
)


class BoundsRule(ValidationRule):
    """Refuses a document that is too deep or too costly."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node
            for node in context.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._spent = 0

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Measure one operation."""
        self._spent = 0
        try:
            self._walk(node.selection_set, depth=1, rows=1, inside=())
        except _TooMuchError as refused:
            self.report_error(GraphQLError(str(refused), node))

    def _walk(
        self, selections: SelectionSetNode | None, *, depth: int, rows: int, inside: tuple[str, ...]
    ) -> None:
        for selection in () if selections is None else selections.selections:
            # Every selection counts, lest fragments of fragments multiply for free.
            self._spend(1)
            if isinstance(selection, FieldNode):
                self._field(selection, depth=depth, rows=rows, inside=inside)
            elif isinstance(selection, InlineFragmentNode):
                self._walk(selection.selection_set, depth=depth, rows=rows, inside=inside)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                fragment = self._fragments.get(name)
                # A cycle is another rule's error.
                if fragment is not None and name not in inside:
                    self._walk(
                        fragment.selection_set, depth=depth, rows=rows, inside=(*inside, name)
                    )

    def _field(self, node: FieldNode, *, depth: int, rows: int, inside: tuple[str, ...]) -> None:
        name = node.name.value
        if name.startswith("__"):
            return
        if depth > DEPTH_MAX:
            raise _TooMuchError(f"Fields nest at most {DEPTH_MAX} deep")
        self._spend(rows * (CALL_COST if name in _CALLING else 1))
        below = rows * _page_size(node) if name in _LISTS else rows
        self._walk(node.selection_set, depth=depth + 1, rows=below, inside=inside)

    def _spend(self, cost: int) -> None:
        self._spent += cost
        if self._spent > COST_MAX:
            raise _TooMuchError(f"The document costs more than {COST_MAX}: ask for smaller pages")


class _TooMuchError(Exception):
    pass


def _page_size(node: FieldNode) -> int:
    sizes = [argument for argument in node.arguments or () if argument.name.value in _SIZES]
    if not sizes:
        return PAGE_SIZE_DEFAULT
    value = sizes[0].value
    # A size out of range is refused when the field runs.
    return (
        min(int(value.value), PAGE_SIZE_MAX) if isinstance(value, IntValueNode) else PAGE_SIZE_MAX
    )
