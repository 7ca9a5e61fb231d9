"""Prices payments, from the peer's settings and known rates: no packet is sent for a quote."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from ilpkit.money import U64_MAX, Amount, Ratio
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource

from services.backend.assets import repository as assets
from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.directory.worker import Directory
from services.backend.quotes import repository
from services.backend.quotes.errors import (
    amount_needed,
    non_positive_receive_amount,
    one_amount_at_most,
    out_of_range,
    rate_unavailable,
    unknown_quote,
    unreachable,
    wrong_asset,
)
from services.backend.quotes.model import (
    Method,
    Price,
    Quote,
    maximum_debit,
    minimum_debit,
    price_debit,
    price_delivery,
    slipped,
)
from services.backend.rates.service import Rates
from services.backend.receivers.errors import invalid_receiver
from services.backend.receivers.model import Receiver
from services.backend.receivers.service import ReceiverService
from services.backend.wallet_addresses.model import WalletAddress

UNBOUNDED: Final = U64_MAX


class QuoteService:
    """Gives and reads quotes."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        rates: Rates,
        receivers: ReceiverService,
        clock: Clock,
        ids: IdSource,
        lifespan: timedelta,
        slippage: Ratio | None,
    ) -> None:
        self._database = database
        self._directory = directory
        self._rates = rates
        self._receivers = receivers
        self._clock = clock
        self._ids = ids
        self._lifespan = lifespan
        self._slippage = slippage

    async def prepare(
        self,
        *,
        wallet_address: WalletAddress,
        asset: Asset,
        receiver_url: str,
        client: str | None,
        debit_amount: Amount | None,
        receive_amount: Amount | None,
    ) -> Quote:
        """Price a payment without writing anything.

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
        if not receiver.is_payable(now):
            raise invalid_receiver(receiver_url, "is completed, expired or has no payment method")
        method = Method.LOCAL if receiver.local_id is not None else Method.ILP
        max_packet_amount = self._route(wallet_address.tenant_id, receiver)
        rate = await self._rates.get(wallet_address.tenant_id, asset.unit, receiver.asset)
        if rate is None:
            raise rate_unavailable(asset.code, receiver.asset.code)
        fee = await self._fee(asset.id)
        price = self._price(
            method=method,
            rate=rate,
            fee=fee,
            asset=asset,
            receiver=receiver,
            debit_amount=debit_amount,
            receive_amount=receive_amount,
        )
        fixed_send = debit_amount is not None
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
            debit_amount=debit_amount.value
            if fixed_send and debit_amount is not None
            else price.source + price.fee,
            receive_amount=Amount(price.deliver, receiver.asset),
            source_amount=price.source,
            fee_amount=price.fee,
            fee_id=None if fee is None else fee.id,
            min_rate=price.min_rate,
            max_packet_amount=max_packet_amount,
            received_before=receiver.received_amount.value,
            expires_at=expires_at,
            created_at=now,
        )

    async def insert(self, session: WriteSession, quote: Quote) -> None:
        """Write a prepared quote."""
        await repository.add(session, quote)

    async def get(
        self, quote_id: UUID, *, tenant_id: UUID | None, client: str | None = None
    ) -> Quote:
        """One quote; raises NotFound, also when it is another client's."""
        async with self._database.read() as session:
            quote = await repository.get(session, quote_id, tenant_id)
        if quote is None or client not in {None, quote.client}:
            raise unknown_quote(quote_id)
        return quote

    def _route(self, tenant_id: UUID, receiver: Receiver) -> int | None:
        """The next hop's packet limit, None for no limit or no packets; raises UNREACHABLE."""
        if receiver.local_id is not None:
            return None
        destination = receiver.methods[0].ilp_address
        if self._directory.snapshot.route(tenant_id, destination) is None:
            raise unreachable(destination)
        # What the next hop takes in one packet is its own setting; it tells with F08.
        return None

    async def _fee(self, asset_id: UUID) -> Fee | None:
        async with self._database.read() as session:
            return await assets.current_fee(session, asset_id, FeeType.SENDING)

    def _price(
        self,
        *,
        method: Method,
        rate: Ratio,
        fee: Fee | None,
        asset: Asset,
        receiver: Receiver,
        debit_amount: Amount | None,
        receive_amount: Amount | None,
    ) -> Price:
        exact = method is Method.LOCAL
        min_rate = rate if exact else slipped(rate, self._slippage)
        pricing: dict[str, Any] = {"min_rate": min_rate, "exact": exact, "fee": fee}
        if debit_amount is not None:
            price = price_debit(debit=debit_amount.value, **pricing)
        else:
            price = price_delivery(deliver=_to_deliver(receiver, receive_amount), **pricing)
        if price.deliver <= 0 or price.source <= 0:
            raise non_positive_receive_amount(minimum_debit(**pricing), asset.code, asset.scale)
        outstanding = receiver.outstanding
        if outstanding is not None and price.deliver > outstanding:
            raise out_of_range("debitAmount", maximum_debit(deliver=outstanding, **pricing))
        if price.source + price.fee > UNBOUNDED:
            raise out_of_range("receiveAmount", UNBOUNDED)
        return price


def _to_deliver(receiver: Receiver, receive_amount: Amount | None) -> int:
    outstanding = receiver.outstanding
    if receive_amount is None:
        if outstanding is None:
            raise amount_needed()
        return outstanding
    if receive_amount.asset != receiver.asset:
        raise wrong_asset("receiveAmount", receiver.asset.code, receiver.asset.scale)
    limit = UNBOUNDED if outstanding is None else outstanding
    if not 1 <= receive_amount.value <= limit:
        raise out_of_range("receiveAmount", limit)
    return receive_amount.value
