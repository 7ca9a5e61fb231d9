"""The mutating use cases of interactions."""
