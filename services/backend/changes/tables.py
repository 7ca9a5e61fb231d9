"""The directory's revision: one row, counted up in every transaction that changes the directory."""

from sqlalchemy import BigInteger, Column, SmallInteger, Table

from services.backend.schema.columns import metadata

directory_revision = Table(
    "directory_revision",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
