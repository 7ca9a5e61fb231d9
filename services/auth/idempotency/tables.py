"""Table of replies kept by idempotency key."""

from servicekit.idempotency import idempotency_table

from services.auth.tables import metadata

idempotency_keys = idempotency_table(metadata)
