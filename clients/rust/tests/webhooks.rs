//! The vectors of all clients.

use std::time::{Duration, UNIX_EPOCH};

use rafiki_client::webhooks::verify;
use serde_json::Value;

#[test]
fn the_vectors_of_all_clients() {
    let text = include_str!("../../vectors/webhooks.json");
    let vectors: Value = serde_json::from_str(text).expect("the file is JSON");
    let secret = vectors["secret"].as_str().expect("a secret");
    for case in vectors["cases"].as_array().expect("cases") {
        let body = case["body"].as_str().expect("a body");
        let now = UNIX_EPOCH + Duration::from_millis(case["now_ms"].as_u64().expect("a time"));
        let header = case["header"].as_str().expect("a header");
        let found = verify(header, body.as_bytes(), secret, now);
        assert_eq!(
            found.is_ok(),
            case["valid"] == true,
            "{}: {found:?}",
            case["name"]
        );
    }
}
