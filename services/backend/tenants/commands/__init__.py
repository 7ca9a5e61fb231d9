"""The mutating use cases of tenants."""
