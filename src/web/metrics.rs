//! Figures of the edge, and the page on which all figures stand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::domain::event::ChannelName;
use crate::web::Shared;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnauthenticLabels {
    channel: &'static str,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstallationLabels {
    end: &'static str,
}

/// Figures of the edge.
pub struct WebMetrics {
    registry: Arc<Registry>,
    unauthentic: Family<UnauthenticLabels, Counter>,
    installations: Family<InstallationLabels, Counter>,
}

impl WebMetrics {
    /// Puts the edge's figures beside those that are in the registry already.
    #[must_use]
    pub fn new(mut registry: Registry) -> Self {
        let unauthentic = Family::default();
        registry.register("requests_unauthentic", "Requests that were not let in, by reason", unauthentic.clone());
        let installations = Family::default();
        let about = "Installations of Slack by OAuth, by how they ended";
        registry.register("slack_installations", about, installations.clone());
        Self { registry: Arc::new(registry), unauthentic, installations }
    }

    pub(crate) fn installation(&self, end: &'static str) {
        self.installations.get_or_create(&InstallationLabels { end }).inc();
    }

    pub(crate) fn unauthentic(&self, channel: ChannelName, reason: &str) {
        let labels = UnauthenticLabels { channel: channel.as_str(), reason: reason.to_owned() };
        self.unauthentic.get_or_create(&labels).inc();
    }
}

/// The page, in the OpenMetrics text format.
pub async fn page(State(state): State<Shared>) -> Response {
    let mut page = String::new();
    if encode(&mut page, &state.metrics.registry).is_err() {
        page.clear();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page).into_response()
}
