// Package rafiki calls a Rafiki node over gRPC.
//
// The messages and stubs are generated (admin/v1 and so on); this package adds what Go programs
// expect around them: one value with all services, retries under one idempotency key, lists as
// iterators, the feed of events, errors with their reason, and the check of a webhook's signature.
package rafiki
