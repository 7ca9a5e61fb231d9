package org.interledger.rafiki.client;

import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import org.interledger.rafiki.admin.v1.EventServiceGrpc.EventServiceBlockingStub;
import org.interledger.rafiki.admin.v1.PullEventsRequest;
import org.interledger.rafiki.admin.v1.PullEventsResponse;

/** The feed of events, so that none is missed: go on from the cursor that was kept. */
public final class Feed {

  private static final int BATCH = 1000;
  private static final int WAIT_MS = 20_000;

  /** The server may wait as long as it was told to, and the answer takes its time. */
  private static final int CALL_SECONDS = WAIT_MS / 1000 + 10;

  private Feed() {}

  /**
   * Batches of events after a cursor, oldest first and without end; none is empty. Keep a batch's
   * next cursor once its events are handled, and go on with it after a restart: then each event
   * comes at least once. An empty cursor starts at the oldest event.
   */
  public static Iterable<PullEventsResponse> follow(EventServiceBlockingStub events, String cursor) {
    return () ->
        new Iterator<>() {
          private String at = cursor;

          @Override
          public boolean hasNext() {
            return true;
          }

          @Override
          public PullEventsResponse next() {
            while (true) {
              PullEventsResponse batch = pull(events, at);
              at = batch.getNextCursor();
              if (batch.getEventsCount() > 0) {
                return batch;
              }
            }
          }
        };
  }

  /** The cursor behind the newest event: following from it shows only what is still to come. */
  public static String newest(EventServiceBlockingStub events) {
    return events.pullEvents(PullEventsRequest.newBuilder().setLatest(true).build())
        .getNextCursor();
  }

  private static PullEventsResponse pull(EventServiceBlockingStub events, String cursor) {
    PullEventsRequest.Builder request =
        PullEventsRequest.newBuilder().setLimit(BATCH).setWaitMs(WAIT_MS);
    if (!cursor.isEmpty()) {
      request.setCursor(cursor);
    }
    return events.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS).pullEvents(request.build());
  }
}
