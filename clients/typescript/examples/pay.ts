/**
 * Pays from a wallet address of the node to one at any bank, and watches the payment to its end.
 *
 *     node dist/examples/pay.js 127.0.0.1:3001 http://127.0.0.1:3000/alice http://127.0.0.1:3100/carla 500
 *
 * The last argument is the amount to send, in units of the sender's asset (500 is 5.00 USD).
 */
import { connect, follow, newest, pages, type Node } from '../src/index.js'
import { OutgoingPaymentState as State, type OutgoingPayment } from '../src/gen/rafiki/admin/v1/payment_service_pb.js'
import type { WalletAddress } from '../src/gen/rafiki/admin/v1/wallet_address_service_pb.js'

/** The node's wallet address with a URL; `getWalletAddressByUrl` finds it in one call. */
async function walletAddress(node: Node, url: string): Promise<WalletAddress> {
  const all = pages(
    (page) => node.walletAddresses.listWalletAddresses({ page }),
    (response) => response.walletAddresses
  )
  for await (const wallet of all) if (wallet.address === url) return wallet
  throw new Error(`${url} is no wallet address of this node`)
}

async function pay(node: Node, sender: string, receiver: string, units: bigint): Promise<OutgoingPayment> {
  const wallet = await walletAddress(node, sender)
  const incoming = await node.payments.createReceiver({ walletAddressUrl: receiver })
  const quote = await node.payments.createQuote({
    walletAddressId: wallet.id,
    receiver: incoming.id,
    debitAmount: { value: units, assetCode: wallet.asset!.code, assetScale: wallet.asset!.scale }
  })
  const cursor = await newest(node.events)
  const created = await node.payments.createOutgoingPayment({ walletAddressId: wallet.id, quoteId: quote.id })
  const payment = await watch(node, created.id, cursor)
  // Nothing more is to come, so that the receiver's bank may book what came.
  await node.payments.completeReceiver({ url: incoming.id })
  return payment
}

/** Prints each event of a payment until it has ended. */
async function watch(node: Node, id: string, cursor: string): Promise<OutgoingPayment> {
  for await (const batch of follow(node.events, cursor)) {
    for (const event of batch.events) if (event.data?.['id'] === id) console.log(event.type)
    const payment = await node.payments.getOutgoingPayment({ id })
    if ([State.COMPLETED, State.FAILED, State.CANCELLED].includes(payment.state)) return payment
  }
  throw new Error('the feed has no end')
}

const [target, sender, receiver, units] = process.argv.slice(2)
if (!target || !sender || !receiver || !units) {
  throw new Error("usage: pay <operator's host:port> <sender's URL> <receiver's URL> <units>")
}
const node = connect(`http://${target}`)
const payment = await pay(node, sender, receiver, BigInt(units))
const sent = payment.sentAmount!
console.log(`${payment.id} ${State[payment.state]}: sent ${sent.value} ${sent.assetCode} (scale ${sent.assetScale})`)
process.exitCode = payment.state === State.COMPLETED ? 0 : 1
node.close()
