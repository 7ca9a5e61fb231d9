"""The mutating use cases of peers."""
