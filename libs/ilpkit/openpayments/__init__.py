"""Open Payments on the wire: URLs, amounts, resources, grants' access items and their limits."""
