"""Alembic's entry point for the backend's database."""

from servicekit.migrations import run_environment

run_environment()
