"""Table of replies kept by idempotency key."""

from servicekit.idempotency import idempotency_table
from sqlalchemy import Index

from services.auth.tables import metadata

idempotency_keys = idempotency_table(metadata)
Index("ix_idempotency_keys_expires_at", idempotency_keys.c.expires_at)
