"""What operators must settle with their peers: packets that were never answered."""

from enum import StrEnum
from typing import Annotated, Final

import typer
from rafiki.admin.v1 import unknown_packet_service_pb2 as pb
from rafiki_client import Node, pages

from rafiki_cli.output import Columns, amount, moment, show_all, show_one, state
from rafiki_cli.running import ExitCode, Session, run

app = typer.Typer(invoke_without_command=True, help="Packets without a reply, and whose they are.")

_PACKET: Final[Columns] = {
    "id": lambda packet: packet.id,
    "amount": lambda packet: amount(packet.amount),
    "peer": lambda packet: packet.peer_id,
    "payer": lambda packet: packet.outgoing_payment_id or packet.incoming_peer_id,
    "request": lambda packet: packet.request_id,
    "sent": lambda packet: moment(packet.sent_at),
    "whose": lambda packet: state(pb.UnknownPacketResolution, packet.resolution),
}


class Owner(StrEnum):
    """Whose the money of a packet turned out to be."""

    PEER = "peer"
    SOURCE = "source"


@app.callback()
def reconcile(
    context: typer.Context,
    peer: Annotated[str | None, typer.Option(help="Only those of this peer.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are resolved.")] = False,
) -> None:
    """Packets whose money waits until it is known whose it is; exit code 5 when there are some."""
    if context.invoked_subcommand is not None:
        return

    async def work(node: Node, session: Session) -> None:
        request = pb.ListUnknownPacketsRequest(
            tenant_id=session.tenant, peer_id=peer, include_resolved=every
        )
        found = [packet async for packet in pages(node.unknown_packets.ListUnknownPackets, request)]
        show_all(session, found, _PACKET)
        open_ones = [
            packet
            for packet in found
            if packet.resolution == pb.UNKNOWN_PACKET_RESOLUTION_UNSPECIFIED
        ]
        if open_ones:
            raise typer.Exit(ExitCode.WENT_WRONG)

    run(context, work)


@app.command("resolve")
def resolve(
    context: typer.Context,
    packet_id: Annotated[str, typer.Argument(help="UUID of the entry.")],
    owner: Annotated[
        Owner, typer.Argument(help="peer: it was fulfilled. source: it was not, give it back.")
    ],
) -> None:
    """Move the money of a packet to the peer, or back to who paid for it."""

    async def work(node: Node, session: Session) -> None:
        resolutions = {
            Owner.PEER: pb.UNKNOWN_PACKET_RESOLUTION_PEER,
            Owner.SOURCE: pb.UNKNOWN_PACKET_RESOLUTION_SOURCE,
        }
        request = pb.ResolveUnknownPacketRequest(
            tenant_id=session.tenant, id=packet_id, resolution=resolutions[owner]
        )
        show_one(session, await node.unknown_packets.ResolveUnknownPacket(request), _PACKET)

    run(context, work)
