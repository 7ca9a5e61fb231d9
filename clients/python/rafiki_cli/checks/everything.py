"""All checks at once."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from rafiki_client import Node

from rafiki_cli.checks.finding import Finding
from rafiki_cli.checks.node import check_node
from rafiki_cli.checks.ports import Listening, check_ports
from rafiki_cli.checks.public import check_public
from rafiki_cli.checks.secrets import NodeKey, check_admin_secret, check_key
from rafiki_cli.running import Session

REQUEST_S_MAX: Final = 10.0


@dataclass(frozen=True)
class Given:
    """Settings of the node, as far as they are given."""

    public_url: str | None
    key_id: str | None
    key_file: Path | None
    tenant_id: str | None
    api_secret: str | None
    listening: Listening


async def check_everything(node: Node, session: Session, given: Given) -> list[Finding]:
    """What each check found, in the order of the checks."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_S_MAX)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        parts = await asyncio.gather(
            check_node(node, session, http),
            check_ports(given.listening),
            check_public(http, given.public_url),
            check_key(http, given.public_url, NodeKey(given.key_id, given.key_file)),
            check_admin_secret(node, given.tenant_id, given.api_secret),
        )
    return [finding for part in parts for finding in part]
