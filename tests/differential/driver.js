'use strict'
/*
 * Runs the reference packages for the Python tests: one JSON object a line, both ways.
 *
 *   in   {"id": 1, "op": "ilp_packet.encode", "args": {...}}       a command
 *   out  {"id": 1, "result": ...}  or  {"id": 1, "error": "..."}   its end
 *   out  {"call": 7, "packet": "0c..."}                            a Prepare that a package sends
 *   in   {"call": 7, "packet": "0d..."}                            its reply; null for none
 *
 * Bytes travel as hex, integers beyond 2^53 as decimal strings.
 */
const readline = require('readline')

const pendingCalls = new Map()
let callsMade = 0

/** Hands a Prepare to the Python side and resolves with the reply's bytes. */
function sendPacket (packet) {
  const call = ++callsMade
  return new Promise((resolve, reject) => {
    pendingCalls.set(call, { resolve, reject })
    write({ call, packet: packet.toString('hex') })
  })
}

function write (message) {
  process.stdout.write(JSON.stringify(message, (_, value) =>
    typeof value === 'bigint' ? value.toString() : value) + '\n')
}

const loaded = {}
function operation (name) {
  const [file, op] = name.split('.')
  loaded[file] = loaded[file] || require(`./packages/${file}.js`)({ sendPacket })
  return loaded[file][op]
}

async function run ({ id, op, args }) {
  try {
    const result = await operation(op)(args)
    write({ id, result: result === undefined ? null : result })
  } catch (error) {
    write({ id, error: String(error && error.message ? error.message : error) })
  }
}

function answer ({ call, packet }) {
  const { resolve, reject } = pendingCalls.get(call)
  pendingCalls.delete(call)
  if (packet === null) reject(new Error('no reply'))
  else resolve(Buffer.from(packet, 'hex'))
}

const lines = readline.createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const message = JSON.parse(line)
  if (message.call) answer(message)
  else run(message)
})
// Some packages keep timers; the end of the input is the end of the work.
lines.on('close', () => process.exit(0))
