"""Ask a node at a URL to be a peer, and make it one, or renew the peering."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from ilpkit.openpayments.urls import is_http_url
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import ServiceError

from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.auto_peering.errors import invalid_peer_url, unusable_answer
from services.backend.auto_peering.model import OfferedAsset, PeeringDetails, PeeringRequest
from services.backend.auto_peering.peering import Peering, Sides
from services.backend.directory.worker import Directory
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.rules.accounting import deposit
from services.backend.ledger.rules.outcome import bring_in
from services.backend.peers.model import PeerView
from services.backend.peers.roles import PeerByUrl


class AskingLedger(LedgerReader, LedgerWriter, Protocol):
    """What the deposit needs of the ledger."""


class PeeringClient(Protocol):
    """Other nodes' auto-peering."""

    async def ask(self, url: str, request: PeeringRequest, *, token: str | None) -> PeeringDetails:
        """What the node at a URL answers; raises the ServiceError that says why it refuses."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A node that agreed to be a peer."""

    asset: Asset
    outgoing_token: str
    details: PeeringDetails


class PeerWithUrl(Command[PeerByUrl, Answered, PeerView]):
    """Raises NotFound for the asset and the URL, InvalidArgument, and FailedPrecondition."""

    def __init__(
        self,
        *,
        client: PeeringClient,
        peering: Peering,
        directory: Directory,
        ledger: AskingLedger,
        connector_url: str,
        name: str,
    ) -> None:
        self._client = client
        self._peering = peering
        self._directory = directory
        self._ledger = ledger
        self._connector_url = connector_url
        self._name = name

    async def read(self, given: PeerByUrl) -> Answered:
        """The other node's answer.

        A node that is a peer already is shown the token that it knows this node by, so that it can
        tell a renewal from somebody else's request.
        """
        if not is_http_url(given.url):
            raise invalid_peer_url("it is no http or https URL")
        asset = await self._directory.find_asset(given.asset_id)
        if asset is None or given.scope.filter not in {None, asset.tenant_id}:
            raise unknown_asset(given.asset_id)
        tenant = await self._directory.find_tenant(asset.tenant_id)
        assert tenant is not None, "an asset that is not deleted has its tenant"
        outgoing_token = self._peering.new_token()
        request = PeeringRequest(
            static_ilp_address=tenant.ilp_address,
            ilp_connector_url=self._connector_url,
            asset=OfferedAsset(code=asset.code, scale=asset.scale),
            http_token=outgoing_token,
            max_packet_amount=given.max_packet_amount,
            name=self._name,
        )
        token = self._token_known_at(given.url, asset)
        details = await self._client.ask(given.url, request, token=token)
        return Answered(asset=asset, outgoing_token=outgoing_token, details=details)

    async def write(self, session: WriteSession, given: PeerByUrl, facts: Answered) -> PeerView:
        """The peer, new or renewed."""
        details = facts.details
        sides = Sides(
            asset=facts.asset,
            static_ilp_address=details.static_ilp_address,
            endpoint=details.ilp_connector_url,
            incoming_token=details.http_token,
            outgoing_token=facts.outgoing_token,
            name=given.name or details.name,
            max_packet_amount=given.max_packet_amount,
            liquidity_threshold=given.liquidity_threshold,
        )
        try:
            return await self._peering.write(session, sides, renew=True)
        except ServiceError as refused:
            raise unusable_answer(refused.message) from refused

    async def finish(self, given: PeerByUrl, done: PeerView) -> None:
        """Its account, and the deposit under an id that follows from the call."""
        await self._peering.open_account(done)
        if given.liquidity_to_deposit:
            plan = deposit(
                transfer_id=given.deposit_id,
                account_id=done.peer.id.int,
                amount=given.liquidity_to_deposit,
                ledger=done.asset.ledger,
                cause_id=done.peer.id.int,
            )
            await bring_in(self._ledger, plan)

    def _token_known_at(self, url: str, asset: Asset) -> str | None:
        """What this node presents to the peer at the origin of a URL, if it has one there."""
        origin = urlsplit(url)[:2]
        for entry in self._directory.snapshot.peers.values():
            if entry.asset.id == asset.id and urlsplit(entry.peer.outgoing_endpoint)[:2] == origin:
                return entry.peer.outgoing_token
        return None
