//! What integration tests share: the real binary in a folder of its own, its API, and waiting.
//!
//! It knows no command and no platform beyond where the stand-in listens; what a test asserts stands in the test.
//! A further way to reach the program is a file beside these.

pub(crate) mod api;
pub(crate) mod done;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod server;

use std::str::FromStr;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` finds something; after `limit` it is an error that names `what` was awaited.
pub(crate) async fn until<T, F>(limit: Duration, what: &str, mut look: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A number that a person gave for this run: to soak, or to repeat what failed.
pub(crate) fn number_from_environment<N: FromStr>(name: &str) -> anyhow::Result<Option<N>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| anyhow::anyhow!("{name} is not a number it can use: {text}"))
}
