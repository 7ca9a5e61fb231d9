"""The command line: options that all commands share, and the commands."""

import json
from pathlib import Path
from typing import Annotated

import grpc
import typer

from rafiki_cli import directory, doctor, events, explaining, liquidity, paying, reconciling, status
from rafiki_cli.running import Format, Session

app = typer.Typer(
    name="rafiki",
    no_args_is_help=True,
    help="Operates a Rafiki node over the gRPC of its operator listener.",
    epilog=(
        "Exit codes: 0 done, 1 refused by the node, 2 wrong usage, 3 the node does not answer,"
        " 4 no such thing, 5 it was carried out and did not go well."
    ),
    pretty_exceptions_enable=False,
)


@app.callback()
def options(  # noqa: D103 - typer shows the app's own help
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option(envvar="RAFIKI_TARGET", help="host:port of the operator listener."),
    ] = "127.0.0.1:3001",
    tenant: Annotated[
        str | None,
        typer.Option(envvar="RAFIKI_TENANT", help="Act as this tenant; the operator without."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", envvar="RAFIKI_OUTPUT", help="Tables or JSON.")
    ] = Format.TABLE,
    ca: Annotated[
        Path | None, typer.Option(help="Speak TLS; PEM file of the authority to trust.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="PEM file of our certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of our certificate's key.")] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="name: value, sent with each call; repeatable.")
    ] = None,
) -> None:
    headers = dict(_header(text) for text in header or ())
    context.obj = Session(
        target=target,
        tenant=tenant,
        output=output,
        credentials=_credentials(ca, cert, key),
        headers=headers,
    )


def _header(text: str) -> tuple[str, str]:
    name, found, value = text.partition(":")
    if not found or not name.strip():
        raise typer.BadParameter(f"{json.dumps(text)} is not like name: value", param_hint="header")
    return name.strip(), value.strip()


def _credentials(
    ca: Path | None, cert: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    if (cert is None) != (key is None):
        raise typer.BadParameter("a certificate and its key go together", param_hint="cert, key")
    if ca is None and cert is None:
        return None
    return grpc.ssl_channel_credentials(*(p.read_bytes() if p else None for p in (ca, key, cert)))


app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("pay")(paying.pay)
app.command("trace")(explaining.trace)
app.add_typer(directory.tenants, name="tenants")
app.add_typer(directory.peers, name="peers")
app.add_typer(directory.assets, name="assets")
app.add_typer(explaining.explain, name="explain")
app.add_typer(events.app, name="events")
app.add_typer(liquidity.deposit, name="deposit")
app.add_typer(liquidity.withdraw, name="withdraw")
app.add_typer(reconciling.app, name="reconcile")


def main() -> None:
    """Command line entry."""
    app()
