//! `[server]`: the HTTP edge.
//!
//! Owns its numbers and addresses. Listening is `web/`. A new key is a field here and a line in
//! `config/default.toml`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use url::Url;

/// The section `[server]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The address at which people and platforms reach the server. Ends with `/`.
    #[serde(default, deserialize_with = "some_base_url")]
    pub public_url: Option<Url>,
    /// Largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// Time for the head and then the body of a request to arrive, in seconds.
    pub request_timeout_s: u64,
    /// Time for work under way to end at a stop, in seconds.
    pub shutdown_grace_s: u64,
    /// Connections at one time.
    pub max_connections: usize,
    /// Requests of one workspace, or by one API token, in a minute; 0: as many as come.
    pub caller_per_minute: u32,
}

impl Server {
    /// Time for the head and then the body of a request to arrive.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    /// Time for work under way to end at a stop.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_s)
    }

    /// Whether only programs on this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let expected = || de::Error::custom("expected an address and a port, such as 127.0.0.1:8080 or [::1]:8080");
    text.parse().map_err(|_| expected())
}

fn some_base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    base_url(deserializer).map(Some)
}

/// Reads an address under which others are formed: `http` or `https`, no user, query or fragment. A `/` is
/// added at the end, since joining would drop the last part of the path without it.
pub(super) fn base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let expected = || de::Error::custom("expected an address that starts with https:// or http://");
    let text = String::deserialize(deserializer)?;
    let mut url = Url::parse(text.trim()).map_err(|_| expected())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(expected());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(de::Error::custom("expected an address without a user, a query and a fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Only {
        #[serde(deserialize_with = "base_url")]
        url: Url,
    }

    #[test]
    fn base_urls_end_with_a_slash_and_carry_no_secrets() {
        let table = [
            ("https://bot.example.com", Some("https://bot.example.com/")),
            ("http://127.0.0.1:8090/api", Some("http://127.0.0.1:8090/api/")),
            ("https://slack.com/api/", Some("https://slack.com/api/")),
            ("slack.com", None),
            ("ftp://slack.com/", None),
            ("https://me:secret@slack.com/", None),
            ("https://slack.com/?a=secret", None),
            ("", None),
        ];
        for (written, expected) in table {
            let read = toml::from_str::<Only>(&format!("url = '{written}'"));
            assert_eq!(read.ok().as_ref().map(|only| only.url.as_str()), expected, "{written}");
        }
    }
}
