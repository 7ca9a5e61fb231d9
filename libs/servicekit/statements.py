"""SQLAlchemy statements as SQL text for asyncpg, with what converts their values in and out.

SQLAlchemy Core is the language of tables and statements; its engine is not used. A statement that
is the same at every call is compiled once, by `prepared`, where its module is imported. Statements
built at each call are compiled through SQLAlchemy's own cache, which knows them by their form.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, cast
from weakref import WeakKeyDictionary

from sqlalchemy import ClauseElement, Executable, IteratorResult
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Convert: TypeAlias = Callable[[Any], Any]
Record: TypeAlias = Sequence[Any]

COMPILED_MAX: Final = 500
_DIALECT: Final[Any] = asyncpg_dialect()  # type: ignore[no-untyped-call]  # the library has no type here
_NO_PARAMETERS: Final[Mapping[str, Any]] = {}


class _Attribute(Protocol):
    """A column of an answer, as asyncpg describes it."""

    name: str
    type: Any


class Rows(IteratorResult[Any]):
    """The rows of one statement, all here already, and how many rows it touched."""

    def __init__(self, metadata: SimpleResultMetaData, rows: Iterable[Any], status: str) -> None:
        super().__init__(metadata, iter(rows))
        self._status = status

    @property
    def rowcount(self) -> int:
        """Rows selected, inserted, updated or deleted; -1 for statements that have no rows."""
        count = self._status.rpartition(" ")[2]
        return int(count) if count.isdigit() else -1


class Prepared:
    """One statement: its text, the order of its parameters, its converters. Thread-safe, shared."""

    def __init__(
        self,
        *,
        sql: str,
        names: Sequence[str],
        binders: Mapping[str, Convert],
        column_types: Sequence[tuple[str, Any]],
        constants: Mapping[str, Any] = _NO_PARAMETERS,
        returns_rows: bool = False,
        changes_rows: bool = False,
    ) -> None:
        self.sql: Final = sql
        self.names: Final = tuple(names)
        self.returns_rows: Final = returns_rows
        self.changes_rows: Final = changes_rows
        self._constants = constants
        self._binders = tuple((name, binders.get(name)) for name in names)
        self._column_types = column_types
        self._metadata: SimpleResultMetaData | None = None
        self._converters: tuple[Convert | None, ...] | None = None

    def arguments(self, values: Mapping[str, Any] | None) -> list[Any]:
        """The arguments in the statement's order.

        Raises:
            TypeError: a parameter has no value.
        """
        given = {**self._constants, **values} if values else self._constants
        try:
            return [given[n] if bind is None else bind(given[n]) for n, bind in self._binders]
        except KeyError as missing:
            raise TypeError(f"the statement needs the parameter {missing}") from None

    def rows(
        self, records: Sequence[Record], status: str, attributes: Callable[[], Sequence[_Attribute]]
    ) -> Rows:
        """The driver's records as rows; `attributes` describes their columns and is asked once."""
        if self._metadata is None:
            self._learn_shape(attributes())
        metadata, converters = cast("SimpleResultMetaData", self._metadata), self._converters
        if converters is None:
            return Rows(metadata, map(tuple, records), status)
        converted = [
            tuple(
                value if convert is None else convert(value)
                for value, convert in zip(record, converters, strict=True)
            )
            for record in records
        ]
        return Rows(metadata, converted, status)

    def _learn_shape(self, attributes: Sequence[_Attribute]) -> None:
        """Fix names and converters: some depend on the type that the server answers with."""
        types = self._column_types or [(attribute.name, None) for attribute in attributes]
        if len(types) != len(attributes):
            raise TypeError(
                f"{len(attributes)} columns come, {len(types)} are declared: {self.sql}"
            )
        converters = tuple(
            None if kind is None else kind.result_processor(_DIALECT, attribute.type.oid)
            for (_, kind), attribute in zip(types, attributes, strict=True)
        )
        self._converters = converters if any(converters) else None
        self._metadata = SimpleResultMetaData([name for name, _ in types])


def prepared(statement: ClauseElement, *, columns: Sequence[str] | None = None) -> Prepared:
    """Compile a statement whose text is the same at every call; do it once, at import.

    Args:
        statement: its parameters are `bindparam`s; a list is `= ANY(...)`: `IN` changes the text.
        columns: of an insert or update: the columns whose values are given as parameters.

    Raises:
        TypeError: the text would depend on the values.
    """
    compiled = cast(
        "SQLCompiler",
        statement.compile(dialect=_DIALECT, column_keys=None if columns is None else list(columns)),
    )
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise TypeError("a prepared statement takes a list as = ANY(:list), not with IN")
    required = {bind.key for bind in compiled.binds.values() if bind.required}
    values = compiled.construct_params(_check=False)
    return _plan(compiled, {name: v for name, v in values.items() if name not in required})


class Compiler:
    """Compiles statements that are built at each call; keeps what it compiled."""

    def __init__(self) -> None:
        self._cache: Any = LRUCache(COMPILED_MAX)
        self._plans: WeakKeyDictionary[SQLCompiler, Prepared] = WeakKeyDictionary()

    def compile(
        self, statement: Executable, parameters: Sequence[Mapping[str, Any]]
    ) -> tuple[Prepared, list[list[Any]]]:
        """The statement and its arguments, for each set of parameters (none: one empty set)."""
        if isinstance(statement, ExecutableDDLElement):
            sql = str(statement.compile(dialect=_DIALECT))
            return Prepared(sql=sql, names=(), binders={}, column_types=()), [[]]
        found, extracted, collected, _ = statement._compile_w_cache(  # noqa: SLF001 - the only way to SQLAlchemy's cache without an engine
            _DIALECT,
            compiled_cache=self._cache,
            column_keys=sorted(parameters[0]) if parameters else [],
            for_executemany=len(parameters) > 1,
        )
        compiled = cast("SQLCompiler", found)
        values = [
            compiled.construct_params(
                given,
                extracted_parameters=extracted,
                escape_names=False,
                _group_number=group,
                _collected_params=collected,
            )
            for group, given in enumerate(parameters or (_NO_PARAMETERS,))
        ]
        if compiled.post_compile_params or compiled.literal_execute_params:
            plan = _expanded(compiled, values)
        else:
            known = self._plans.get(compiled)
            if known is None:
                known = self._plans[compiled] = _plan(compiled, _NO_PARAMETERS)
            plan = known
        return plan, [plan.arguments(given) for given in values]


def _plan(compiled: SQLCompiler, constants: Mapping[str, Any]) -> Prepared:
    assert not compiled.insert_prefetch  # no table has defaults that are made in Python
    assert not compiled.update_prefetch
    return Prepared(
        sql=compiled.string,
        names=compiled.positiontup or (),
        binders=cast("Mapping[str, Convert]", compiled._bind_processors),  # noqa: SLF001 - with it values go in as the engine sends them
        column_types=_column_types(compiled),
        constants=constants,
        returns_rows=bool(compiled._result_columns),  # noqa: SLF001 - the columns of the answer
        changes_rows=compiled.isinsert or compiled.isupdate or compiled.isdelete,
    )


def _expanded(compiled: SQLCompiler, values: list[MutableMapping[str, Any]]) -> Prepared:
    """An `IN` gets as many parameters as its list has elements, so the text follows the values."""
    if len(values) != 1:
        raise TypeError("IN takes one set of parameters")
    state = compiled._process_parameters_for_postcompile(values[0])  # noqa: SLF001 - extends the values
    binders = {**compiled._bind_processors, **state.processors}  # noqa: SLF001 - as in _plan
    return Prepared(
        sql=state.statement,
        names=state.positiontup or (),
        binders=cast("Mapping[str, Convert]", binders),
        column_types=_column_types(compiled),
    )


def _column_types(compiled: SQLCompiler) -> list[tuple[str, Any]]:
    return [
        (column.keyname, column.type.dialect_impl(_DIALECT))
        for column in compiled._result_columns  # noqa: SLF001 - the columns of the answer
    ]
