//! A stand-in for the host of the metadata and the keys, which can be told to answer wrongly, late or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use url::Url;

use super::forge::{APP, listed};
use crate::channels::teams::keys::Keys;
use crate::channels::teams::verify::Verifier;

/// A call takes no longer, so that the slow answer is not waited for.
pub(super) const TIMEOUT: Duration = Duration::from_millis(300);

/// What the stand-in answers.
#[derive(Clone)]
pub(super) enum Says {
    Keys(Value),
    Status(StatusCode),
    Text(String),
    Never,
    Redirect,
    /// Metadata that names this address for the keys.
    Names(String),
}

/// A stand-in for the host of the metadata and the keys.
#[derive(Clone)]
pub(super) struct StandIn {
    says: Arc<std::sync::Mutex<Says>>,
    /// Calls of the metadata: one for each fetch.
    fetches: Arc<AtomicUsize>,
    address: Arc<std::sync::OnceLock<String>>,
}

impl StandIn {
    pub(super) async fn start() -> Self {
        let stand_in = Self {
            says: Arc::new(std::sync::Mutex::new(Says::Keys(listed()))),
            fetches: Arc::default(),
            address: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        stand_in.address.set(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let routes = Router::new()
            .route("/metadata", get(metadata))
            .route("/keys", get(keys))
            .route("/moved", get(|| async { axum::Json(listed()) }))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        stand_in
    }

    pub(super) fn address(&self) -> &str {
        self.address.get().unwrap()
    }

    pub(super) fn keys(&self) -> Keys {
        Keys::with_timeout(Url::parse(&format!("{}/metadata", self.address())).unwrap(), TIMEOUT).unwrap()
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::new(APP, self.keys())
    }

    pub(super) fn now_says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn metadata(State(stand_in): State<StandIn>) -> Response {
    stand_in.fetches.fetch_add(1, Ordering::SeqCst);
    let names = match stand_in.says.lock().unwrap().clone() {
        Says::Names(address) => address,
        _ => format!("{}/keys", stand_in.address()),
    };
    axum::Json(json!({
        "issuer": "https://api.botframework.com",
        "authorization_endpoint": "https://invalid.botframework.com",
        "jwks_uri": names,
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
    .into_response()
}

async fn keys(State(stand_in): State<StandIn>) -> Response {
    let says = stand_in.says.lock().unwrap().clone();
    match says {
        Says::Keys(keys) => axum::Json(keys).into_response(),
        Says::Status(status) => status.into_response(),
        Says::Text(text) => text.into_response(),
        Says::Never => std::future::pending().await,
        Says::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/moved")]).into_response(),
        Says::Names(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
