"""`python -m deploy.envoy`: prints the configuration of one node's Envoy."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from deploy.envoy.render import render
from deploy.envoy.settings import DESCRIPTORS, Address, EnvoySettings, Limits


def _addresses(text: str) -> tuple[Address, ...]:
    return tuple(Address.parse(part) for part in text.split(","))


def parser() -> argparse.ArgumentParser:
    """The command line; each limit is an option of its own."""
    result = argparse.ArgumentParser(prog="python -m deploy.envoy", description=__doc__)
    listeners = result.add_argument_group("listeners (host:port)")
    listeners.add_argument("--public", type=Address.parse, required=True)
    listeners.add_argument(
        "--operator", type=Address.parse, required=True, help="private: keep it off the internet"
    )
    listeners.add_argument("--admin", type=Address.parse, help="Envoy's own page; off by default")
    workers = result.add_argument_group("workers (host:port, separated by commas)")
    for name, what in (
        ("backend-grpc", "gRPC port of each backend worker"),
        ("backend-http", "CONNECTOR_PORT of each backend worker"),
        ("auth-grpc", "gRPC port of each auth worker"),
        ("auth-http", "AUTH_PORT of each auth worker"),
        ("frontend", "PORT of each frontend worker"),
    ):
        workers.add_argument(f"--{name}", type=_addresses, required=True, help=what)
    result.add_argument("--descriptors", type=Path, default=DESCRIPTORS)
    result.add_argument("--trusted-hops", type=int, default=0, help="proxies in front of Envoy")
    result.add_argument("--tls-certificate", type=Path, help="chain for the public listener")
    result.add_argument("--tls-private-key", type=Path)
    operator = result.add_argument_group("TLS of the operator's listener")
    operator.add_argument("--operator-tls-certificate", type=Path)
    operator.add_argument("--operator-tls-private-key", type=Path)
    operator.add_argument(
        "--operator-client-ca", type=Path, help="callers must show a certificate of it"
    )
    upstream = result.add_argument_group("TLS to the services' gRPC ports")
    upstream.add_argument("--upstream-ca", type=Path, help="who signed their certificates")
    upstream.add_argument("--upstream-server-name", help="the name in their certificates")
    upstream.add_argument("--upstream-tls-certificate", type=Path, help="Envoy's own, if asked for")
    upstream.add_argument("--upstream-tls-private-key", type=Path)
    result.add_argument("--access-log", help="a file, or - for the standard output; off by default")
    limits = result.add_argument_group("limits")
    for limit in fields(Limits):
        option = "--" + limit.name.replace("_", "-")
        limits.add_argument(
            option, type=type(limit.default), default=limit.default, help="default %(default)s"
        )
    return result


def main(argv: list[str] | None = None) -> None:
    """Command line entry."""
    arguments = vars(parser().parse_args(argv))
    limits = Limits(**{limit.name: arguments.pop(limit.name) for limit in fields(Limits)})
    try:
        settings = EnvoySettings(**arguments, limits=limits)
    except ValueError as error:
        sys.exit(f"python -m deploy.envoy: {error}")
    sys.stdout.write(render(settings))


if __name__ == "__main__":
    main()
