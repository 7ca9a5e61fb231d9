"""The three services of a node."""
