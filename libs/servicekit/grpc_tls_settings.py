"""The settings of TLS between a node's own services, the same names in each of them."""

from typing import Self

from pydantic import Field, model_validator

from servicekit.grpc_tls import ClientTls, ServerTls
from servicekit.settings import ServiceSettings


class GrpcServerTlsSettings(ServiceSettings):
    """Of a service with a gRPC port."""

    grpc_tls_cert_file: str | None = Field(
        None, alias="GRPC_TLS_CERT_FILE", description="certificate chain of the gRPC port, PEM"
    )
    grpc_tls_key_file: str | None = Field(
        None, alias="GRPC_TLS_KEY_FILE", description="its private key, PEM"
    )
    grpc_tls_client_ca_file: str | None = Field(
        None,
        alias="GRPC_TLS_CLIENT_CA_FILE",
        description="callers of the gRPC port must show a certificate of this authority",
    )

    @model_validator(mode="after")
    def _grpc_tls_files_are_there(self) -> Self:
        _ = self.grpc_tls  # raises for what can't be used
        return self

    @property
    def grpc_tls(self) -> ServerTls | None:
        """TLS of the gRPC port; None for plain text."""
        return ServerTls.of(
            self.grpc_tls_cert_file, self.grpc_tls_key_file, self.grpc_tls_client_ca_file
        )


class GrpcClientTlsSettings(ServiceSettings):
    """Of a service that calls the node's other services."""

    grpc_client_tls_ca_file: str | None = Field(
        None,
        alias="GRPC_CLIENT_TLS_CA_FILE",
        description="authority of the other services' certificates; without it, plain text",
    )
    grpc_client_tls_cert_file: str | None = Field(
        None, alias="GRPC_CLIENT_TLS_CERT_FILE", description="own certificate towards them, PEM"
    )
    grpc_client_tls_key_file: str | None = Field(
        None, alias="GRPC_CLIENT_TLS_KEY_FILE", description="its private key, PEM"
    )
    grpc_client_tls_server_name: str | None = Field(
        None,
        alias="GRPC_CLIENT_TLS_SERVER_NAME",
        description="name in their certificates, where it is not the address that is called",
    )

    @model_validator(mode="after")
    def _grpc_client_tls_files_are_there(self) -> Self:
        _ = self.grpc_client_tls  # raises for what can't be used
        return self

    @property
    def grpc_client_tls(self) -> ClientTls | None:
        """TLS towards the node's other services; None for plain text."""
        return ClientTls.of(
            self.grpc_client_tls_ca_file,
            self.grpc_client_tls_cert_file,
            self.grpc_client_tls_key_file,
            self.grpc_client_tls_server_name,
        )
