import type { PullEventsResponse } from './gen/rafiki/admin/v1/event_service_pb.js'
import type { Node } from './services.js'

const BATCH = 1000
const WAIT_MS = 20_000

/**
 * The feed of events after a cursor, oldest first and without end, in batches of which none is
 * empty. Keep a batch's `nextCursor` once its events are handled, and go on with it after a
 * restart: then each event comes at least once. Without a cursor the oldest event comes first.
 */
export async function* follow(events: Node['events'], cursor?: string): AsyncGenerator<PullEventsResponse, never> {
  let at = cursor
  for (;;) {
    const batch = await events.pullEvents({ limit: BATCH, waitMs: WAIT_MS, ...(at === undefined ? {} : { cursor: at }) })
    if (batch.events.length > 0) yield batch
    at = batch.nextCursor
  }
}

/** The cursor behind the newest event: following from it shows only what is still to come. */
export async function newest(events: Node['events']): Promise<string> {
  return (await events.pullEvents({ latest: true })).nextCursor
}
