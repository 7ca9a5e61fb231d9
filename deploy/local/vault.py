"""Secrets of a local network: made once, kept in its run folder, readable by its owner only."""

import base64
import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SECRET_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class NodeSecrets:
    """What one node knows and nobody else should."""

    tenant_id: str
    admin_api_secret: str
    webhook_secret: str
    stream_secret: str
    cookie_key: str
    session_secret: str
    identity_secret: str
    ase_secret: str
    peer_token: str
    """The token that the other node shows to this one."""
    key_id: str


@dataclass(frozen=True, kw_only=True)
class Vault:
    """All secrets of a local network, and the folder with its private keys."""

    postgres_password: str
    nodes: tuple[NodeSecrets, ...]
    client_key_id: str
    folder: Path

    def key_file(self, name: str) -> Path:
        """PEM file of a private key; the first call makes the key."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            _write_private(path, pem)
        return path


def open_vault(folder: Path, nodes: int) -> Vault:
    """The secrets kept in a folder, made if there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secrets.json"
    if not path.exists():
        made = {
            "postgres_password": secrets.token_hex(16),
            "client_key_id": str(uuid.uuid4()),
            "nodes": [asdict(_node_secrets()) for _ in range(nodes)],
        }
        _write_private(path, json.dumps(made, indent=2).encode())
    kept: dict[str, Any] = json.loads(path.read_text())
    return Vault(
        postgres_password=kept["postgres_password"],
        client_key_id=kept["client_key_id"],
        nodes=tuple(NodeSecrets(**node) for node in kept["nodes"]),
        folder=folder,
    )


def _node_secrets() -> NodeSecrets:
    return NodeSecrets(
        tenant_id=str(uuid.uuid4()),
        admin_api_secret=_text(),
        webhook_secret=_text(),
        stream_secret=_text(),
        cookie_key=_text(),
        session_secret=_text(),
        identity_secret=_text(),
        ase_secret=_text(),
        peer_token=secrets.token_urlsafe(SECRET_BYTES),
        key_id=str(uuid.uuid4()),
    )


def _text() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
