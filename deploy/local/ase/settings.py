"""What the bank is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local.banks import BANKS, Bank


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the bank's node is, and the secrets they share."""

    port: int
    bank: Bank
    database_file: Path
    graphql_url: str
    tenant_id: str
    api_secret: str
    webhook_secret: str
    interaction_url: str
    auth_server_url: str
    identity_secret: str
    ase_secret: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables. Raises KeyError naming one that is missing."""
        banks = {bank.slug: bank for bank in BANKS}
        return cls(
            port=int(environment["PORT"]),
            bank=banks[environment["BANK"]],
            database_file=Path(environment["DATABASE_FILE"]),
            graphql_url=environment["GRAPHQL_URL"],
            tenant_id=environment["TENANT_ID"],
            api_secret=environment["API_SECRET"],
            webhook_secret=environment["WEBHOOK_SECRET"],
            interaction_url=environment["INTERACTION_URL"],
            auth_server_url=environment["AUTH_SERVER_URL"],
            identity_secret=environment["IDENTITY_SECRET"],
            ase_secret=environment["ASE_SECRET"],
        )
