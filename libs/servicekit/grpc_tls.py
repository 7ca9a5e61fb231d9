"""TLS and mutual TLS of gRPC servers and channels, from files that may be renewed while they serve.

Certificates are read again when a connection is opened after a file changed, so that a renewed one
needs no restart. Without the settings a server and a channel speak plain text: then the port must
be reachable for nobody but the node's own processes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc


class TlsFilesError(ValueError):
    """The settings of TLS don't fit together, or a file can't be read; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """Files of a server, all PEM."""

    certificate: Path
    """The chain, the server's own certificate first."""
    private_key: Path
    client_ca: Path | None
    """Who must have signed a client's certificate; None lets clients come without one."""

    @classmethod
    def of(
        cls, certificate: str | None, private_key: str | None, client_ca: str | None
    ) -> "ServerTls | None":
        """From settings; None where they say nothing.

        Raises:
            TlsFilesError: one is set without the other that it needs, or there is no such file.
        """
        if certificate is None and private_key is None and client_ca is None:
            return None
        if certificate is None or private_key is None:
            raise TlsFilesError("GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE go together")
        made = cls(
            certificate=Path(certificate),
            private_key=Path(private_key),
            client_ca=None if client_ca is None else Path(client_ca),
        )
        made.credentials()
        return made

    def credentials(self) -> grpc.ServerCredentials:
        """For a server's port; renewed files are noticed at the next handshake."""
        seen = self._stamp()

        def renewed() -> Any:  # the configuration, or None for no change
            nonlocal seen
            try:
                stamp = self._stamp()
                if stamp == seen:
                    return None
                configuration = self._configuration()
            except TlsFilesError:
                return None  # half written: the former ones go on
            seen = stamp
            return configuration

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            renewed,
            require_client_authentication=self.client_ca is not None,
        )

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(_read(self.private_key), _read(self.certificate))],
            root_certificates=None if self.client_ca is None else _read(self.client_ca),
        )

    def _stamp(self) -> tuple[int, ...]:
        files = (self.certificate, self.private_key, *([self.client_ca] if self.client_ca else []))
        try:
            return tuple(file.stat().st_mtime_ns for file in files)
        except OSError as error:
            raise TlsFilesError(f"{error.filename}: {error.strerror}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """Files of a channel, all PEM."""

    server_ca: Path
    """Who must have signed the server's certificate."""
    certificate: Path | None
    private_key: Path | None
    server_name: str | None
    """The name in the server's certificate, where the address is another one."""

    @classmethod
    def of(
        cls,
        server_ca: str | None,
        certificate: str | None,
        private_key: str | None,
        server_name: str | None,
    ) -> "ClientTls | None":
        """From settings; None where they name no authority: then the channel is plain text.

        Raises:
            TlsFilesError: a certificate without its key or without TLS, or there is no such file.
        """
        if server_ca is None:
            if certificate or private_key or server_name:
                raise TlsFilesError("without a CA file the channel is plain text: name the CA too")
            return None
        if (certificate is None) != (private_key is None):
            raise TlsFilesError("a client's certificate and its private key go together")
        made = cls(
            server_ca=Path(server_ca),
            certificate=None if certificate is None else Path(certificate),
            private_key=None if private_key is None else Path(private_key),
            server_name=server_name,
        )
        made.credentials()
        return made

    def credentials(self) -> grpc.ChannelCredentials:
        """For a channel."""
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.server_ca),
            private_key=None if self.private_key is None else _read(self.private_key),
            certificate_chain=None if self.certificate is None else _read(self.certificate),
        )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise TlsFilesError(f"{file}: {error.strerror}") from None
