import { createClient, type Client, type Transport } from '@connectrpc/connect'
import { AssetService } from './gen/rafiki/admin/v1/asset_service_pb.js'
import { EventService } from './gen/rafiki/admin/v1/event_service_pb.js'
import { LiquidityService } from './gen/rafiki/admin/v1/liquidity_service_pb.js'
import { PaymentService } from './gen/rafiki/admin/v1/payment_service_pb.js'
import { PeerService } from './gen/rafiki/admin/v1/peer_service_pb.js'
import { ReconciliationService } from './gen/rafiki/admin/v1/reconciliation_service_pb.js'
import { TenantService } from './gen/rafiki/admin/v1/tenant_service_pb.js'
import { UnknownPacketService } from './gen/rafiki/admin/v1/unknown_packet_service_pb.js'
import { WalletAddressAdminService } from './gen/rafiki/admin/v1/wallet_address_service_pb.js'
import { GrantAdminService } from './gen/rafiki/grant/v1/grant_admin_service_pb.js'
import { LedgerService } from './gen/rafiki/ledger/v1/ledger_service_pb.js'
import { RoutingService } from './gen/rafiki/routing/v1/routing_service_pb.js'

const SERVICES = {
  assets: AssetService,
  events: EventService,
  grants: GrantAdminService,
  ledger: LedgerService,
  liquidity: LiquidityService,
  payments: PaymentService,
  peers: PeerService,
  reconciliation: ReconciliationService,
  routing: RoutingService,
  tenants: TenantService,
  unknownPackets: UnknownPacketService,
  walletAddresses: WalletAddressAdminService
} as const

/** The services of one node by name. */
export type Node = { [Name in keyof typeof SERVICES]: Client<(typeof SERVICES)[Name]> }

/** The services over a transport of one's own, such as gRPC-Web's in a browser. */
export function node(transport: Transport): Node {
  const clients = Object.entries(SERVICES).map(([name, service]) => [name, createClient(service, transport)])
  return Object.fromEntries(clients) as Node
}
