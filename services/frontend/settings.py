"""The frontend's settings; names as in the TypeScript Rafiki wherever the setting exists there."""

import ipaddress
from typing import Final, Literal
from uuid import UUID

from pydantic import Field, SecretStr, field_validator
from servicekit.grpc_tls_settings import GrpcClientTlsSettings
from servicekit.settings import CommaList
from servicekit.tracing import TracingSettings

SESSION_SECRET_CHARACTERS_MIN: Final = 32


class FrontendSettings(GrpcClientTlsSettings, TracingSettings):
    """Everything that an operator can set."""

    log_level: str = Field("info", alias="LOG_LEVEL", description="debug, info, warning or error")
    host: str = Field("127.0.0.1", alias="HOST", description="address that the listener binds to")
    port: int = Field(3010, alias="PORT", ge=0, le=65_535, description="HTTP port")
    node_env: Literal["development", "test", "production"] = Field(
        "production", alias="NODE_ENV", description="production turns GraphQL introspection off"
    )
    backend_grpc_urls: CommaList = Field(
        alias="BACKEND_GRPC_URLS", description="gRPC targets of the backend workers, host:port each"
    )
    auth_grpc_url: str = Field(
        alias="AUTH_GRPC_URL", description="gRPC target (host:port) of the auth service"
    )
    operator_tenant_id: UUID = Field(
        alias="OPERATOR_TENANT_ID", description="UUID of the operator's own tenant"
    )
    session_secret: SecretStr = Field(
        alias="SESSION_SECRET",
        description="at least 32 random characters; encrypts the admin UI's session cookies",
    )
    session_cookie_secure: bool = Field(
        False,
        alias="SESSION_COOKIE_SECURE",
        description="send session cookies over https only, also when the proxy does not say https",
    )
    admin_api_signature_version: int = Field(
        1, alias="ADMIN_API_SIGNATURE_VERSION", description="version in the Admin API signature"
    )

    @field_validator("backend_grpc_urls")
    @classmethod
    def _several_targets_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("give at least one host:port")
        if len(value) > 1 and not all(_is_ipv4(target) for target in value):
            raise ValueError(
                "give several targets as IPv4 addresses, or one name whose DNS has them all"
            )
        return value

    @field_validator("session_secret")
    @classmethod
    def _session_secret_is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < SESSION_SECRET_CHARACTERS_MIN:
            raise ValueError(f"give at least {SESSION_SECRET_CHARACTERS_MIN} random characters")
        return value

    @property
    def introspection(self) -> bool:
        """Whether GraphQL clients may ask for the schema."""
        return self.node_env != "production"


def grpc_target(addresses: tuple[str, ...]) -> str:
    """One gRPC name for one or several `host:port`."""
    return addresses[0] if len(addresses) == 1 else "ipv4:" + ",".join(addresses)


def _is_ipv4(target: str) -> bool:
    try:
        ipaddress.IPv4Address(target.rpartition(":")[0])
    except ValueError:
        return False
    return True
