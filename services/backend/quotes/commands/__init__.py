"""The mutating use cases of quotes."""
