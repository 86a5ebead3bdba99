//! More comments are owed at once than GitHub takes: its limits are kept before it has to say so, and what can go goes.

use std::time::{Duration, Instant};

use ai_crm::sim::github::RateLimits;
use anyhow::ensure;

use crate::office::Office;
use crate::support::until;

const RULES: &str = "
workflows:
  greets:
    trigger: { platform: github, event: issues.opened }
    actions:
      - { action: github_comment, params: { message: \"Thanks for {issue.title}\" } }
";

/// Issues that are opened at once.
const ISSUES: usize = 150;
/// Comments that GitHub takes in a minute of one installation
/// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
const A_MINUTE: usize = 80;
/// How long so many may take that are within the limit, on a machine that does much else.
const SOON: Duration = Duration::from_secs(40);
/// The minute, and as much again for what goes behind it.
const NEXT: Duration = Duration::from_secs(110);

#[tokio::test(flavor = "multi_thread")]
async fn of_many_comments_that_are_owed_each_minutes_worth_goes_and_github_refuses_none() -> anyhow::Result<()> {
    let office = Office::with(RULES).await?;
    office.world().set_rate_limits(RateLimits::enforced());
    office.world().set_hook(|hook| hook.at_once = 8);
    let issues: Vec<u64> =
        (0..ISSUES).map(|number| office.opened(&format!("issue {number}"), &[])).collect::<anyhow::Result<_>>()?;
    let count = || issues.iter().map(|number| office.of_bot(*number).len()).sum::<usize>();
    let begun = Instant::now();
    let reach = |wanted: usize| async move { Ok((count() >= wanted).then_some(())) };
    until(SOON, "a minute's worth of comments is there", || reach(A_MINUTE)).await?;
    let first = begun.elapsed();
    // Nothing else goes meanwhile; the next goes a minute behind the first that went.
    until(NEXT, "the next minute's worth is there", || async {
        if begun.elapsed() < Duration::from_secs(55) {
            ensure!(count() == A_MINUTE, "{} comments in less than a minute", count());
        }
        ensure!(office.world().violations().is_empty(), "{:?}", office.world().violations());
        reach(ISSUES).await
    })
    .await?;
    ensure!(count() == ISSUES && issues.iter().all(|number| office.of_bot(*number).len() == 1), "each once");
    ensure!(begun.elapsed() >= Duration::from_secs(60), "{first:?}, {:?}", begun.elapsed());
    let ended = office.ended(ISSUES).await?;
    ensure!(ended.iter().all(|status| status == "done"), "{ended:?}");
    office.end().await
}
