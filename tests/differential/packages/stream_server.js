'use strict'
// ilp-protocol-stream's own server as a receiver of packets.
const { createServer } = require('ilp-protocol-stream')
const { serializeIldcpResponse } = require('ilp-protocol-ildcp')

let server
let handler
let received = 0n
let data = ''

/** A plugin that answers ILDCP itself and otherwise only receives. */
function receivingPlugin ({ address, code, scale }) {
  return {
    connect: async () => {},
    disconnect: async () => {},
    isConnected: () => true,
    sendData: async () => serializeIldcpResponse({ clientAddress: address, assetCode: code, assetScale: scale }),
    registerDataHandler: (registered) => { handler = registered },
    deregisterDataHandler: () => { handler = undefined }
  }
}

async function create ({ address, code, scale, receive_max: receiveMax, receipt }) {
  server = await createServer({ plugin: receivingPlugin({ address, code, scale }) })
  received = 0n
  data = ''
  server.on('connection', (connection) => {
    connection.on('stream', (stream) => {
      stream.setReceiveMax(receiveMax || '18446744073709551615')
      stream.on('money', (amount) => { received += BigInt(amount) })
      stream.on('data', (chunk) => { data += chunk.toString('hex') })
    })
  })
  const credentials = server.generateAddressAndSecret(receipt && {
    receiptNonce: Buffer.from(receipt.nonce, 'hex'),
    receiptSecret: Buffer.from(receipt.secret, 'hex')
  })
  return {
    destination: credentials.destinationAccount,
    shared_secret: credentials.sharedSecret.toString('hex')
  }
}

module.exports = () => ({
  create,
  deliver: async ({ packet }) => (await handler(Buffer.from(packet, 'hex'))).toString('hex'),
  totals: () => ({ total: received, data }),
  close: async () => { await server.close() }
})
