//! Whether a webhook is from the node: `Rafiki-Signature: t=<unix ms>, v1=<hex HMAC-SHA256>`.
//!
//! Signed is `<t>.` and the body's RFC 8785 form.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// The header that carries the signature.
pub const HEADER: &str = "Rafiki-Signature";
/// How far a signature's time may be from ours, either way.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

const HEADER_BYTES_MAX: usize = 1024;
const TIME_DIGITS_MAX: usize = 15;

/// Why a webhook is not to be acted on; answer 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The header is absent or malformed.
    Header,
    /// The signature's time is not near ours.
    Time,
    /// The body is no JSON object.
    Body,
    /// The signature does not match.
    Signature,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Header => "the signature header is malformed",
            Self::Time => "the signature's time is not near ours",
            Self::Body => "the body is no JSON object",
            Self::Signature => "the signature does not match",
        })
    }
}

impl std::error::Error for Refused {}

/// The event in a webhook's body (its members `id`, `type` and `data`), once its signature is
/// verified. The body is the bytes as received, the secret the node's SIGNATURE_SECRET, `now` the
/// time: `SystemTime::now()`.
pub fn verify(header: &str, body: &[u8], secret: &str, now: SystemTime) -> Result<Value, Refused> {
    let (signed_at, digest) = parse(header)?;
    let now_ms = now
        .duration_since(UNIX_EPOCH)
        .map_err(|_| Refused::Time)?
        .as_millis();
    if now_ms.abs_diff(u128::from(signed_at)) > TOLERANCE.as_millis() {
        return Err(Refused::Time);
    }
    let event: Value = serde_json::from_slice(body).map_err(|_| Refused::Body)?;
    let canonical = serde_json_canonicalizer::to_vec(&event).map_err(|_| Refused::Body)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(format!("{signed_at}.").as_bytes());
    mac.update(&canonical);
    mac.verify_slice(&digest).map_err(|_| Refused::Signature)?;
    if event.is_object() {
        Ok(event)
    } else {
        Err(Refused::Body)
    }
}

fn parse(header: &str) -> Result<(u64, Vec<u8>), Refused> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(Refused::Header);
    }
    let value_of = |name: &str| {
        let parts = header
            .split(',')
            .filter_map(|part| part.trim().split_once('='));
        parts
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value)
            .next_back()
    };
    let signed_at = value_of("t").ok_or(Refused::Header)?;
    let digest = value_of("v1").ok_or(Refused::Header)?;
    if signed_at.len() > TIME_DIGITS_MAX || !signed_at.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refused::Header);
    }
    let signed_at = signed_at.parse().map_err(|_| Refused::Header)?;
    Ok((signed_at, hex::decode(digest).map_err(|_| Refused::Header)?))
}
