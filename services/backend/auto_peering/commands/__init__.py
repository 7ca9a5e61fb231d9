"""What peering by URL does."""
