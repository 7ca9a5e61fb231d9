import { tokenInfoOf } from './answers.js'
import { IntrospectionError } from './errors.js'
import { isActiveTokenInfo, type IntrospectArgs, type TokenInfo } from './types.js'

const TIMEOUT_MS = 5_000
const ATTEMPTS_MAX = 3
const RETRY_FIRST_MS = 50
const CACHE_MS_MAX = 30_000
const CACHE_ENTRIES_MAX = 10_000
const RETRIABLE = new Set([429, 502, 503, 504])

/** What the client needs of a logger; pino and console fit. */
export interface Logger {
  debug(...message: unknown[]): void
}

export interface CreateClientArgs {
  /** Where tokens are asked about, for example http://127.0.0.1:3001/introspect. */
  introspectionUrl: string
  /** Of one attempt; 5 s without. */
  requestTimeoutMs?: number
  /** Attempts while the server is away; 3 without. */
  attempts?: number
  /** How long an answer is kept, at most 30 s: a revoked token works for that long. Nothing is kept without. */
  cacheMs?: number
  logger?: Logger
  /** Elapsed milliseconds, for tests. */
  now?: () => number
}

export interface Client {
  /** What a token allows. Throws IntrospectionError when nothing is known of it. */
  introspect(args: IntrospectArgs): Promise<TokenInfo>
}

/** A client of one authorization server. */
export async function createClient(args: CreateClientArgs): Promise<Client> {
  const { cacheMs = 0, now = () => performance.now() } = args
  if (cacheMs < 0 || cacheMs > CACHE_MS_MAX) throw new RangeError(`cacheMs lies between 0 and ${CACHE_MS_MAX}`)
  const url = new URL(args.introspectionUrl)
  const running = new Map<string, Promise<TokenInfo>>()
  const kept = new Map<string, { info: TokenInfo; until: number }>()

  const remember = (key: string, info: TokenInfo, askedAt: number): void => {
    if (cacheMs === 0 || !isActiveTokenInfo(info)) return
    const lifeMs = Math.min(cacheMs, (info.expires_in ?? Infinity) * 1000)
    kept.delete(key)
    kept.set(key, { info, until: askedAt + lifeMs })
    if (kept.size > CACHE_ENTRIES_MAX) kept.delete(kept.keys().next().value as string)
  }

  const ask = async (key: string): Promise<TokenInfo> => {
    const askedAt = now()
    const info = await attempts(url, key, args)
    remember(key, info, askedAt)
    return info
  }

  return {
    introspect({ access_token, access = [] }) {
      const key = JSON.stringify({ access_token, access })
      const entry = kept.get(key)
      if (entry !== undefined && now() < entry.until) return Promise.resolve(entry.info)
      // Equal questions at the same time are asked once.
      let asking = running.get(key)
      if (asking === undefined) {
        asking = ask(key).finally(() => running.delete(key))
        running.set(key, asking)
      }
      return asking
    }
  }
}

async function attempts(url: URL, body: string, args: CreateClientArgs): Promise<TokenInfo> {
  const { attempts: most = ATTEMPTS_MAX, requestTimeoutMs = TIMEOUT_MS, logger } = args
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(url, body, requestTimeoutMs)
    } catch (error) {
      if (!(error instanceof IntrospectionError) || !error.retriable || attempt >= most) throw error
      logger?.debug({ attempt, error: error.message }, 'introspection failed')
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_FIRST_MS * 2 ** (attempt - 1)))
  }
}

async function once(url: URL, body: string, timeoutMs: number): Promise<TokenInfo> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs)
    })
    text = await response.text()
  } catch (error) {
    throw new IntrospectionError(`the authorization server does not answer: ${String(error)}`, true)
  }
  const { status } = response
  if (status !== 200) {
    throw new IntrospectionError(`the authorization server failed: ${status}`, RETRIABLE.has(status), status)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new IntrospectionError('the authorization server answered with no JSON', false, status)
  }
  return tokenInfoOf(parsed)
}
