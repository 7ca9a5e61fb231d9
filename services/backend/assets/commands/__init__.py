"""The mutating use cases of assets."""
