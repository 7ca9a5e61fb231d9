"""The Admin GraphQL API: names and shapes of the TypeScript Rafiki's, over the gRPC services."""
