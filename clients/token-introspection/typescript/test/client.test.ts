// The client against a server of plain HTTP; with AUTH_SERVER_URL also against the one that it names.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'

import { createClient, IntrospectionError, isActiveTokenInfo, type CreateClientArgs } from '../src/index.js'

const ACTIVE = {
  active: true,
  grant: 'g',
  access: [{ type: 'quote', actions: ['read'] }],
  client: { walletAddress: 'http://c.test' }
}

let server: Server
let asked: unknown[] = []
let answers: Array<{ status?: number; body: unknown }> = []

beforeEach(async () => {
  asked = []
  answers = []
  server = createServer((request, response) => {
    let raw = ''
    request.on('data', (chunk) => (raw += chunk))
    request.on('end', () => {
      asked.push(JSON.parse(raw))
      const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: ACTIVE }
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => new Promise((resolve) => server.close(resolve)))

const client = (more: Partial<CreateClientArgs> = {}) =>
  createClient({
    introspectionUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`,
    ...more
  })

test('an active token is told with what it allows', async () => {
  const access = [{ type: 'quote' as const, actions: ['read' as const] }]
  const info = await (await client()).introspect({ access_token: 'T', access })
  assert.ok(isActiveTokenInfo(info))
  assert.deepEqual(info, ACTIVE)
  assert.deepEqual(asked, [{ access_token: 'T', access }])
})

test('of a token that is not active nothing else is told', async () => {
  answers = [{ body: { active: false, access: [] } }]
  assert.deepEqual(await (await client()).introspect({ access_token: 'T' }), { active: false })
})

test('a server that is away for a moment is asked again', async () => {
  answers = [{ status: 503, body: '' }, { status: 503, body: '' }, { body: ACTIVE }]
  assert.ok((await (await client()).introspect({ access_token: 'T' })).active)
  assert.equal(asked.length, 3)
})

for (const [status, retriable, attempts] of [
  [503, true, 3],
  [400, false, 1],
  [500, false, 1]
] as const) {
  test(`a failure ${status} is no answer`, async () => {
    answers = [{ status, body: '' }]
    const failing = (await client()).introspect({ access_token: 'T' })
    await assert.rejects(failing, (error: IntrospectionError) => {
      assert.deepEqual([error.retriable, error.status], [retriable, status])
      return true
    })
    assert.equal(asked.length, attempts)
  })
}

for (const body of [
  'no JSON',
  [],
  {},
  { active: 'true' },
  { ...ACTIVE, grant: undefined },
  { ...ACTIVE, client: undefined },
  { ...ACTIVE, client: {} },
  { ...ACTIVE, access: [{ type: 'quote' }] },
  { ...ACTIVE, access: [{ type: 'quote', actions: ['read'], identifier: 1 }] }
]) {
  test(`an answer against the contract is refused: ${JSON.stringify(body)}`, async () => {
    answers = [{ body }]
    await assert.rejects((await client()).introspect({ access_token: 'T' }), IntrospectionError)
  })
}

test('equal questions at once are asked once', async () => {
  const { introspect } = await client()
  await Promise.all([1, 2, 3].map(() => introspect({ access_token: 'T' })))
  assert.equal(asked.length, 1)
  await introspect({ access_token: 'T' })
  assert.equal(asked.length, 2)
})

test('answers are kept for as long as is said, no longer than their token, and only active ones', async () => {
  let elapsed = 0
  const { introspect } = await client({ cacheMs: 10_000, now: () => elapsed })
  answers = [{ body: { ...ACTIVE, expires_in: 3 } }, { body: ACTIVE }, { body: { active: false } }]
  await introspect({ access_token: 'T' })
  elapsed = 2_999
  await introspect({ access_token: 'T' })
  assert.equal(asked.length, 1)
  elapsed = 3_000
  await introspect({ access_token: 'T' })
  elapsed = 12_999
  await introspect({ access_token: 'T' })
  assert.equal(asked.length, 2)
  elapsed = 13_000
  for (let time = 0; time < 2; time++) assert.ok(!(await introspect({ access_token: 'T' })).active)
  assert.equal(asked.length, 4)
})

test('a life of answers beyond the bound is refused', async () => {
  await assert.rejects(client({ cacheMs: 30_001 }), RangeError)
})

test('a running authorization server', { skip: !process.env.AUTH_SERVER_URL }, async () => {
  const { introspect } = await createClient({ introspectionUrl: process.env.AUTH_SERVER_URL ?? '' })
  assert.deepEqual(await introspect({ access_token: 'unknown' }), { active: false })
  const token = process.env.AUTH_SERVER_TOKEN
  if (token === undefined) return
  const info = await introspect({ access_token: token })
  assert.ok(isActiveTokenInfo(info))
  assert.ok(info.access.length > 0)
})
