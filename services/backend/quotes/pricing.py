"""Prices payments, from the peer's settings and known rates: no packet is sent for a quote."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from ilpkit import money
from ilpkit.money import U64_MAX, Amount, Ratio
from servicekit.clock import Clock
from servicekit.ids import IdSource

from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.directory.model import PeerEntry, PeerRoute
from services.backend.directory.worker import Directory
from services.backend.quotes.errors import (
    amount_needed,
    non_positive_receive_amount,
    one_amount_at_most,
    out_of_range,
    rate_unavailable,
    unreachable,
    unusable_rate,
    wrong_asset,
)
from services.backend.quotes.model import Method, Price, Quote, Terms, slipped
from services.backend.rates.service import Rates
from services.backend.receivers.errors import invalid_receiver
from services.backend.receivers.model import Receiver
from services.backend.wallet_addresses.model import WalletAddress


class Receivers(Protocol):
    """Incoming payments anywhere."""

    async def get(self, url: str) -> Receiver:
        """The receiver at a URL; raises InvalidArgument or Unavailable."""
        ...

    def sealed(self, receiver: Receiver) -> bytes | None:
        """What to keep of a receiver with its quote."""
        ...


class PathLimits(Protocol):
    """What is known of the largest packets that peers let pass."""

    async def of(self, peer_id: UUID, asset_id: UUID) -> int | None:
        """The largest packet of an asset that passes a peer, if a payment learned it lately."""
        ...


class Pricing:
    """Works out what a payment costs; writes nothing."""

    def __init__(
        self,
        *,
        directory: Directory,
        rates: Rates,
        receivers: Receivers,
        path_limits: PathLimits,
        clock: Clock,
        ids: IdSource,
        lifespan: timedelta,
        slippage: Ratio | None,
    ) -> None:
        self._directory = directory
        self._rates = rates
        self._receivers = receivers
        self._path_limits = path_limits
        self._clock = clock
        self._ids = ids
        self._lifespan = lifespan
        self._slippage = slippage

    async def price(
        self,
        *,
        wallet_address: WalletAddress,
        asset: Asset,
        receiver_url: str,
        client: str | None,
        debit_amount: Amount | None,
        receive_amount: Amount | None,
    ) -> Quote:
        """Price a payment.

        Raises:
            InvalidArgument: an amount or the receiver is not right, or nothing would be delivered.
            FailedPrecondition: no peer leads to the receiver (UNREACHABLE).
            Unavailable: no rate is known, or the receiver's bank does not answer.
        """
        if debit_amount is not None and receive_amount is not None:
            raise one_amount_at_most()
        if debit_amount is not None and debit_amount.asset != asset.unit:
            raise wrong_asset("debitAmount", asset.code, asset.scale)
        receiver = await self._receivers.get(receiver_url)
        now = self._clock.now()
        if not receiver.is_payable(now) or receiver.satisfied:
            raise invalid_receiver(receiver_url, "is completed, expired or has no payment method")
        method = Method.LOCAL if receiver.local_id is not None else Method.ILP
        peer = self._next_hop(wallet_address.tenant_id, receiver)
        fee = self._directory.snapshot.fee(asset.id, FeeType.SENDING)
        terms = await self._terms(wallet_address.tenant_id, asset, peer, receiver, fee)
        hops = await self._hops(wallet_address.tenant_id, asset, peer, receiver)
        terms, price = _price(
            terms,
            receiver,
            hops,
            debit_amount=debit_amount,
            receive_amount=receive_amount,
            unit=asset.unit,
        )
        expires_at = now + self._lifespan
        if receiver.expires_at is not None:
            expires_at = min(expires_at, receiver.expires_at)
        return Quote(
            id=self._ids.uuid(),
            tenant_id=wallet_address.tenant_id,
            wallet_address_id=wallet_address.id,
            client=client,
            receiver=receiver_url,
            method=method,
            debit_amount=price.source + price.fee if debit_amount is None else debit_amount.value,
            receive_amount=Amount(price.deliver, receiver.asset),
            source_amount=price.source,
            fee_amount=price.fee,
            fee_id=None if fee is None else fee.id,
            min_rate=terms.min_rate,
            max_packet_amount=terms.packet_max,
            received_before=receiver.received_amount.value,
            expires_at=expires_at,
            created_at=now,
            sealed_receiver=self._receivers.sealed(receiver),
        )

    async def _terms(
        self,
        tenant_id: UUID,
        asset: Asset,
        peer: PeerEntry | None,
        receiver: Receiver,
        fee: Fee | None,
    ) -> Terms:
        """What the price follows from; raises Unavailable or InvalidArgument where nothing can."""
        rate = await self._rates.get(tenant_id, asset.unit, receiver.asset)
        if rate is None:
            raise rate_unavailable(asset.code, receiver.asset.code)
        limit = None if peer is None else await self._path_limits.of(peer.peer.id, asset.id)
        slippage = None if receiver.local_id is not None else self._slippage
        terms = Terms.of(rate=rate, slippage=slippage, fee=fee, limit=limit)
        if terms is None:
            raise unusable_rate(asset.unit, receiver.asset)
        return terms

    def _next_hop(self, tenant_id: UUID, receiver: Receiver) -> PeerEntry | None:
        """The peer on the way; None when the payment stays on this node; raises UNREACHABLE."""
        if receiver.local_id is not None:
            return None
        destination = receiver.methods[0].ilp_address
        route = self._directory.snapshot.decide(tenant_id, destination)
        if route is None:
            raise unreachable(destination)
        return route.entry if isinstance(route, PeerRoute) else None

    async def _hops(
        self, tenant_id: UUID, asset: Asset, peer: PeerEntry | None, receiver: Receiver
    ) -> Sequence[Ratio]:
        """The conversions of a payment that is converted here and beyond the peer; else none.

        What the peer converts at is taken to be what this node's rates say.
        """
        if peer is None or peer.asset.unit in {asset.unit, receiver.asset}:
            return ()
        here = await self._rates.get(tenant_id, asset.unit, peer.asset.unit)
        there = await self._rates.get(tenant_id, peer.asset.unit, receiver.asset)
        if here is None or there is None:
            return ()
        return slipped(here, self._slippage), there


def _price(
    terms: Terms,
    receiver: Receiver,
    hops: Sequence[Ratio],
    *,
    debit_amount: Amount | None,
    receive_amount: Amount | None,
    unit: money.Asset,
) -> tuple[Terms, Price]:
    """The price, and what it holds the payment to; InvalidArgument for what can't be paid."""
    outstanding = receiver.outstanding
    room = U64_MAX if outstanding is None else outstanding
    if debit_amount is not None:
        held, price = terms.debit_through(terms.debit(debit_amount.value, room=room), hops)
        if price.deliver == 0:
            raise non_positive_receive_amount(terms.debit_min(), unit)
        if price.deliver > room:
            raise out_of_range("debitAmount", terms.debit_max(room))
        return held, price
    if receive_amount is None and outstanding is None:
        raise amount_needed()
    if receive_amount is not None and receive_amount.asset != receiver.asset:
        raise wrong_asset("receiveAmount", receiver.asset.code, receiver.asset.scale)
    deliver = room if receive_amount is None else receive_amount.value
    limit = terms.delivery_max(room)
    if not 1 <= deliver <= limit:
        raise out_of_range("receiveAmount", limit)
    held, price = terms.through(terms.delivery(deliver), hops)
    if price.source + price.fee > U64_MAX:
        raise out_of_range("receiveAmount", limit)
    return held, price
