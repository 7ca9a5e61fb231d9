/**
 * Calls a Rafiki node over gRPC.
 *
 * The messages and services are generated (`@interledger/rafiki-client/gen/...`); this adds what
 * programs expect around them: one object with all services, retries under one idempotency key,
 * lists and the feed of events as async iterators, errors with their reason, and the check of a
 * webhook's signature.
 */
export { RafikiError } from './errors.js'
export { follow, newest } from './events.js'
export { connect, type ConnectedNode, type ConnectOptions } from './node.js'
export { pages } from './pages.js'
export { DEFAULT_RETRIES, type RetryPolicy } from './retries.js'
export { node, type Node } from './services.js'
export { verifyWebhook, WebhookRefusedError, type Webhook } from './webhooks.js'
