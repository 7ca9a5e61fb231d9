"""`rafiki doctor`: whether a node is set up so that it can work, and what to do where it is not."""

from operator import itemgetter
from pathlib import Path
from typing import Annotated, Final

import typer
from rafiki_client import Node

from rafiki_cli.checks.finding import Finding, Verdict
from rafiki_cli.output import Columns, show_all
from rafiki_cli.running import ExitCode, Session, run

_FINDING: Final[Columns] = {
    title: itemgetter(title) for title in ("verdict", "check", "found", "do")
}


def doctor(
    context: typer.Context,
    public_url: Annotated[
        str | None,
        typer.Option(envvar="OPEN_PAYMENTS_URL", help="Where the world reaches the node."),
    ] = None,
    key_id: Annotated[
        str | None, typer.Option(envvar="KEY_ID", help="Name of the node's key.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(envvar="PRIVATE_KEY_FILE", help="PEM file of the node's key.")
    ] = None,
    tenant_id: Annotated[
        str | None, typer.Option(envvar="OPERATOR_TENANT_ID", help="The operator's tenant.")
    ] = None,
    api_secret: Annotated[
        str | None, typer.Option(envvar="ADMIN_API_SECRET", help="The operator's secret.")
    ] = None,
    host: Annotated[
        str, typer.Option(envvar="HOST", help="Where the service of the ports below listens.")
    ] = "127.0.0.1",
    grpc_port: Annotated[
        int | None, typer.Option(envvar="GRPC_PORT", help="Its gRPC port.")
    ] = None,
    connector_port: Annotated[
        int | None, typer.Option(envvar="CONNECTOR_PORT", help="Its port for packets.")
    ] = None,
    auth_port: Annotated[
        int | None, typer.Option(envvar="AUTH_PORT", help="Its port for interactions.")
    ] = None,
    workers: Annotated[
        int, typer.Option(envvar="WORKERS", min=1, help="Its processes, each one port further.")
    ] = 1,
) -> None:
    """Check a node: services, ports, clocks, keys, signatures, peers, rates, webhooks.

    Settings come from the environment under the node's own names, so that it can run where the
    node does: `env $(cat node.env) rafiki doctor`. Exit code 5 when something must be mended.
    """

    async def work(node: Node, session: Session) -> None:
        # What it needs takes as long to load as everything else; other commands start without.
        from rafiki_cli.checks.everything import Given, check_everything  # noqa: PLC0415 - see above
        from rafiki_cli.checks.ports import Listening  # noqa: PLC0415 - see above

        ports = {"GRPC_PORT": grpc_port, "CONNECTOR_PORT": connector_port, "AUTH_PORT": auth_port}
        used = {name: port for name, port in ports.items() if port is not None}
        listening = Listening(host, used, workers)
        given = Given(public_url, key_id, key_file, tenant_id, api_secret, listening)
        findings = await check_everything(node, session, given)
        show_all(session, [_row(finding) for finding in findings], _FINDING)
        if any(finding.verdict is Verdict.FAIL for finding in findings):
            raise typer.Exit(ExitCode.WENT_WRONG)

    run(context, work)


def _row(finding: Finding) -> dict[str, str]:
    return {
        "verdict": str(finding.verdict),
        "check": finding.check,
        "found": finding.found,
        "do": finding.remedy,
    }
