"""What an operator sets: addresses, certificates and every limit of the edge."""

from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DESCRIPTORS: Final = ROOT / "generated" / "envoy" / "descriptors.binpb"
_PORT_MAX: Final = 65_535


@dataclass(frozen=True)
class Address:
    """A host (name or IP address) and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `host:port`; an IPv6 host stands in brackets. Raises ValueError."""
        host, separator, port = text.strip().rpartition(":")
        if not separator or not host or not port.isdigit() or int(port) > _PORT_MAX:
            raise ValueError(f"expected host:port, got {text!r}")
        return cls(host.strip("[]"), int(port))

    @property
    def is_ip(self) -> bool:
        """Whether the host needs no name look-up."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of the edge: seconds, bytes and counts as the names say."""

    rest_timeout_s: float = 15.0
    ilp_timeout_s: float = 35.0  # longer than a packet lives, which is 30 s by default
    guard_timeout_s: float = 10.0
    guard_try_s: float = 6.0  # longer than a client's key server is given; then another worker
    connect_timeout_s: float = 1.0
    request_timeout_s: float = 30.0
    request_headers_timeout_s: float = 10.0
    idle_timeout_s: float = 300.0
    rpc_idle_timeout_s: float = 3600.0
    drain_timeout_s: float = 5.0
    body_bytes_max: int = 65_536
    response_bytes_max: int = 4_194_304
    buffer_bytes_max: int = 1_048_576
    headers_kib_max: int = 32
    headers_count_max: int = 100
    downstream_connections_max: int = 10_000
    downstream_streams_max: int = 128
    upstream_connections_max: int = 1_024
    upstream_requests_max: int = 4_096
    upstream_pending_max: int = 1_024
    upstream_streams_max: int = 256
    upstream_retries_max: int = (
        64  # at once and a cluster, so that retries don't pile onto an outage
    )
    connect_retries_max: int = 2
    read_try_s: float = 5.0  # a read that one worker has not answered by then is tried on another
    health_interval_s: float = 5.0
    health_again_s: float = 1.0  # after a failure, and as long as a worker is out
    health_timeout_s: float = 1.0
    health_failures_max: int = 2
    ejection_s: float = 2.0
    cors_max_age_s: int = 600


@dataclass(frozen=True, kw_only=True)
class EnvoySettings:
    """One node's Envoy: its listeners and the workers behind them."""

    public: Address
    operator: Address
    admin: Address | None
    backend_grpc: tuple[Address, ...]
    backend_http: tuple[Address, ...]
    auth_grpc: tuple[Address, ...]
    auth_http: tuple[Address, ...]
    frontend: tuple[Address, ...]
    descriptors: Path = DESCRIPTORS
    trusted_hops: int = 0
    tls_certificate: Path | None = None
    tls_private_key: Path | None = None
    operator_tls_certificate: Path | None = None
    operator_tls_private_key: Path | None = None
    operator_client_ca: Path | None = None
    """Callers of the operator's listener must show a certificate of this authority."""
    upstream_ca: Path | None = None
    """Authority of the certificates of the services' gRPC ports; plain text without."""
    upstream_tls_certificate: Path | None = None
    upstream_tls_private_key: Path | None = None
    upstream_server_name: str | None = None
    """The name in those certificates."""
    access_log: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse what Envoy would only fail on later."""
        self._check_tls()
        if self.trusted_hops < 0:
            raise ValueError("trusted_hops counts proxies, so it is 0 or more")
        for name in ("backend_grpc", "backend_http", "auth_grpc", "auth_http", "frontend"):
            if not getattr(self, name):
                raise ValueError(f"{name} needs at least one address")
        for service in ("backend", "auth"):
            grpc, http = getattr(self, f"{service}_grpc"), getattr(self, f"{service}_http")
            if [address.host for address in grpc] != [address.host for address in http]:
                raise ValueError(
                    f"{service}_grpc and {service}_http must name the same workers in one order"
                )

    def _check_tls(self) -> None:
        for certificate, private_key in (
            (self.tls_certificate, self.tls_private_key),
            (self.operator_tls_certificate, self.operator_tls_private_key),
            (self.upstream_tls_certificate, self.upstream_tls_private_key),
        ):
            if (certificate is None) != (private_key is None):
                raise ValueError("a TLS certificate and its private key go together")
        if self.operator_client_ca and not self.operator_tls_certificate:
            raise ValueError("operator_client_ca asks for certificates, so it needs TLS")
        if (self.upstream_ca is None) != (self.upstream_server_name is None):
            raise ValueError("upstream_ca and upstream_server_name go together")
        if self.upstream_tls_certificate and not self.upstream_ca:
            raise ValueError("without upstream_ca the services are called in plain text")


LIMIT_NAMES: Final = tuple(limit.name for limit in fields(Limits))
