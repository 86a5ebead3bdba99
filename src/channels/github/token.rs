//! Tokens of the App's installations: each asked for once at a time, however many calls wait for it, and kept until
//! shortly before it ends.
//!
//! How GitHub is asked is `client`. Rules: docs.github.com/rest/apps/apps, "create an installation access token for an
//! app": a token holds an hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize;

use crate::channels::DeliverError;
use crate::domain::time::{Clock, Timestamp};

/// A token is asked for anew so long before it ends.
const EARLY: Duration = Duration::from_secs(300);
/// A token is never kept for less, lest a clock or an odd answer make each call ask for one.
const LEAST_KEPT: Duration = Duration::from_secs(30);
/// A token is never kept for longer, whatever its answer says: GitHub's hold an hour.
const MOST_KEPT: Duration = Duration::from_secs(3600);
/// Installations whose tokens are kept; beyond it all are forgotten, and asked for anew. Ours: some megabytes.
const MOST_INSTALLATIONS: usize = 10_000;

/// GitHub's answer.
#[derive(Deserialize)]
pub(super) struct Granted {
    token: String,
    /// RFC 3339.
    expires_at: Option<String>,
}

/// All that are kept.
pub(super) struct Tokens {
    clock: Arc<dyn Clock>,
    all: Mutex<HashMap<u64, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    kept: Mutex<Option<Kept>>,
    asking: tokio::sync::Mutex<()>,
}

struct Kept {
    bearer: HeaderValue,
    until: Timestamp,
}

impl Slot {
    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good(&self, now: Timestamp) -> Option<HeaderValue> {
        self.kept().as_ref().filter(|kept| now < kept.until).map(|kept| kept.bearer.clone())
    }
}

impl Tokens {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, all: Mutex::default() }
    }

    fn slot(&self, installation: u64) -> Arc<Slot> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_INSTALLATIONS && !all.contains_key(&installation) {
            all.clear();
        }
        all.entry(installation).or_default().clone()
    }

    /// The value of `Authorization` for an installation; `ask` asks GitHub for a token.
    ///
    /// # Errors
    /// Those of `ask`.
    pub(super) async fn bearer(
        &self,
        installation: u64,
        ask: impl Future<Output = Result<Granted, DeliverError>>,
    ) -> Result<HeaderValue, DeliverError> {
        let slot = self.slot(installation);
        if let Some(bearer) = slot.good(self.clock.now()) {
            return Ok(bearer);
        }
        let _turn = slot.asking.lock().await;
        if let Some(bearer) = slot.good(self.clock.now()) {
            return Ok(bearer);
        }
        let granted = ask.await?;
        let bearer = bearer(&granted.token)?;
        let until = until(granted.expires_at.as_deref(), self.clock.now());
        *slot.kept() = Some(Kept { bearer: bearer.clone(), until });
        Ok(bearer)
    }

    /// Takes a token out of use that GitHub refused, unless another has taken its place.
    pub(super) fn refused(&self, installation: u64, bearer: &HeaderValue) {
        let slot = self.slot(installation);
        let mut kept = slot.kept();
        if kept.as_ref().is_some_and(|kept| kept.bearer == bearer) {
            *kept = None;
        }
    }
}

/// The value of `Authorization` for a token, which no log shows.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, DeliverError> {
    let unusable = |_| DeliverError::Unavailable { reason: "GitHub's token cannot be sent".to_owned() };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(unusable)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// Until when a token is used that ends at `ends`.
fn until(ends: Option<&str>, now: Timestamp) -> Timestamp {
    let ends = ends.and_then(|ends| ends.parse::<jiff::Timestamp>().ok());
    let ends = ends.map_or_else(|| now.after(MOST_KEPT), |ends| Timestamp(ends.as_millisecond()));
    ends.before(EARLY).max(now.after(LEAST_KEPT)).min(now.after(MOST_KEPT))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::time::testing::Still;

    const NOW: Timestamp = Timestamp(1_531_420_618_000);

    #[test]
    fn a_token_is_used_until_five_minutes_before_its_end() {
        let minutes = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
        for (ends, expected) in [
            (Some("2018-07-12T19:36:58Z"), minutes(55)),
            (Some("2018-07-12T18:36:58Z"), NOW.after(LEAST_KEPT)),
            (Some("2028-07-12T18:36:58Z"), minutes(60)),
            (Some("soon"), minutes(55)),
            (None, minutes(55)),
        ] {
            assert_eq!(until(ends, NOW), expected, "{ends:?}");
        }
    }

    #[tokio::test]
    async fn one_token_is_asked_for_however_many_wait_and_another_where_it_was_refused() {
        let (tokens, asked) = (Tokens::new(Arc::new(Still(NOW))), AtomicUsize::new(0));
        let bearer = |installation| {
            tokens.bearer(installation, async {
                tokio::task::yield_now().await;
                let number = asked.fetch_add(1, Ordering::Relaxed);
                Ok(Granted { token: format!("ghs_{number}"), expires_at: None })
            })
        };
        let all = futures_util::future::join_all((0..20).map(|_| bearer(1))).await;
        assert!(all.iter().all(|one| one.as_ref().unwrap() == "Bearer ghs_0"), "{all:?}");
        assert!(!format!("{all:?}").contains("ghs_"));
        assert_eq!(bearer(2).await.unwrap(), "Bearer ghs_1", "each installation has its own");
        let old = all.into_iter().next().unwrap().unwrap();
        tokens.refused(1, &old);
        assert_eq!(bearer(1).await.unwrap(), "Bearer ghs_2");
        tokens.refused(1, &old);
        assert_eq!(bearer(1).await.unwrap(), "Bearer ghs_2", "the one that was refused is out of use already");
    }
}
