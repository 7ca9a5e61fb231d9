'use strict'
// CPU microseconds of the npm reference packages for the operations of bench_codec and bench_receiver.
// One JSON object on stdin: {packages, prepare, secret, address, batch, batches}; one on stdout.
const path = require('path')
const input = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const load = (name) => require(path.join(input.packages, name))
const { deserializeIlpPrepare, serializeIlpPrepare, serializeIlpReply, isIlpReply } = load('ilp-packet')
const { StreamServer } = load('stream-receiver-3')

const raw = Buffer.from(input.prepare, 'hex')
const prepare = deserializeIlpPrepare(raw)
const server = new StreamServer({
  serverSecret: Buffer.from(input.secret, 'hex'),
  serverAddress: input.address
})

function receive () {
  const money = server.createReply(deserializeIlpPrepare(raw))
  if (isIlpReply(money)) throw new Error('the packet must be one that brings money')
  money.setTotalReceived('100')
  return serializeIlpReply(money.accept())
}

function medianUs (operation) {
  for (let i = 0; i < 3 * input.batch; i++) operation()
  const samples = []
  for (let b = 0; b < input.batches; b++) {
    const before = process.cpuUsage()
    for (let i = 0; i < input.batch; i++) operation()
    const { user, system } = process.cpuUsage(before)
    samples.push((user + system) / input.batch)
  }
  return samples.sort((a, b) => a - b)[samples.length >> 1]
}

process.stdout.write(JSON.stringify({
  decode_prepare: medianUs(() => deserializeIlpPrepare(raw)),
  encode_prepare: medianUs(() => serializeIlpPrepare(prepare)),
  receive: medianUs(receive)
}))
