'use strict'
// @interledger/stream-receiver in both of its reject dialects, as a receiver of packets.
const { serializeIlpReply, deserializeIlpPrepare, isIlpReply } = require('ilp-packet')

const servers = {}

function create ({ dialect, secret, address, tag, asset, receipt }) {
  const { StreamServer } = require(`stream-receiver-${dialect}`)
  const server = new StreamServer({ serverSecret: Buffer.from(secret, 'hex'), serverAddress: address })
  const credentials = server.generateCredentials({
    paymentTag: tag,
    asset,
    receiptSetup: receipt && {
      nonce: Buffer.from(receipt.nonce, 'hex'),
      secret: Buffer.from(receipt.secret, 'hex')
    }
  })
  servers[credentials.ilpAddress] = { server, total: 0n, packets: 0, data: [] }
  return { destination: credentials.ilpAddress, shared_secret: credentials.sharedSecret.toString('hex') }
}

/** Answers one Prepare; `decline` makes the receiver refuse the money. */
function deliver ({ packet, decline, reason }) {
  const prepare = deserializeIlpPrepare(Buffer.from(packet, 'hex'))
  const state = servers[prepare.destination] || Object.values(servers)[0]
  state.packets++
  const money = state.server.createReply(prepare)
  return serializeIlpReply(isIlpReply(money) ? money : settle(state, prepare, money, decline, reason))
    .toString('hex')
}

function settle (state, prepare, money, decline, reason) {
  if (decline === 'temporary') return money.temporaryDecline()
  if (decline === 'final') return money.finalDecline(reason)
  for (const frame of money.dataFrames || []) state.data.push(frame.data.toString('hex'))
  state.total += BigInt(prepare.amount)
  money.setTotalReceived(state.total.toString())
  return money.accept()
}

module.exports = () => ({
  create,
  deliver,
  totals: ({ destination }) => {
    const { total, packets, data } = servers[destination]
    return { total, packets, data }
  }
})
