//! Which hosts may be sent to.
//!
//! An activity names the address at which its answers are taken, and what is sent there carries the bot's token: so the
//! address is data, and a host is used only where it is Microsoft's or an operator's own; for the playground, to which
//! no token goes, only where it is this machine. Nothing else is here.

use url::{Host, Url};

/// Microsoft's hosts for connectors: Teams, Teams of the government's cloud, and the Bot Framework, the last with what
/// stands below it. The zone of the first has names of customers too.
const TEAMS: [&str; 2] = ["smba.trafficmanager.net", "smba.infra.gcc.teams.microsoft.com"];
const BOT_FRAMEWORK: &str = "botframework.com";

/// Hosts that may be sent to.
#[derive(Debug, Clone)]
pub struct Hosts(Which);

#[derive(Debug, Clone)]
enum Which {
    /// Microsoft's and an operator's own, as `host` or `host:port`, in lower case.
    MicrosoftsAnd(Vec<String>),
    /// This machine by itself.
    Loopback,
}

impl Hosts {
    /// Microsoft's hosts and an operator's.
    #[must_use]
    pub fn new(own: &[String]) -> Self {
        let own = own.iter().map(|host| host.trim().to_lowercase()).filter(|host| !host.is_empty()).collect();
        Self(Which::MicrosoftsAnd(own))
    }

    /// This machine alone, where the playground is.
    #[must_use]
    pub fn loopback() -> Self {
        Self(Which::Loopback)
    }

    /// The address of a connector, where it may be used. It ends with `/`, so that paths can be joined.
    #[must_use]
    pub fn allowed(&self, service_url: &str) -> Option<Url> {
        let mut url = Url::parse(service_url.trim()).ok()?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let is_web = matches!(url.scheme(), "https" | "http");
        let is_allowed = match &self.0 {
            Which::MicrosoftsAnd(own) => is_microsofts(&url) || is_web && is_own(&url, own),
            Which::Loopback => is_web && is_loopback(&url),
        };
        if !is_allowed {
            return None;
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Some(url)
    }
}

fn is_microsofts(url: &Url) -> bool {
    let Some(host) = url.host_str().map(str::to_lowercase) else { return false };
    let below = host.strip_suffix(BOT_FRAMEWORK).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    url.scheme() == "https" && url.port().is_none() && (below || TEAMS.contains(&host.as_str()))
}

fn is_own(url: &Url, own: &[String]) -> bool {
    let Some(host) = url.host_str().map(str::to_lowercase) else { return false };
    let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
    own.iter().any(|own| *own == host && url.port().is_none() || Some(own) == with_port.as_ref())
}

/// Whether an address is on this machine, by its number or by the one name that always is.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(number)) => number.is_loopback(),
        Some(Host::Ipv6(number)) => number.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microsofts_hosts_and_an_operators_own_are_used_and_no_others() {
        let hosts = Hosts::new(&["127.0.0.1:9000".to_owned(), "Connector.Example.com".to_owned()]);
        for (address, used) in [
            ("https://smba.trafficmanager.net/emea/", Some("https://smba.trafficmanager.net/emea/")),
            ("https://smba.trafficmanager.net/emea", Some("https://smba.trafficmanager.net/emea/")),
            ("https://SMBA.trafficmanager.net/amer/0/", Some("https://smba.trafficmanager.net/amer/0/")),
            ("https://europe.directline.botframework.com/", Some("https://europe.directline.botframework.com/")),
            (
                "https://smba.infra.gcc.teams.microsoft.com/teams",
                Some("https://smba.infra.gcc.teams.microsoft.com/teams/"),
            ),
            ("http://127.0.0.1:9000/x", Some("http://127.0.0.1:9000/x/")),
            ("https://connector.example.com", Some("https://connector.example.com/")),
            ("https://x.smba.trafficmanager.net/", None),
            ("https://x.trafficmanager.net/", None),
            ("https://directline.botframework.azure.us/", None),
            ("http://smba.trafficmanager.net/", None),
            ("https://smba.trafficmanager.net:8443/", None),
            ("https://smba.trafficmanager.net.evil.com/", None),
            ("https://evilbotframework.com/", None),
            ("https://a@smba.trafficmanager.net/", None),
            ("https://smba.trafficmanager.net/?to=evil", None),
            ("https://evil.com/smba.trafficmanager.net/", None),
            ("http://127.0.0.1:9001/", None),
            ("http://127.0.0.1/", None),
            ("https://connector.example.com:444/", None),
            ("http://169.254.169.254/", None),
            ("file:///etc/passwd", None),
            ("smba.trafficmanager.net", None),
            ("", None),
        ] {
            assert_eq!(hosts.allowed(address).as_ref().map(Url::as_str), used, "{address}");
        }
    }
}
