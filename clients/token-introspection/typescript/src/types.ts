// What is asked of an authorization server, and what it answers: the shapes of rafiki.introspection.v1 as JSON.

/** An amount; its value is a decimal string. */
export interface Amount {
  value: string
  assetCode: string
  assetScale: number
}

/** Limits on outgoing payments. */
export interface AccessLimits {
  receiver?: string
  debitAmount?: Amount
  receiveAmount?: Amount
  interval?: string
}

/** Access to one kind of resource. */
export interface AccessItem {
  type: 'incoming-payment' | 'outgoing-payment' | 'quote'
  actions: Array<'create' | 'complete' | 'read' | 'read-all' | 'list' | 'list-all'>
  identifier?: string
  limits?: AccessLimits
}

/** The client that a token is bound to: a wallet address, whose JWK set holds its key, or the key itself. */
export type TokenClient = { walletAddress: string } | { jwk: Record<string, unknown> }

/** A token, and the access that is wanted of it; without `access` the answer names all that it gives. */
export interface IntrospectArgs {
  access_token: string
  access?: AccessItem[]
}

/** A token that is valid now. `access` has the granted items that cover what was asked; none when nothing does. */
export interface ActiveTokenInfo {
  active: true
  grant: string
  access: AccessItem[]
  client: TokenClient
  /** Whose server gave the grant; absent from a server without tenants. */
  tenant_id?: string
  /** Seconds for which it is valid, unless it is revoked. */
  expires_in?: number
}

/** A token that is unknown, expired or revoked, or one that is valid now. */
export type TokenInfo = ActiveTokenInfo | { active: false }

/** Whether a token is valid now. */
export const isActiveTokenInfo = (tokenInfo: TokenInfo): tokenInfo is ActiveTokenInfo => tokenInfo.active
