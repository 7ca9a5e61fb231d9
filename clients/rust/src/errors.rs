use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::StatusExt;

const DOMAIN: &str = "rafiki";

/// An answer that is an error, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct RafikiError {
    pub code: Code,
    pub message: String,
    /// A name of `rafiki.common.v1.ErrorReason` without its prefix, such as "UNKNOWN_ASSET".
    pub reason: Option<String>,
    /// What the reason documents in the contract.
    pub metadata: HashMap<String, String>,
    /// The request's field at fault.
    pub field: Option<String>,
}

impl From<&Status> for RafikiError {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let violations = details
            .bad_request()
            .map(|request| &request.field_violations);
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: info.map(|info| info.reason.clone()),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            field: violations
                .and_then(|found| found.first())
                .map(|found| found.field.clone()),
        }
    }
}
