"""Tells tenants when the liquidity of an asset or a peer runs low."""
