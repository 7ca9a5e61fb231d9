import assert from 'node:assert/strict'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { connect, follow, newest, pages, RafikiError, type Node } from '../src/index.js'
import { BadRequestSchema, ErrorInfoSchema } from '../src/gen/google/rpc/error_details_pb.js'
import { AssetService } from '../src/gen/rafiki/admin/v1/asset_service_pb.js'
import { EventService } from '../src/gen/rafiki/admin/v1/event_service_pb.js'
import { TenantService } from '../src/gen/rafiki/admin/v1/tenant_service_pb.js'

const open: { close(): void }[] = []
after(() => open.forEach((it) => it.close()))

/** A node that is unavailable for some calls, and what it was asked. */
async function start(unavailable = 0): Promise<{ node: Node; seen: { calls: number; keys: string[]; team: string[] } }> {
  const seen = { calls: 0, keys: [] as string[], team: [] as string[] }
  const attempt = (context: HandlerContext) => {
    seen.team.push(context.requestHeader.get('x-team') ?? '')
    if (++seen.calls <= unavailable) throw new ConnectError('not now', Code.Unavailable)
  }
  const server = createServer(
    connectNodeAdapter({
      routes(router) {
        router.rpc(AssetService.method.createAsset, (request, context) => {
          seen.keys.push(request.idempotencyKey)
          attempt(context)
          return { id: '1' }
        })
        router.rpc(AssetService.method.getAsset, (request, context) => {
          if (request.id === 'none') throw unknownAsset()
          attempt(context)
          return { id: request.id }
        })
        router.rpc(AssetService.method.listAssets, ({ page }) => {
          const number = Number(page?.cursor ?? 0)
          return {
            assets: [{ id: `${2 * number}` }, { id: `${2 * number + 1}` }],
            pageInfo: { endCursor: `${number + 1}`, hasNextPage: number < 2 }
          }
        })
        router.rpc(EventService.method.pullEvents, ({ cursor }) => {
          const at = Number(cursor ?? 0)
          if (++seen.calls % 2 || at >= 3) return { nextCursor: `${at}` }
          return { events: [{ id: `${at}` }], nextCursor: `${at + 1}` }
        })
        router.rpc(TenantService.method.verifyApiSignature, (_, context) => {
          attempt(context)
          return {}
        })
      }
    })
  )
  open.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const retries = { attempts: 4, firstWaitMs: 1, waitMsMax: 2 }
  const node = connect(`http://127.0.0.1:${port}`, { retries, headers: { 'x-team': 'payments' } })
  open.push(node)
  return { node, seen }
}

function unknownAsset(): ConnectError {
  return new ConnectError('no such asset', Code.NotFound, undefined, [
    { desc: ErrorInfoSchema, value: { reason: 'UNKNOWN_ASSET', domain: 'rafiki', metadata: { id: 'none' } } },
    { desc: BadRequestSchema, value: { fieldViolations: [{ field: 'id' }] } }
  ])
}

test('a call without an answer is repeated under one new key', async () => {
  const { node, seen } = await start(2)
  assert.equal((await node.assets.createAsset({ code: 'USD' })).id, '1')
  assert.equal(seen.keys.length, 3)
  assert.equal(new Set(seen.keys).size, 1)
  assert.match(seen.keys[0]!, /^[0-9a-f-]{36}$/)
  assert.deepEqual(seen.team, ['payments', 'payments', 'payments'])
})

test("the caller's key is kept", async () => {
  const { node, seen } = await start()
  await node.assets.createAsset({ idempotencyKey: 'mine' })
  assert.deepEqual(seen.keys, ['mine'])
})

test('attempts end', async () => {
  const { node, seen } = await start(100)
  await assert.rejects(node.assets.getAsset({ id: '1' }), { code: Code.Unavailable })
  assert.equal(seen.calls, 4)
})

test('what is good once is not repeated', async () => {
  const { node, seen } = await start(1)
  await assert.rejects(node.tenants.verifyApiSignature({}), { code: Code.Unavailable })
  assert.equal(seen.calls, 1)
})

test('a list is read page by page', async () => {
  const { node } = await start()
  const ids: string[] = []
  for await (const { id } of pages((page) => node.assets.listAssets({ page }), (r) => r.assets)) ids.push(id)
  assert.deepEqual(ids, ['0', '1', '2', '3', '4', '5'])
})

test('the feed goes on from its cursor and shows no empty batch', async () => {
  const { node } = await start()
  const ids: string[] = []
  for await (const batch of follow(node.events, '0')) {
    ids.push(...batch.events.map(({ id }) => id))
    if (batch.nextCursor === '3') break
  }
  assert.deepEqual(ids, ['0', '1', '2'])
})

test('newest is behind all that was', async () => {
  const { node } = await start()
  assert.equal(await newest(node.events), '0')
})

test('an error says its reason', async () => {
  const { node } = await start()
  const error = await node.assets.getAsset({ id: 'none' }).then(
    () => assert.fail('it must be refused'),
    (thrown: unknown) => RafikiError.from(thrown)
  )
  assert.equal(error.code, Code.NotFound)
  assert.equal(error.reason, 'UNKNOWN_ASSET')
  assert.equal(error.field, 'id')
  assert.deepEqual({ ...error.metadata }, { id: 'none' })
})
