import type { Interceptor } from '@connectrpc/connect'
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node'
import { DEFAULT_RETRIES, retry, type RetryPolicy } from './retries.js'
import { node, type Node } from './services.js'

/** The node's own limit, either way. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** Longer than the ten seconds that the node wants between two pings. */
const PING_INTERVAL_MS = 30_000
const PING_TIMEOUT_MS = 10_000
const DEADLINE_MS = 30_000

/** A node with the connection to it. */
export type ConnectedNode = Node & {
  /** Ends the connection and the calls on it; an open one keeps the process alive. */
  close(): void
}

export interface ConnectOptions {
  /** TLS: an authority (`ca`), a client's certificate (`cert`, `key`). */
  tls?: { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer }
  /** Sent with each call, such as `{ authorization: 'Bearer ...' }` for a gateway. */
  headers?: Record<string, string>
  /** How calls are repeated that the node did not answer. */
  retries?: RetryPolicy
}

/**
 * A node at the URL of its operator listener, such as `http://127.0.0.1:3001` or `https://...`.
 * The connection opens with the first call.
 */
export function connect(url: string, options: ConnectOptions = {}): ConnectedNode {
  const pings = { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS }
  const sessionManager = new Http2SessionManager(url, pings, options.tls)
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager,
    readMaxBytes: MESSAGE_BYTES_MAX,
    writeMaxBytes: MESSAGE_BYTES_MAX,
    defaultTimeoutMs: DEADLINE_MS,
    interceptors: [retry(options.retries ?? DEFAULT_RETRIES), withHeaders(options.headers ?? {})]
  })
  return { ...node(transport), close: () => sessionManager.abort() }
}

function withHeaders(headers: Record<string, string>): Interceptor {
  return (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value)
    return next(request)
  }
}
