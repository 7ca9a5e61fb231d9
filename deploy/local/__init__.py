"""Everything on one machine, started by `make run` and by the tests."""
