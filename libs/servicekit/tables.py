"""What all table definitions share: constraint names, and the columns that mean the same."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, func
from sqlalchemy.dialects.postgresql import UUID as UUID_COLUMN

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """One service's tables; every constraint gets a name that a migration can use."""
    return MetaData(naming_convention=NAMING_CONVENTION)


def uuid_primary_key(name: str = "id") -> Column[UUID]:
    """The key of a row: a time-ordered UUID that the application makes."""
    return Column(name, UUID_COLUMN(as_uuid=True), primary_key=True)


def timestamp(name: str, *, nullable: bool = False) -> Column[datetime]:
    """A moment, with its time zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def created_at() -> Column[datetime]:
    """When the row was written, by the database's clock unless the application says."""
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())
