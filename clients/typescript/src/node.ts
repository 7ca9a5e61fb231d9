import { createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect'
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node'
import { AssetService } from './gen/rafiki/admin/v1/asset_service_pb.js'
import { EventService } from './gen/rafiki/admin/v1/event_service_pb.js'
import { LiquidityService } from './gen/rafiki/admin/v1/liquidity_service_pb.js'
import { PaymentService } from './gen/rafiki/admin/v1/payment_service_pb.js'
import { PeerService } from './gen/rafiki/admin/v1/peer_service_pb.js'
import { TenantService } from './gen/rafiki/admin/v1/tenant_service_pb.js'
import { UnknownPacketService } from './gen/rafiki/admin/v1/unknown_packet_service_pb.js'
import { WalletAddressAdminService } from './gen/rafiki/admin/v1/wallet_address_service_pb.js'
import { GrantAdminService } from './gen/rafiki/grant/v1/grant_admin_service_pb.js'
import { LedgerService } from './gen/rafiki/ledger/v1/ledger_service_pb.js'
import { RoutingService } from './gen/rafiki/routing/v1/routing_service_pb.js'
import { DEFAULT_RETRIES, retry, type RetryPolicy } from './retries.js'

/** The node's own limit, either way. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** Longer than the ten seconds that the node wants between two pings. */
const PING_INTERVAL_MS = 30_000
const PING_TIMEOUT_MS = 10_000
const DEADLINE_MS = 30_000

const SERVICES = {
  assets: AssetService,
  events: EventService,
  grants: GrantAdminService,
  ledger: LedgerService,
  liquidity: LiquidityService,
  payments: PaymentService,
  peers: PeerService,
  routing: RoutingService,
  tenants: TenantService,
  unknownPackets: UnknownPacketService,
  walletAddresses: WalletAddressAdminService
} as const

/** The services of one node by name. */
export type Node = { [Name in keyof typeof SERVICES]: Client<(typeof SERVICES)[Name]> }

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

/** The services over a transport of one's own, such as gRPC-Web's in a browser. */
export function node(transport: Transport): Node {
  const clients = Object.entries(SERVICES).map(([name, service]) => [name, createClient(service, transport)])
  return Object.fromEntries(clients) as Node
}

function withHeaders(headers: Record<string, string>): Interceptor {
  return (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value)
    return next(request)
  }
}
