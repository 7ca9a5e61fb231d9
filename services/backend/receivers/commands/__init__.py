"""The use cases that change receivers."""
