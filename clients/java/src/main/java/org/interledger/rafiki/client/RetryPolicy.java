package org.interledger.rafiki.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How often and how long a call is tried that the node did not answer.
 *
 * @param deadline of all attempts of a call that sets none
 */
public record RetryPolicy(int attempts, Duration firstWait, Duration maxWait, Duration deadline) {

  /** Used where no other is given. */
  public static final RetryPolicy DEFAULT =
      new RetryPolicy(4, Duration.ofMillis(100), Duration.ofSeconds(2), Duration.ofSeconds(30));

  /** A random time before the next attempt, so that many clients don't come back at once. */
  Duration waitBefore(int attempt) {
    long longest = Math.min(maxWait.toMillis(), firstWait.toMillis() << (attempt - 1));
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(longest / 2, longest + 1));
  }
}
