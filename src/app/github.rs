//! GitHub put together: its edge.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::channels::github::decode::Me;
use crate::channels::github::verify::Verifier;
use crate::config::Config;
use crate::web::github::Edge;

/// Its part of the edge, where GitHub is on.
pub(super) fn edge(config: &Config) -> anyhow::Result<Option<Edge>> {
    let settings = &config.channels.github;
    let verifier = || Verifier::new(settings.webhook_secret.as_slice());
    let me = || Me {
        realm: settings.realm().to_owned(),
        slug: String::new(),
        app_id: settings.app_id.as_ref().and_then(|id| id.parse().ok()),
    };
    Ok(settings.is_on()?.then(|| Edge::new(verifier(), Arc::new(ArcSwap::from_pointee(me())))))
}
