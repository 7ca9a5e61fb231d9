"""Pays from a wallet address of the node to one at any bank, and watches the payment to its end.

    python pay.py 127.0.0.1:3001 http://127.0.0.1:3000/alice http://127.0.0.1:3100/carla 500

The last argument is the amount to send, in units of the sender's asset (500 is 5.00 USD).
"""

import asyncio
import sys

from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1.wallet_address_service_pb2 import ListWalletAddressesRequest, WalletAddress
from rafiki.common.v1.money_pb2 import Amount
from rafiki_client import Node, connect, follow, newest, pages

ENDED = (
    payments.OUTGOING_PAYMENT_STATE_COMPLETED,
    payments.OUTGOING_PAYMENT_STATE_FAILED,
    payments.OUTGOING_PAYMENT_STATE_CANCELLED,
)


async def wallet_address(node: Node, url: str) -> WalletAddress:
    """The node's wallet address with a URL; `GetWalletAddressByUrl` finds it in one call."""
    found: WalletAddress
    async for found in pages(
        node.wallet_addresses.ListWalletAddresses, ListWalletAddressesRequest()
    ):
        if found.address == url:
            return found
    sys.exit(f"{url} is no wallet address of this node")


async def pay(node: Node, sender: str, receiver: str, units: int) -> payments.OutgoingPayment:
    """Make the payment, and print each event of it until it has ended."""
    wallet = await wallet_address(node, sender)
    incoming = await node.payments.CreateReceiver(
        payments.CreateReceiverRequest(wallet_address_url=receiver)
    )
    debit = Amount(value=units, asset_code=wallet.asset.code, asset_scale=wallet.asset.scale)
    quote = await node.payments.CreateQuote(
        payments.CreateQuoteRequest(
            wallet_address_id=wallet.id, receiver=incoming.id, debit_amount=debit
        )
    )
    cursor = await newest(node.events)
    created = await node.payments.CreateOutgoingPayment(
        payments.CreateOutgoingPaymentRequest(wallet_address_id=wallet.id, quote_id=quote.id)
    )
    async for batch in follow(node.events, cursor=cursor):
        for event in batch.events:
            if event.data["id"] == created.id:
                print(event.type)
        payment: payments.OutgoingPayment
        payment = await node.payments.GetOutgoingPayment(
            payments.GetOutgoingPaymentRequest(id=created.id)
        )
        if payment.state in ENDED:
            # Nothing more is to come, so that the receiver's bank may book what came.
            await node.payments.CompleteReceiver(payments.CompleteReceiverRequest(url=incoming.id))
            return payment
    raise AssertionError("the feed has no end")


async def main() -> None:
    """Command line entry."""
    target, sender, receiver, units = sys.argv[1:]
    async with connect(target) as node:
        payment = await pay(node, sender, receiver, int(units))
    state = payments.OutgoingPaymentState.Name(payment.state)
    sent = payment.sent_amount
    print(f"{payment.id} {state}: sent {sent.value} {sent.asset_code} (scale {sent.asset_scale})")
    if payment.state != payments.OUTGOING_PAYMENT_STATE_COMPLETED:
        sys.exit(1)


if __name__ == "__main__":
    asyncio.run(main())
