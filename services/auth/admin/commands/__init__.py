"""The mutating use cases of administrators."""
