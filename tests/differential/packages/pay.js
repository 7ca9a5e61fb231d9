'use strict'
// @interledger/pay as a sender: set up, quote, pay, close.
const pay = require('@interledger/pay')

function plugin (sendPacket) {
  return { connect: async () => {}, disconnect: async () => {}, isConnected: () => true, sendData: sendPacket }
}

module.exports = ({ sendPacket }) => ({
  /** Quotes and pays; `asset` absent makes it ask the receiver. Its errors are bare strings. */
  pay: async ({ destination, shared_secret: sharedSecret, asset, source_asset: sourceAsset, prices, slippage,
    send, deliver }) => {
    const connector = plugin(sendPacket)
    const resolved = await pay.setupPayment({
      plugin: connector,
      destinationAddress: destination,
      sharedSecret: Buffer.from(sharedSecret, 'hex'),
      destinationAsset: asset
    })
    const quote = await pay.startQuote({
      plugin: connector,
      destination: resolved,
      sourceAsset,
      amountToSend: send,
      amountToDeliver: deliver,
      prices,
      slippage
    })
    const progress = await pay.pay({ plugin: connector, destination: resolved, quote })
    await pay.closeConnection(connector, resolved)
    return {
      asset: resolved.destinationAsset,
      max_packet: quote.maxPacketAmount,
      max_source: quote.maxSourceAmount,
      min_delivery: quote.minDeliveryAmount,
      error: progress.error || null,
      sent: progress.amountSent,
      delivered: progress.amountDelivered,
      receipt: progress.streamReceipt ? Buffer.from(progress.streamReceipt).toString('hex') : null
    }
  }
})
