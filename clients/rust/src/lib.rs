//! Calls a Rafiki node over gRPC.
//!
//! The messages and clients are generated ([`rafiki`]); this adds what Rust programs expect around
//! them: one value with all services, retries under one idempotency key, lists and the feed of
//! events as streams, errors with their reason, and the check of a webhook's signature.

// Generated: the comments are the contracts', and are not written for rustdoc.
#[allow(missing_docs, rustdoc::all, clippy::all)]
mod contracts {
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

mod errors;
mod node;
mod retries;
mod streams;
pub mod webhooks;

pub use contracts::rafiki;
pub use errors::RafikiError;
pub use node::{Headers, Node, Service};
pub use retries::{RetryPolicy, new_key};
pub use streams::{follow, newest, pages};
