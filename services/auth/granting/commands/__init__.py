"""The mutating use cases of clients."""
