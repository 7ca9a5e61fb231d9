"""All rows of a node, the ledger's and auth's too, and which tenant each of them belongs to.

A row is its tenant's when it says so, or when what it refers to is: the foreign keys of the schema
tell what that is. Where no foreign key leads to a tenant, a rule of this file says whose a row is.
A table that has neither fails the walk: whoever adds it says whose its rows are.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from services.backend.ledger.rules.chart import AccountCode, TransferCode

Row = Mapping[str, Any]
NODE: Final = "the node"
"""The owner of what belongs to no tenant."""

_COLUMNS = """
SELECT n.nspname || '.' || c.relname AS name,
    (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY (
            (SELECT i.indkey FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)::int2[]
        )) AS key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'ledger')
"""
_REFERENCES = """
SELECT n.nspname || '.' || c.relname AS name, a.attname AS column,
    tn.nspname || '.' || t.relname AS target
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f'
"""
_BOOKKEEPING: Final = {"public.webhook_events": {"feed_position"}}
"""What the node itself notes in rows of tenants, whoever calls."""
_WORD_LENGTH_MIN: Final = 6
_NO_WORD = re.compile(r"\d{4}-\d\d-\d\dT.*|[A-Z_]+|[a-z_.-]+")
"""Times, and the words of the program itself: states, kinds of events, names of settings."""


@dataclass(frozen=True)
class Table:
    """What the database's own catalogue says of a table."""

    key: tuple[str, ...]
    references: Mapping[str, str]
    """The table that each referring column leads to."""


class Rows:
    """One look at everything."""

    def __init__(self, tables: Mapping[str, Table], found: Mapping[str, list[Row]]) -> None:
        self._tables = tables
        self._found = found
        self._by_id = {
            (name, str(row["id"])): row
            for name, rows in found.items()
            for row in rows
            if "id" in row
        }

    def each(self) -> Iterator[tuple[str, str, Row]]:
        """Each row with its table and its owner."""
        for name, rows in self._found.items():
            for row in rows:
                yield self.owner(name, row), name, row

    def of(self, owners: frozenset[str]) -> dict[tuple[str, ...], str]:
        """The rows of these owners, by table and key."""
        return {
            (owner, name, *(str(row[column]) for column in self._tables[name].key)): json.dumps(
                {each: row[each] for each in row if each not in _BOOKKEEPING.get(name, ())},
                sort_keys=True,
            )
            for owner, name, row in self.each()
            if owner in owners
        }

    def words(self, owners: frozenset[str]) -> set[str]:
        """The ids, names and secrets that stand in rows of these owners."""
        return {
            word
            for owner, _, row in self.each()
            if owner in owners
            for word in _texts(row)
            if len(word) >= _WORD_LENGTH_MIN and not _NO_WORD.fullmatch(word)
        }

    def due(self, owners: frozenset[str]) -> list[str]:
        """What the node is still about to do for these owners."""
        return [
            f"{name} {row}"
            for owner, name, row in self.each()
            if owner in owners and row.get("due_at") is not None and row.get("finished_at") is None
        ]

    def of_two(self) -> list[str]:
        """The rows that refer to something of another tenant than their own."""
        return [
            f"{name} of {owner}: {row}"
            for owner, name, row in self.each()
            for column, target in self._tables[name].references.items()
            if row[column] is not None
            and self.owner(target, self._by_id[target, str(row[column])]) != owner
        ]

    def text(self, owner: str) -> str:
        """All that stands in the rows of one owner."""
        return "\n".join(
            text for whose, _, row in self.each() if whose == owner for text in _texts(row)
        )

    def owner(self, name: str, row: Row) -> str:
        """Whose a row is."""
        if name in {"public.tenants", "auth.tenants"}:
            return str(row["id"])
        if row.get("tenant_id") is not None:
            return str(row["tenant_id"])
        for column, target in self._tables[name].references.items():
            if row[column] is not None:
                return self.owner(target, self._by_id[target, str(row[column])])
        if name in RULES:
            return RULES[name](self, row)
        raise AssertionError(f"whose are the rows of {name}? Give them a tenant or a rule here")

    def _of_account(self, row: Row) -> str:
        """An account is that of its asset's tenant, as is what stands on it."""
        asset = self._by_id.get(("public.assets", row["user_data_128"]))
        return NODE if asset is None else self.owner("public.assets", asset)

    def _of_transfer(self, row: Row) -> str:
        """A transfer is its debtor's; what it changes at its creditor shows in the account."""
        account = self._by_id.get(("ledger.accounts", row["debit_account_id"]))
        return NODE if account is None else self._of_account(account)


def _of_scope(rows: Rows, row: Row) -> str:
    del rows
    return str(row["scope"]).partition("/")[0]


RULES: Final[Mapping[str, Callable[[Rows, Row], str]]] = {
    "ledger.accounts": Rows._of_account,
    "ledger.transfers": Rows._of_transfer,
    "ledger.pending_transfers": Rows._of_transfer,
    # A remembered reply: its scope begins with the tenant that called.
    "public.idempotency_keys": _of_scope,
    # A delivery's lane is its tenant; what auth is told goes out in order for each tenant.
    "public.webhook_deliveries": lambda _, row: str(row["lane"]),
    "public.auth_tenant_changes": lambda _, row: str(row["ordering_key"]),
    # This node's own: tokens from other banks, marks of how far it has read, its schema's version.
    "public.remote_grants": lambda _, __: NODE,
    "public.directory_revision": lambda _, __: NODE,
    "public.trusting_processes": lambda _, __: NODE,
    "public.unknown_packets_searched": lambda _, __: NODE,
    "public.reconciled_accounts": lambda _, __: NODE,
    "public.reconciled_events": lambda _, __: NODE,
    "public.book_differences": lambda _, __: NODE,
    "public.alembic_version": lambda _, __: NODE,
    "auth.alembic_version": lambda _, __: NODE,
    # Sealed: whoever sees a row can't tell whose it is.
    "auth.idempotency_keys": lambda _, __: NODE,
    # Money spent under grants of clients: no call of the walk has one.
    "public.grant_spending": lambda _, __: NODE,
}


def made_by_a_bank(
    row: tuple[str, ...], now: Mapping[tuple[str, ...], str], was: Mapping[tuple[str, ...], str]
) -> bool:
    """Whether any bank on the Internet may have made a row, or changed it, in asking for money."""
    if row not in now:
        return False
    name, after = row[1], json.loads(now[row])
    before = json.loads(was[row]) if row in was else {}
    if name == "ledger.transfers":
        return bool(after["code"] == TransferCode.ALLOWANCE)
    if name == "ledger.accounts":
        return after["code"] in {AccountCode.INCOMING_ALLOWANCE, AccountCode.ALLOWANCE_POOL} or (
            not before and after["code"] == AccountCode.INCOMING_PAYMENT
        )
    if name == "public.incoming_payments":
        return bool(after["initiated_by"] == "OPEN_PAYMENTS" and (not before or after["client"]))
    return name in {"public.webhook_events", "public.webhook_deliveries"} and not before


class Looker:
    """Looks at the databases of a node and of its auth service."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._queries: list[tuple[Any, str]] = []

    async def open(self, url: str, *, public: str = "public") -> None:
        """Look at one more database; its tables are called `<public>.<name>`, but the ledger's."""
        connection: Any = await asyncpg.connect(url)

        def called(name: str) -> str:
            return re.sub(r"^public\b", public, str(name))

        references: dict[str, dict[str, str]] = {}
        for found in await connection.fetch(_REFERENCES):
            references.setdefault(found["name"], {})[found["column"]] = called(found["target"])
        selects = []
        for found in await connection.fetch(_COLUMNS):
            name = found["name"]
            self._tables[called(name)] = Table(tuple(found["key"] or ()), references.get(name, {}))
            selects.append(
                f"SELECT '{called(name)}' AS name, to_jsonb(t)::text AS row FROM {name} t"  # noqa: S608 - the catalogue's names
            )
        self._queries.append((connection, " UNION ALL ".join(selects)))

    async def close(self) -> None:
        for connection, _ in self._queries:
            await connection.close()

    async def look(self) -> Rows:
        """All rows as they are now, each database in one snapshot."""
        found: dict[str, list[Row]] = {name: [] for name in self._tables}
        for connection, query in self._queries:
            for record in await connection.fetch(query):
                found[record["name"]].append(json.loads(record["row"]))
        return Rows(self._tables, found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
