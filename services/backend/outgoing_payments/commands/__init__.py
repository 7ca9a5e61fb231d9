"""The mutating use cases of outgoing payments."""
