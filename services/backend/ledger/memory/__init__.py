"""The ledger in memory: the oracle of tests and simulations."""
