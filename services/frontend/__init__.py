"""The edge: Admin GraphQL and the admin web UI; it keeps nothing and decides nothing."""
