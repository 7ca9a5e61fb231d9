use std::time::Duration;

use tonic::{Code, Response, Status};

/// A new idempotency key. A request carries the same one over all its attempts.
pub fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// How often and how long a call is tried that the node did not answer.
///
/// A call is repeated on UNAVAILABLE. Repeat what the contract's `idempotency_level` allows: reads,
/// and calls whose request carries an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    pub attempts: u32,
    pub first_wait: Duration,
    pub max_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// The answer of a call, tried as often as the policy lets it:
    ///
    /// ```ignore
    /// policy.run(|| node.payments.clone().create_quote(request.clone())).await?
    /// ```
    pub async fn run<T, Call, Answer>(&self, call: Call) -> Result<T, Status>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        let mut attempt = 1;
        loop {
            match call().await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if status.code() != Code::Unavailable => return Err(status),
                Err(status) if attempt >= self.attempts => return Err(status),
                Err(_) => tokio::time::sleep(self.wait(attempt)).await,
            }
            attempt += 1;
        }
    }

    /// A random time before the next attempt, so that many clients don't come back at once.
    fn wait(&self, attempt: u32) -> Duration {
        let longest = (self.first_wait * 2u32.pow(attempt - 1)).min(self.max_wait);
        rand::random_range(longest / 2..=longest)
    }
}
