'use strict'
// ilp-protocol-stream as a sender: it asks peer.config for its address first, then sends.
const { createConnection } = require('ilp-protocol-stream')

module.exports = ({ sendPacket }) => ({
  /** Sends `amount` source units to a receiver, with `data` on the same stream. */
  send: async ({ destination, shared_secret: sharedSecret, amount, data, slippage }) => {
    const connection = await createConnection({
      plugin: {
        connect: async () => {},
        disconnect: async () => {},
        isConnected: () => true,
        sendData: sendPacket,
        registerDataHandler: () => {},
        deregisterDataHandler: () => {}
      },
      destinationAccount: destination,
      sharedSecret: Buffer.from(sharedSecret, 'hex'),
      slippage
    })
    const stream = connection.createStream()
    if (data) stream.write(Buffer.from(data, 'hex'))
    await stream.sendTotal(amount, { timeout: 20000 })
    const receipt = stream.receipt
    const result = {
      sent: connection.totalSent,
      delivered: connection.totalDelivered,
      destination_code: connection.destinationAssetCode,
      destination_scale: connection.destinationAssetScale,
      receipt: receipt ? receipt.toString('hex') : null
    }
    await connection.end()
    return result
  }
})
