"""Which processes trust what they hold in memory, and until when."""

from servicekit.tables import timestamp
from sqlalchemy import Column, String, Table

from services.backend.schema.columns import metadata

trusting_processes = Table(
    "trusting_processes",
    metadata,
    Column("name", String, primary_key=True),
    timestamp("ends_at"),
)
