"""Rows by the thousand and by the million, made by Postgres itself: what a node has after years."""

from uuid import UUID

from servicekit.database import Database
from sqlalchemy import text

_WALLETS = text("""
    INSERT INTO wallet_addresses (id, tenant_id, asset_id, address, public_name, created_at)
    SELECT CAST('00000000-0000-0000-0000-aaaa' || lpad(to_hex(n), 8, '0') AS uuid),
        CAST(:tenant_id AS uuid), CAST(:asset_id AS uuid),
        CAST(:base AS text) || '/many/' || n, 'Number ' || n, now()
    FROM generate_series(1, CAST(:count AS int)) AS n
""")
_PEERS = text("""
    INSERT INTO peers (id, tenant_id, asset_id, static_ilp_address, outgoing_endpoint,
        outgoing_token, created_at)
    SELECT CAST('00000000-0000-0000-0000-bbbb' || lpad(to_hex(n), 8, '0') AS uuid),
        CAST(:tenant_id AS uuid), CAST(:asset_id AS uuid),
        'test.many.p' || n, 'http://peer.test/ilp', 'token', now()
    FROM generate_series(1, CAST(:count AS int)) AS n
""")
_TOKENS = text("""
    INSERT INTO peer_tokens (token_sha256, peer_id)
    SELECT sha256(convert_to('token ' || n, 'UTF8')),
        CAST('00000000-0000-0000-0000-bbbb' || lpad(to_hex(n), 8, '0') AS uuid)
    FROM generate_series(1, CAST(:count AS int)) AS n
""")


async def add_wallets(
    database: Database, count: int, *, tenant_id: UUID, asset_id: UUID, base: str
) -> None:
    """Wallet addresses `<base>/many/1` to `<base>/many/<count>`."""
    values = {"tenant_id": str(tenant_id), "asset_id": str(asset_id), "base": base}
    async with database.write() as session:
        await session.execute(_WALLETS, values | {"count": count})


async def add_peers(database: Database, count: int, *, tenant_id: UUID, asset_id: UUID) -> None:
    """Peers `test.many.p1` to `test.many.p<count>`, each with a token."""
    values = {"tenant_id": str(tenant_id), "asset_id": str(asset_id)}
    async with database.write() as session:
        await session.execute(_PEERS, values | {"count": count})
        await session.execute(_TOKENS, {"count": count})


def wallet_id(number: int) -> UUID:
    """The id of a wallet address that was made here."""
    return UUID(f"00000000-0000-0000-0000-aaaa{number:08x}")
