"""Table of replies kept by idempotency key."""

from servicekit.idempotency import idempotency_table

from services.auth.schema.metadata import metadata

idempotency_keys = idempotency_table(metadata)
