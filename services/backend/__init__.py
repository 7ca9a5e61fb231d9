"""The backend: Open Payments resource server, ILP connector, payments and accounts."""
