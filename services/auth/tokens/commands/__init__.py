"""The mutating use cases of tokens."""
