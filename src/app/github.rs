//! GitHub put together: its edge.

use crate::channels::github::verify::Verifier;
use crate::config::Config;
use crate::web::github::Edge;

/// Its part of the edge, where GitHub is on.
pub(super) fn edge(config: &Config) -> anyhow::Result<Option<Edge>> {
    let settings = &config.channels.github;
    let verifier = || Verifier::new(settings.webhook_secret.as_slice());
    Ok(settings.is_on()?.then(|| Edge::new(verifier(), settings.realm().to_owned())))
}
