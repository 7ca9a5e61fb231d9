'use strict'
/*
 * Runs the official Open Payments client for the Python tests: one JSON object a line, both ways.
 *
 *   argument  {"walletAddressUrl": "http://...", "keyId": "...", "privateKey": "/path/key.pem"}
 *   in        {"id": 1, "op": "quote.create", "args": [{...}, {...}]}
 *   out       {"id": 1, "result": ...}  or  {"id": 1, "error": {"status": 403, ...}}
 *
 * "public.incomingPayment.get" and the like go to the client that has no key. Answers are validated
 * against the published OpenAPI documents, which is the client's default.
 */
const readline = require('readline')
const { createAuthenticatedClient, createUnauthenticatedClient } =
  require('@interledger/open-payments')

const REQUEST_TIMEOUT_MS = 30000

function described (error) {
  const { message, description, status, code, validationErrors, details } = error
  return { message, description, status, code, validationErrors, details }
}

async function main () {
  const identity = JSON.parse(process.argv[2])
  const requestTimeoutMs = REQUEST_TIMEOUT_MS
  const client = {
    ...await createAuthenticatedClient({ ...identity, requestTimeoutMs }),
    public: await createUnauthenticatedClient({ requestTimeoutMs })
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { id, op, args } = JSON.parse(line)
    let answer
    try {
      const method = op.split('.').reduce((part, name) => part[name], client)
      answer = { id, result: await method(...args) ?? null }
    } catch (error) {
      answer = { id, error: described(error) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}

main()
