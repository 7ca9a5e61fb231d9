"""Whole nodes in one process, on one seed and in virtual time, and what must be true afterwards."""
