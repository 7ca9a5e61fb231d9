// Answers are checked before they are believed: a resource server lets money be spent by them.
import { IntrospectionError } from './errors.js'
import type { AccessItem, ActiveTokenInfo, TokenClient, TokenInfo } from './types.js'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

/** The answer in a body. Throws IntrospectionError where it breaks the contract. */
export function tokenInfoOf(body: unknown): TokenInfo {
  if (!isObject(body) || typeof body.active !== 'boolean') throw broken('no `active`')
  if (!body.active) return { active: false }
  if (typeof body.grant !== 'string' || body.grant === '') throw broken('no `grant`')
  const access = body.access ?? []
  if (!Array.isArray(access)) throw broken('`access` that is no list')
  const info: ActiveTokenInfo = {
    active: true,
    grant: body.grant,
    access: access.map(itemOf),
    client: clientOf(body.client)
  }
  if (typeof body.tenant_id === 'string') info.tenant_id = body.tenant_id
  if (typeof body.expires_in === 'number') info.expires_in = body.expires_in
  return info
}

function itemOf(item: unknown): AccessItem {
  if (!isObject(item) || typeof item.type !== 'string' || !isStrings(item.actions)) {
    throw broken('an access item without `type` or `actions`')
  }
  if (item.identifier !== undefined && typeof item.identifier !== 'string') {
    throw broken('an `identifier` that is no text')
  }
  if (item.limits !== undefined && !isObject(item.limits)) throw broken('`limits` that are no object')
  return item as unknown as AccessItem
}

function clientOf(client: unknown): TokenClient {
  if (isObject(client)) {
    if (typeof client.walletAddress === 'string') return { walletAddress: client.walletAddress }
    if (isObject(client.jwk)) return { jwk: client.jwk }
  }
  throw broken('no `client`')
}

const broken = (what: string): IntrospectionError =>
  new IntrospectionError(`the authorization server answered with ${what}`, false)
