import { createHmac, timingSafeEqual } from 'node:crypto'
import canonicalizeModule from 'canonicalize'

// The package is CommonJS, whose types name the function its default export.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined

/** Carries `t=<unix ms>, v1=<hex HMAC-SHA256>` over `<t>.` and the body's RFC 8785 form. */
export const WEBHOOK_HEADER = 'Rafiki-Signature'
/** How far a signature's time may be from ours, either way. */
export const TOLERANCE_MS = 5 * 60 * 1000

const HEADER_CHARACTERS_MAX = 1024

/** The event in a webhook's body. */
export interface Webhook {
  id: string
  type: string
  data: Record<string, unknown>
}

/** The webhook is not from the node, or not of now: answer 401 and act on nothing. */
export class WebhookRefusedError extends Error {
  override name = 'WebhookRefusedError'
}

/**
 * The event in a webhook's body, once its signature is verified.
 *
 * @param header value of the header `Rafiki-Signature`
 * @param body the bytes as received, or their text
 * @param secret the node's SIGNATURE_SECRET
 * @param options `nowMs` (the system's clock by default) and `toleranceMs`
 */
export function verifyWebhook(
  header: string | undefined,
  body: string | Uint8Array,
  secret: string,
  { nowMs = Date.now(), toleranceMs = TOLERANCE_MS }: { nowMs?: number; toleranceMs?: number } = {}
): Webhook {
  const { signedAtMs, digest } = parse(header ?? '')
  if (Math.abs(nowMs - signedAtMs) > toleranceMs) throw new WebhookRefusedError("the signature's time is not near ours")
  const event = json(body)
  const expected = createHmac('sha256', secret).update(`${signedAtMs}.${canonicalize(event)}`).digest()
  if (!timingSafeEqual(expected, digest)) throw new WebhookRefusedError('the signature does not match')
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new WebhookRefusedError('the body is no JSON object')
  }
  return event as Webhook
}

function parse(header: string): { signedAtMs: number; digest: Buffer } {
  const parts = new Map<string, string>()
  for (const part of header.slice(0, HEADER_CHARACTERS_MAX).split(',')) {
    const [name = '', value = ''] = part.trim().split('=', 2)
    parts.set(name, value)
  }
  const [signedAt = '', digest = ''] = [parts.get('t'), parts.get('v1')]
  if (!/^\d{1,15}$/.test(signedAt) || !/^[0-9a-f]{64}$/i.test(digest)) {
    throw new WebhookRefusedError('the signature header is malformed')
  }
  return { signedAtMs: Number(signedAt), digest: Buffer.from(digest, 'hex') }
}

function json(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new WebhookRefusedError('the body is not JSON')
  }
}
