export { createClient, type Client, type CreateClientArgs, type Logger } from './client.js'
export { IntrospectionError } from './errors.js'
export {
  isActiveTokenInfo,
  type AccessItem,
  type AccessLimits,
  type ActiveTokenInfo,
  type Amount,
  type IntrospectArgs,
  type TokenClient,
  type TokenInfo
} from './types.js'
