"""What all of the backend's tables share: one MetaData and the money column."""

from decimal import Decimal
from typing import Any

from ilpkit.money import U64_MAX
from servicekit.tables import new_metadata
from sqlalchemy import Dialect, Numeric
from sqlalchemy.types import TypeDecorator

metadata = new_metadata()


class Units(TypeDecorator[int]):
    """An unsigned 64-bit amount in an asset's smallest unit: NUMERIC(20,0) there, int here."""

    impl = Numeric(20, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Refuse what is no u64 before the database sees it."""
        del dialect
        if value is None:
            return None
        if not 0 <= value <= U64_MAX:
            raise ValueError(f"{value} is outside the u64 range")
        return Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Back to an integer."""
        del dialect
        return None if value is None else int(value)


class BigUnits(Units):
    """An unbounded non-negative integer: the parts of an exact rate."""

    impl = Numeric(80, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Integers of any size that the column holds."""
        del dialect
        return None if value is None else Decimal(value)
