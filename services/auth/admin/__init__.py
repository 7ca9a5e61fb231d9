"""Grants and tenants for administrators."""
