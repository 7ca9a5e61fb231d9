"""The backend's settings; names as in the TypeScript Rafiki wherever the setting exists there."""

import base64
import binascii
import re
from typing import Literal
from uuid import UUID

from ilpkit.errors import InvalidDecimalError
from ilpkit.money import Ratio
from ilpkit.openpayments.urls import is_http_url
from pydantic import Field, SecretStr, field_validator
from servicekit.grpc_tls_settings import GrpcClientTlsSettings, GrpcServerTlsSettings
from servicekit.settings import CommaList
from servicekit.tracing import TracingSettings

STREAM_SECRET_BYTES = 32
ADMIN_API_SECRET_CHARACTERS_MIN = 16
_ZERO = re.compile(r"0+(\.0+)?")


class BackendSettings(GrpcServerTlsSettings, GrpcClientTlsSettings, TracingSettings):
    """Everything that an operator can set."""

    log_level: str = Field("info", alias="LOG_LEVEL", description="debug, info, warning or error")
    node_env: Literal["development", "test", "production"] = Field(
        "production",
        alias="NODE_ENV",
        description="production calls others over https on public addresses only",
    )
    instance_name: str = Field(alias="INSTANCE_NAME", description="name of this node for people")
    host: str = Field("127.0.0.1", alias="HOST", description="address that the listeners bind to")
    grpc_port: int = Field(
        3011, alias="GRPC_PORT", description="gRPC port of the first worker; each next one adds 1"
    )
    connector_port: int = Field(
        3002,
        alias="CONNECTOR_PORT",
        description="HTTP port of the first worker (/ilp, /guard, /healthz); each next one adds 1",
    )
    workers: int = Field(1, alias="WORKERS", ge=1, le=64, description="worker processes")

    database_url: SecretStr = Field(alias="DATABASE_URL", description="Postgres of this service")
    database_pool_size: int = Field(
        8,
        alias="DATABASE_POOL_SIZE",
        ge=2,
        le=100,
        description="connections a worker that read, and as many that write",
    )
    redis_url: SecretStr = Field(alias="REDIS_URL", description="Redis or Valkey")
    redis_tls_ca_file: str | None = Field(
        None, alias="REDIS_TLS_CA_FILE_PATH", description="CA that the server is checked against"
    )
    redis_tls_key_file: str | None = Field(
        None, alias="REDIS_TLS_KEY_FILE_PATH", description="private key of the client"
    )
    redis_tls_cert_file: str | None = Field(
        None, alias="REDIS_TLS_CERT_FILE_PATH", description="certificate of the client"
    )
    use_tigerbeetle: bool = Field(
        False, alias="USE_TIGERBEETLE", description="keep the ledger in TigerBeetle"
    )
    tigerbeetle_cluster_id: int = Field(
        0, alias="TIGERBEETLE_CLUSTER_ID", ge=0, description="cluster id"
    )
    tigerbeetle_addresses: CommaList = Field(
        ("3004",), alias="TIGERBEETLE_REPLICA_ADDRESSES", description="replicas, host:port or port"
    )
    open_payments_url: str = Field(
        alias="OPEN_PAYMENTS_URL", description="public URL of the resource server"
    )
    wallet_address_url: str | None = Field(
        None,
        alias="WALLET_ADDRESS_URL",
        description="this node's own wallet address as a client of other banks; "
        "`<OPEN_PAYMENTS_URL>/.well-known/pay` when unset",
    )
    auth_server_grant_url: str = Field(
        alias="AUTH_SERVER_GRANT_URL", description="public URL of the authorization server"
    )
    auth_server_introspection_url: str = Field(
        alias="AUTH_SERVER_INTROSPECTION_URL",
        description="gRPC target (host:port) of the token introspection service",
    )
    ilp_address: str = Field(alias="ILP_ADDRESS", description="ILP address of this node")
    ilp_connector_url: str = Field(
        alias="ILP_CONNECTOR_URL", description="public URL of this node's connector"
    )
    stream_secret: SecretStr = Field(
        alias="STREAM_SECRET", description="32 bytes in base64; STREAM credentials come from it"
    )
    operator_tenant_id: UUID = Field(
        alias="OPERATOR_TENANT_ID", description="UUID of the operator's own tenant"
    )
    admin_api_secret: SecretStr = Field(
        alias="ADMIN_API_SECRET",
        description="secret of at least 16 characters that signs the operator's Admin API calls",
    )
    admin_api_signature_version: int = Field(
        1, alias="ADMIN_API_SIGNATURE_VERSION", description="version in the Admin API signature"
    )
    admin_api_signature_ttl_s: int = Field(
        30, alias="ADMIN_API_SIGNATURE_TTL_SECONDS", description="life of a signature in seconds"
    )
    key_id: str = Field(alias="KEY_ID", description="kid of this node's own key")
    private_key_file: str = Field(
        alias="PRIVATE_KEY_FILE", description="PEM file of this node's Ed25519 key"
    )

    exchange_rates_url: str | None = Field(
        None, alias="EXCHANGE_RATES_URL", description="where rates come from: GET <url>?base=USD"
    )
    exchange_rates_lifetime_ms: int = Field(
        15_000, alias="EXCHANGE_RATES_LIFETIME", ge=100, description="milliseconds that rates hold"
    )
    slippage: str = Field(
        "0.01",
        alias="SLIPPAGE",
        description="share of 0 to below 1 that a rate may fall between quote and payment",
    )
    quote_lifespan_ms: int = Field(
        300_000, alias="QUOTE_LIFESPAN", ge=1, description="life of a quote in milliseconds"
    )
    incoming_payment_expiry_max_ms: int = Field(
        2_592_000_000,
        alias="INCOMING_PAYMENT_EXPIRY_MAX_MS",
        ge=1,
        description="longest life of an incoming payment in milliseconds, and its default",
    )
    wallet_address_page: str | None = Field(
        None,
        alias="WALLET_ADDRESS_REDIRECT_HTML_PAGE",
        description="page that browsers are sent to from a wallet address; `%wa` and `%ewa` stand "
        "for its URL, `%wp` and `%ewp` for it without `https://`, plain and percent-encoded",
    )
    max_outgoing_payment_retry_attempts: int = Field(
        5,
        alias="MAX_OUTGOING_PAYMENT_RETRY_ATTEMPTS",
        ge=1,
        description="how often sending is tried before a payment fails",
    )
    outgoing_payments_in_flight_max: int = Field(
        64,
        alias="OUTGOING_PAYMENT_WORKERS",
        ge=0,
        description="payments that one worker process sends at once, three quarters of them for a"
        " tenant alone; 0 sends none",
    )
    compares_books: bool = Field(
        True,
        alias="RECONCILIATION",
        description="whether this process compares ledger, payments and events after its transfers",
    )

    webhook_url: str = Field(alias="WEBHOOK_URL", description="where events are posted")
    webhook_timeout_ms: int = Field(
        2_000, alias="WEBHOOK_TIMEOUT", ge=1, description="milliseconds that a receiver may take"
    )
    webhook_max_retry: int = Field(
        10, alias="WEBHOOK_MAX_RETRY", ge=0, description="attempts after which an event is parked"
    )
    webhook_deliveries_in_flight_max: int = Field(
        16,
        alias="WEBHOOK_WORKERS",
        ge=0,
        description="deliveries that one worker process makes at once; 0 makes none",
    )
    signature_secret: SecretStr | None = Field(
        None, alias="SIGNATURE_SECRET", description="secret that signs webhooks"
    )
    signature_version: int = Field(
        1, alias="SIGNATURE_VERSION", description="version in the webhook signature"
    )

    enable_auto_peering: bool = Field(
        False,
        alias="ENABLE_AUTO_PEERING",
        description="whether other nodes may ask to be peers: `POST /auto-peering`",
    )
    auto_peering_allowed_addresses: CommaList = Field(
        (),
        alias="AUTO_PEERING_ALLOWED_ADDRESSES",
        description="ILP addresses that nodes which ask have or lie below, with commas between",
    )
    auto_peering_liquidity: int = Field(
        0,
        alias="AUTO_PEERING_LIQUIDITY",
        ge=0,
        le=2**64 - 1,
        description="deposited for each node that asked, in its asset's units; with 0 its packets"
        " are refused until an operator deposits liquidity",
    )

    @field_validator("admin_api_secret")
    @classmethod
    def _admin_api_secret_is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < ADMIN_API_SECRET_CHARACTERS_MIN:
            raise ValueError(f"give at least {ADMIN_API_SECRET_CHARACTERS_MIN} random characters")
        return value

    @field_validator("stream_secret")
    @classmethod
    def _stream_secret_is_32_bytes(cls, value: SecretStr) -> SecretStr:
        try:
            size = len(base64.b64decode(value.get_secret_value(), validate=True))
        except binascii.Error:
            size = 0
        if size != STREAM_SECRET_BYTES:
            raise ValueError(f"give {STREAM_SECRET_BYTES} random bytes in base64")
        return value

    @field_validator("slippage")
    @classmethod
    def _slippage_is_a_share(cls, value: str) -> str:
        share = _share(value)
        if share is not None and not share < Ratio(1, 1):
            raise ValueError("give a decimal number from 0 to less than 1")
        return value

    @field_validator(
        "open_payments_url",
        "wallet_address_url",
        "auth_server_grant_url",
        "ilp_connector_url",
        "exchange_rates_url",
        "webhook_url",
    )
    @classmethod
    def _is_called_over_http(cls, value: str | None) -> str | None:
        if value is not None and not is_http_url(value):
            raise ValueError("give an absolute http or https URL")
        return value

    @field_validator("open_payments_url", "auth_server_grant_url", "wallet_address_url")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return None if value is None else value.rstrip("/")

    @property
    def slippage_ratio(self) -> Ratio | None:
        """The share that a rate may fall, exact; None for nothing."""
        return _share(self.slippage)

    @property
    def production(self) -> bool:
        """Whether strict rules towards other servers hold."""
        return self.node_env == "production"

    @property
    def node_wallet_address(self) -> str:
        """Who this node is as a client of other banks."""
        return self.wallet_address_url or f"{self.open_payments_url}/.well-known/pay"

    @property
    def stream_secret_bytes(self) -> bytes:
        """The STREAM secret, decoded."""
        return base64.b64decode(self.stream_secret.get_secret_value())


def _share(text: str) -> Ratio | None:
    """A decimal as an exact ratio; None for zero; raises ValueError for anything else."""
    if _ZERO.fullmatch(text):
        return None
    try:
        return Ratio.of_decimal(text)
    except InvalidDecimalError as error:
        raise ValueError(str(error)) from None
