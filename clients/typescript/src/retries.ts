import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect'

/** How often and how long a call is tried that the node did not answer. */
export interface RetryPolicy {
  attempts: number
  firstWaitMs: number
  waitMsMax: number
}

export const DEFAULT_RETRIES: RetryPolicy = { attempts: 4, firstWaitMs: 100, waitMsMax: 2_000 }

/**
 * Repeats a call on UNAVAILABLE where the contract's `idempotency_level` says that a repeat is
 * harmless: reads, and calls with an idempotency key, which stays the same over all attempts. A
 * request without a key gets one.
 */
export function retry(policy: RetryPolicy): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return next(request)
    const repeatable = request.method.idempotency !== Level.IDEMPOTENCY_UNKNOWN
    const keyed = { ...request, message: withKey(request.message) }
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(keyed)
      } catch (thrown) {
        const unavailable = ConnectError.from(thrown).code === Code.Unavailable
        if (!repeatable || !unavailable || attempt >= policy.attempts) throw thrown
      }
      await sleep(waitMs(policy, attempt), undefined, { signal: request.signal })
    }
  }
}

/** The message itself, or a copy with a new idempotency key when it has none. */
function withKey<M extends Message>(message: M): M {
  const keyed = 'idempotencyKey' in message && !message.idempotencyKey
  return keyed ? { ...message, idempotencyKey: randomUUID() } : message
}

/** A random time, so that many clients don't come back at once. */
function waitMs(policy: RetryPolicy, attempt: number): number {
  const longest = Math.min(policy.waitMsMax, policy.firstWaitMs * 2 ** (attempt - 1))
  return longest * (0.5 + Math.random() / 2)
}
