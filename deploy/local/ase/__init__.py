"""A small bank for the local network: accounts, webhooks, rates, a consent page."""
