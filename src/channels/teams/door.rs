//! Who is let in with an activity: Teams, by its signed tokens, or, on a developer's machine, Microsoft's playground,
//! which signs nothing.
//!
//! A [`Door`] is one or the other from the start on, and whatever differs between the two is asked of it: how
//! authenticity is judged, which connector may be answered, whose people are let in. The rules of a token are `verify`.
//! The playground: learn.microsoft.com/microsoftteams/platform/toolkit/debug-your-agents-playground.

use std::net::IpAddr;

use url::Url;

use super::decode::Admitted;
use super::hosts::{Hosts, is_loopback};
use super::keys::Keys;
use super::verify::{Proof, Reason, Refused, Token, Verifier};
use crate::domain::time::Timestamp;

/// What judges activities.
pub struct Door {
    judge: Judge,
    hosts: Hosts,
    admitted: Admitted,
}

enum Judge {
    /// A token of the Bot Framework.
    Tokens(Box<Verifier>),
    /// Where a request comes from.
    Nearness,
}

/// Where a request comes from, as far as the playground's door asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The other end of the connection.
    pub peer: Option<IpAddr>,
    /// The host that it meant to reach.
    pub host: Option<&'a str>,
    /// Whether a proxy or a browser's page stands behind it, by its headers.
    pub speaks_for_others: bool,
}

/// Who has passed the first check, which needs no body.
pub enum Entered {
    /// Somebody with a token, which is still to be bound to the activity.
    WithToken(Token),
    /// A program on this machine.
    FromHere,
}

impl Door {
    /// Teams' own: `hosts` may be answered, and people of `tenants`, in lower case, are let in.
    #[must_use]
    pub fn of_teams(verifier: Verifier, hosts: Hosts, tenants: Vec<String>) -> Self {
        Self { judge: Judge::Tokens(Box::new(verifier)), hosts, admitted: Admitted::Tenants(tenants) }
    }

    /// The playground's: whoever is on this machine is let in, and only what is there is answered.
    #[must_use]
    pub fn of_playground() -> Self {
        Self { judge: Judge::Nearness, hosts: Hosts::loopback(), admitted: Admitted::Playground }
    }

    /// The keys by which Teams signs; none where the playground is spoken with.
    #[must_use]
    pub fn keys(&self) -> Option<&Keys> {
        match &self.judge {
            Judge::Tokens(verifier) => Some(verifier.keys()),
            Judge::Nearness => None,
        }
    }

    /// The first check, before the body is parsed.
    ///
    /// # Errors
    /// Says what is wrong, for the log and for metrics; the caller answers the status alone.
    pub async fn enter(
        &self,
        now: Timestamp,
        authorization: Option<&str>,
        caller: Caller<'_>,
    ) -> Result<Entered, Refused> {
        match &self.judge {
            Judge::Tokens(verifier) => verifier.token(now, authorization).await.map(Entered::WithToken),
            Judge::Nearness if caller.is_here() => Ok(Entered::FromHere),
            Judge::Nearness => Err(Refused::Unauthentic(Reason::NotFromHere)),
        }
    }

    /// The address of an activity's connector, where it may be answered.
    #[must_use]
    pub fn connector(&self, service_url: &str) -> Option<Url> {
        self.hosts.allowed(service_url)
    }

    /// Whose people are let in.
    #[must_use]
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }
}

impl Entered {
    /// The second check: whether the activity is of who has entered.
    ///
    /// # Errors
    /// As [`Token::vouches_for`] says.
    pub fn vouches_for(&self, service_url: Option<&str>, channel_id: Option<&str>) -> Result<Proof, Refused> {
        match self {
            Self::WithToken(token) => token.vouches_for(service_url, channel_id),
            Self::FromHere => Ok(Proof::of_playground()),
        }
    }
}

impl Caller<'_> {
    /// Whether it is a program on this machine that speaks for itself. A page in a browser can reach this machine too,
    /// under a name of its own for it, and a proxy or a tunnel lets others in: neither is one.
    fn is_here(&self) -> bool {
        let named = |host: &str| Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url));
        self.peer.is_some_and(|peer| peer.to_canonical().is_loopback())
            && self.host.is_some_and(named)
            && !self.speaks_for_others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_playground_is_let_in_from_this_machine_alone() {
        let door = Door::of_playground();
        for (peer, host, speaks_for_others, is_in) in [
            ("127.0.0.1", "127.0.0.1:3978", false, true),
            ("127.0.0.1", "localhost:3978", false, true),
            ("::1", "[::1]:3978", false, true),
            ("::ffff:127.0.0.1", "LOCALHOST", false, true),
            ("127.0.0.1", "127.0.0.1:3978", true, false),
            ("127.0.0.1", "bot.example.com", false, false),
            ("127.0.0.1", "localhost.example.com:3978", false, false),
            ("127.0.0.1", "", false, false),
            ("10.0.0.7", "127.0.0.1:3978", false, false),
            ("::ffff:10.0.0.7", "localhost", false, false),
        ] {
            let caller = Caller { peer: peer.parse().ok(), host: Some(host), speaks_for_others };
            // A token changes nothing: there is nobody to check it.
            for authorization in [None, Some("Bearer a.b.c")] {
                let entered = door.enter(Timestamp(0), authorization, caller).await;
                assert_eq!(entered.is_ok(), is_in, "{peer} {host} {speaks_for_others}");
                if let Err(refused) = entered {
                    assert_eq!(refused, Refused::Unauthentic(Reason::NotFromHere));
                }
            }
        }
        assert!(door.enter(Timestamp(0), None, Caller::default()).await.is_err(), "nobody knows where it comes from");
        assert!(door.keys().is_none());
    }

    #[test]
    fn only_what_is_on_this_machine_is_answered_there() {
        let door = Door::of_playground();
        for (address, used) in [
            ("http://localhost:56150/_connector", Some("http://localhost:56150/_connector/")),
            ("http://127.0.0.1:56150/", Some("http://127.0.0.1:56150/")),
            ("http://[::1]:56150/", Some("http://[::1]:56150/")),
            ("https://smba.trafficmanager.net/emea/", None),
            ("http://localhost.evil.example/", None),
            ("http://10.0.0.7:56150/", None),
            ("http://a@localhost:56150/", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(door.connector(address).as_ref().map(Url::as_str), used, "{address}");
        }
    }
}
