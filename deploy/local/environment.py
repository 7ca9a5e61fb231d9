"""The environment of each process of a node: settings by the names that an operator uses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.banks import Bank
from deploy.local.ports import LOOPBACK, WORKERS, NodePorts
from deploy.local.vault import NodeSecrets

ROOT: Final = Path(__file__).resolve().parents[2]
# What a child needs of ours; nothing else leaks in, so a run does not depend on who starts it.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV")


def http_url(port: int) -> str:
    """A URL on this machine."""
    return f"http://{LOOPBACK}:{port}"


def grpc_target(port: int) -> str:
    """A gRPC target on this machine."""
    return f"{LOOPBACK}:{port}"


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """Everything that the processes of one node are told."""

    bank: Bank
    ports: NodePorts
    secrets: NodeSecrets
    key_file: Path
    backend_database_url: str
    auth_database_url: str
    redis_url: str
    data_dir: Path

    @property
    def public_url(self) -> str:
        """Where the world reaches the node."""
        return http_url(self.ports.public)

    @property
    def operator_url(self) -> str:
        """Where its operator reaches it."""
        return http_url(self.ports.operator)

    @property
    def ase_url(self) -> str:
        """Where customers reach their bank."""
        return http_url(self.ports.ase)

    def wallet_address(self, path: str) -> str:
        """URL of a customer's wallet address."""
        return f"{self.public_url}/{path}"


def backend_environment(node: NodeConfig) -> dict[str, str]:
    """Settings of the backend service."""
    return {
        **_operator(node),
        "INSTANCE_NAME": node.bank.name,
        "HOST": LOOPBACK,
        "GRPC_PORT": str(node.ports.backend_grpc[0]),
        "CONNECTOR_PORT": str(node.ports.backend_http[0]),
        "WORKERS": str(WORKERS),
        "DATABASE_URL": node.backend_database_url,
        "REDIS_URL": node.redis_url,
        "USE_TIGERBEETLE": "false",
        "OPEN_PAYMENTS_URL": node.public_url,
        "AUTH_SERVER_GRANT_URL": node.public_url,
        "AUTH_SERVER_INTROSPECTION_URL": grpc_target(node.ports.auth_grpc),
        "AUTH_GRPC_URL": grpc_target(node.ports.auth_grpc),
        "ILP_ADDRESS": node.bank.ilp_address,
        "ILP_CONNECTOR_URL": f"{node.public_url}/ilp",
        "STREAM_SECRET": node.secrets.stream_secret,
        "KEY_ID": node.secrets.key_id,
        "PRIVATE_KEY_FILE": str(node.key_file),
        "EXCHANGE_RATES_URL": f"{node.ase_url}/rates",
        "WEBHOOK_URL": f"{node.ase_url}/webhooks",
        "SIGNATURE_SECRET": node.secrets.webhook_secret,
    }


def auth_environment(node: NodeConfig) -> dict[str, str]:
    """Settings of the auth service."""
    return {
        **_operator(node),
        "HOST": LOOPBACK,
        "GRPC_PORT": str(node.ports.auth_grpc),
        "AUTH_PORT": str(node.ports.auth_http),
        "AUTH_DATABASE_URL": node.auth_database_url,
        "REDIS_URL": node.redis_url,
        "COOKIE_KEY": node.secrets.cookie_key,
        "AUTH_SERVER_URL": node.public_url,
        "IDENTITY_SERVER_URL": f"{node.ase_url}/consent",
        "IDENTITY_SERVER_SECRET": node.secrets.identity_secret,
        "WAIT_SECONDS": "1",
    }


def frontend_environment(node: NodeConfig) -> dict[str, str]:
    """Settings of the frontend service."""
    return {
        **_operator(node),
        "HOST": LOOPBACK,
        "PORT": str(node.ports.frontend),
        "BACKEND_GRPC_URLS": ",".join(map(grpc_target, node.ports.backend_grpc)),
        "AUTH_GRPC_URL": grpc_target(node.ports.auth_grpc),
        "SESSION_SECRET": node.secrets.session_secret,
    }


def ase_environment(node: NodeConfig) -> dict[str, str]:
    """Settings of the account servicing entity."""
    return {
        **_inherited(),
        "PORT": str(node.ports.ase),
        "BANK": node.bank.slug,
        "DATABASE_FILE": str(node.data_dir / "accounts.sqlite"),
        "GRAPHQL_URL": f"{node.operator_url}/graphql",
        "TENANT_ID": node.secrets.tenant_id,
        "API_SECRET": node.secrets.admin_api_secret,
        "WEBHOOK_SECRET": node.secrets.webhook_secret,
        "INTERACTION_URL": node.operator_url,
        "AUTH_SERVER_URL": node.public_url,
        "IDENTITY_SECRET": node.secrets.identity_secret,
        "ASE_SECRET": node.secrets.ase_secret,
    }


def _operator(node: NodeConfig) -> dict[str, str]:
    return {
        **_inherited(),
        # Both nodes are on this machine and speak http, which production refuses.
        "NODE_ENV": "development",
        "OPERATOR_TENANT_ID": node.secrets.tenant_id,
        "ADMIN_API_SECRET": node.secrets.admin_api_secret,
    }


def _inherited(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    source = os.environ if environment is None else environment
    paths = [str(ROOT / "libs"), str(ROOT / "generated" / "python"), str(ROOT)]
    return {
        **{name: source[name] for name in _INHERITED if name in source},
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        # The network is on this machine: a proxy for the outside must not carry its calls.
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }
