"""Gathers single callers' transfers into one call of the engine."""
