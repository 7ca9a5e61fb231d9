"""Settings of the auth service: names and defaults of the TypeScript Rafiki, where it has them."""

from typing import Literal
from uuid import UUID

from ilpkit.openpayments.urls import is_http_url
from pydantic import Field, SecretStr, field_validator
from servicekit.grpc_tls_settings import GrpcServerTlsSettings
from servicekit.tracing import TracingSettings

COOKIE_KEY_CHARACTERS_MIN = 16


class AuthSettings(GrpcServerTlsSettings, TracingSettings):
    """Everything an operator can say about this service."""

    log_level: str = Field(default="info", alias="LOG_LEVEL", description="Least level logged")
    node_env: Literal["development", "test", "production"] = Field(
        default="production",
        alias="NODE_ENV",
        description="production fetches clients' keys over https from public addresses only",
    )
    host: str = Field(default="127.0.0.1", alias="HOST", description="Address to listen on")
    auth_port: int = Field(
        default=3006,
        ge=0,
        le=65535,
        alias="AUTH_PORT",
        description="HTTP listener: guard, browser interaction, health; worker i adds i",
    )
    grpc_port: int = Field(
        default=3106,
        ge=0,
        le=65535,
        alias="GRPC_PORT",
        description="gRPC server; worker i adds i",
    )
    workers: int = Field(
        default=1, ge=1, le=64, alias="WORKERS", description="Worker processes of this service"
    )
    database_url: SecretStr = Field(
        alias="AUTH_DATABASE_URL", description="Postgres of this service"
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379"),
        alias="REDIS_URL",
        description="Redis or Valkey for browser sessions",
    )
    redis_tls_ca_file: str | None = Field(
        default=None, alias="REDIS_TLS_CA_FILE_PATH", description="Authorities of Redis"
    )
    redis_tls_key_file: str | None = Field(
        default=None, alias="REDIS_TLS_KEY_FILE_PATH", description="Our key towards Redis"
    )
    redis_tls_cert_file: str | None = Field(
        default=None, alias="REDIS_TLS_CERT_FILE_PATH", description="Our certificate for Redis"
    )
    enable_manual_migrations: bool = Field(
        default=False,
        alias="ENABLE_MANUAL_MIGRATIONS",
        description="Whether `migrate` is run by hand instead of at each start",
    )
    auth_server_url: str = Field(
        alias="AUTH_SERVER_URL",
        description="Public address of this server, as clients sign it, without trailing slash",
    )
    cookie_key: SecretStr = Field(
        alias="COOKIE_KEY", description="Secret that signs cookies and seals stored replies"
    )
    identity_server_url: str = Field(
        alias="IDENTITY_SERVER_URL", description="Consent page of the operator's users"
    )
    identity_server_secret: SecretStr = Field(
        alias="IDENTITY_SERVER_SECRET", description="What that identity provider shows us"
    )
    operator_tenant_id: UUID = Field(
        alias="OPERATOR_TENANT_ID", description="UUID of the operator's own tenant"
    )
    admin_api_secret: SecretStr = Field(
        alias="ADMIN_API_SECRET", description="Secret of the operator's Admin API calls"
    )
    wait_seconds: int = Field(
        default=5, ge=0, alias="WAIT_SECONDS", description="Least seconds between continuations"
    )
    interaction_expiry_seconds: int = Field(
        default=600,
        ge=1,
        alias="INTERACTION_EXPIRY_SECONDS",
        description="Seconds that a user has to decide",
    )
    interaction_cookie_same_site: Literal["lax", "none"] | None = Field(
        default=None,
        alias="INTERACTION_COOKIE_SAME_SITE",
        description="SameSite of the session cookie: lax, none, or unset",
    )
    access_token_expiry_seconds: int = Field(
        default=600,
        ge=1,
        alias="ACCESS_TOKEN_EXPIRY_SECONDS",
        description="Life of an access token in seconds",
    )
    database_cleanup_workers: int = Field(
        default=1,
        ge=0,
        alias="DATABASE_CLEANUP_WORKERS",
        description="0 leaves old tokens in the database",
    )
    access_token_deletion_days: int = Field(
        default=30,
        ge=0,
        alias="ACCESS_TOKEN_DELETION_DAYS",
        description="Days after its expiry that a token is deleted",
    )
    incoming_payment_interaction: bool = Field(
        default=False,
        alias="INCOMING_PAYMENT_INTERACTION",
        description="Whether users must agree to incoming payment access",
    )
    quote_interaction: bool = Field(
        default=False,
        alias="QUOTE_INTERACTION",
        description="Whether users must agree to quote access",
    )
    list_all_access_interaction: bool = Field(
        default=True,
        alias="LIST_ALL_ACCESS_INTERACTION",
        description="Whether users must agree to list-all access",
    )
    drain_seconds: float = Field(
        default=10.0,
        ge=0,
        alias="DRAIN_SECONDS",
        description="Seconds that running requests get to finish after SIGTERM",
    )

    @field_validator("auth_server_url", "identity_server_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if not is_http_url(value):
            raise ValueError("it is not an absolute http or https URL")
        return value

    @field_validator("cookie_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < COOKIE_KEY_CHARACTERS_MIN:
            raise ValueError(f"it has fewer than {COOKIE_KEY_CHARACTERS_MIN} characters")
        return value

    @property
    def production(self) -> bool:
        """Whether strict rules towards other servers hold."""
        return self.node_env == "production"
