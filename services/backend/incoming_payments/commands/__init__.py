"""The use cases that change incoming payments."""
