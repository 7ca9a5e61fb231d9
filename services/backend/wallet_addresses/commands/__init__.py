"""The mutating use cases of wallet addresses and their keys."""
