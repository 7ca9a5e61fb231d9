"""Calls a Rafiki node over gRPC.

The messages and stubs are generated (`rafiki.admin.v1` and so on); this adds what Python's users
expect around them: one object with all services, retries under one idempotency key, lists as
iterators, the feed of events, errors with their reason, and the check of a webhook's signature.
"""

from rafiki_client.errors import RafikiError, error_of
from rafiki_client.events import follow, newest
from rafiki_client.node import Node, connect
from rafiki_client.pages import pages
from rafiki_client.retries import RetryPolicy
from rafiki_client.webhooks import WebhookRefusedError, verify_webhook

__all__ = [
    "Node",
    "RafikiError",
    "RetryPolicy",
    "WebhookRefusedError",
    "connect",
    "error_of",
    "follow",
    "newest",
    "pages",
    "verify_webhook",
]
