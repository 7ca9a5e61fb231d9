"""Alembic's entry point for the authorization server's database."""

from servicekit.migrations import run_environment

run_environment()
