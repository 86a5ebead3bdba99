//! Links to tasks: how one is made, and whether a link that somebody has written is one.
//!
//! Pure: what a link leads to, and who may see it, is decided elsewhere. A link says nothing but the task's number, which
//! each tenant gives out anew: in whose tenant it is meant is where it was written.

use url::{Host, Url};

use crate::domain::ids::TaskId;

/// What stands before the task's number in the path, behind the path of the server itself.
const FOLDER: &str = "tasks/";

/// The links of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLinks {
    /// The address of the server; its path ends with a slash.
    base: Url,
}

impl TaskLinks {
    /// The links of a server at its public address. There are none where that is not an https one: what people send each
    /// other is to lead somewhere, and no platform tells of another.
    #[must_use]
    pub fn at(public_url: &Url) -> Option<Self> {
        if public_url.scheme() != "https" || !public_url.has_host() {
            return None;
        }
        let mut base = public_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", public_url.path()));
        }
        Some(Self { base })
    }

    /// The link to a task: `https://bot.example.com/tasks/T-12`.
    #[must_use]
    pub fn to(&self, task: TaskId) -> String {
        format!("{}{FOLDER}{task}", self.base)
    }

    /// The task to which a link leads; none where it is a link to anything else, whatever it contains. Scheme, host and
    /// port are those of the server, with the dot of the root or without, nobody is named before the host, and the path is that of a task, in whatever case and
    /// with or without a slash at its end. Query and fragment say nothing.
    #[must_use]
    pub fn task(&self, link: &str) -> Option<TaskId> {
        let url = Url::parse(link).ok()?;
        // Of an https address the port is known, so that a default one and none are the same.
        let host = |url: &Url| url.host_str().map(|host| host.trim_end_matches('.').to_owned());
        let place = |url: &Url| (url.scheme().to_owned(), host(url), url.port_or_known_default());
        if place(&url) != place(&self.base) || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let before = format!("{}{FOLDER}", self.base.path());
        let (folder, id) = url.path().split_at_checked(before.len())?;
        if !folder.eq_ignore_ascii_case(&before) {
            return None;
        }
        well_formed(id.strip_suffix('/').unwrap_or(id))
    }
}

/// The domain of a server, of which platforms tell when somebody writes or pastes a link to it: that of an https address,
/// without the dot of the root. They take names of ASCII with a top-level domain, and no addresses of machines; Slack five
/// at most, and the server has one (docs.slack.dev/messaging/unfurling-links-in-messages, "Domain(s)";
/// learn.microsoft.com/microsoftteams/platform/messaging-extensions/how-to/link-unfurling).
#[must_use]
pub fn domain(public_url: &Url) -> Option<&str> {
    let Some(Host::Domain(name)) = public_url.host().filter(|_| public_url.scheme() == "https") else { return None };
    let name = name.trim_end_matches('.');
    (name.contains('.') && name.is_ascii()).then_some(name)
}

/// The task of an id as links have it, in whatever case: `T-12`, and neither `12` nor `T-012`, which people may type.
#[must_use]
pub fn well_formed(id: &str) -> Option<TaskId> {
    let task: TaskId = id.parse().ok()?;
    task.to_string().eq_ignore_ascii_case(id).then_some(task)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links(public_url: &str) -> TaskLinks {
        TaskLinks::at(&Url::parse(public_url).unwrap()).unwrap()
    }

    #[test]
    fn there_are_links_where_the_server_has_an_https_address() {
        assert_eq!(links("https://bot.example.com").to(TaskId(12)), "https://bot.example.com/tasks/T-12");
        assert_eq!(links("https://bot.example.com/crm").to(TaskId(1)), "https://bot.example.com/crm/tasks/T-1");
        assert_eq!(links("https://bot.example.com:8443/").to(TaskId(1)), "https://bot.example.com:8443/tasks/T-1");
        for none in ["http://bot.example.com/", "ftp://bot.example.com/", "data:text/plain,x"] {
            assert_eq!(TaskLinks::at(&Url::parse(none).unwrap()), None, "{none}");
        }
    }

    #[test]
    fn a_link_is_ours_by_its_place_and_its_whole_path_alone() {
        let ours = links("https://bot.example.com");
        for (link, number) in [
            ("https://bot.example.com/tasks/T-12", 12),
            ("https://bot.example.com/tasks/T-12/", 12),
            ("HTTPS://BOT.Example.Com/Tasks/t-12", 12),
            ("https://bot.example.com:443/tasks/T-12", 12),
            ("https://bot.example.com./tasks/T-12", 12),
            ("https://bot.example.com/tasks/T-12?from=mail&x=/tasks/T-9", 12),
            ("https://bot.example.com/tasks/T-12#/tasks/T-9", 12),
            ("  https://bot.example.com/tasks/T-12 ", 12),
        ] {
            assert_eq!(ours.task(link), Some(TaskId(number)), "{link}");
        }
        for link in [
            "",
            "T-12",
            "bot.example.com/tasks/T-12",
            "http://bot.example.com/tasks/T-12",
            "https://bot.example.com:8443/tasks/T-12",
            "https://bot.example.com.evil.example/tasks/T-12",
            "https://evil.example/?https://bot.example.com/tasks/T-12",
            "https://evil.example/https://bot.example.com/tasks/T-12",
            "https://bot.example.com@evil.example/tasks/T-12",
            "https://evil@bot.example.com/tasks/T-12",
            "https://evil:x@bot.example.com/tasks/T-12",
            "https://xbot.example.com/tasks/T-12",
            "https://example.com/tasks/T-12",
            "https://bot.example.com/",
            "https://bot.example.com/tasks",
            "https://bot.example.com/tasks/",
            "https://bot.example.com/tasks/12",
            "https://bot.example.com/tasks/#12",
            "https://bot.example.com/tasks/T-0",
            "https://bot.example.com/tasks/T-012",
            "https://bot.example.com/tasks/T-+1",
            "https://bot.example.com/tasks/T-1x",
            "https://bot.example.com/tasks/T-12//",
            "https://bot.example.com//tasks/T-12",
            "https://bot.example.com/x/tasks/T-12",
            "https://bot.example.com/tasks/T-12/comments",
            "https://bot.example.com/tasks/%54-12",
            "https://bot.example.com/tasks/T-99999999999999999999999",
            "javascript:https://bot.example.com/tasks/T-12",
        ] {
            assert_eq!(ours.task(link), None, "{link}");
        }
        let below = links("https://bot.example.com/crm/");
        assert_eq!(below.task("https://bot.example.com/CRM/tasks/T-3"), Some(TaskId(3)));
        assert_eq!(below.task("https://bot.example.com/tasks/T-3"), None);
    }

    #[test]
    fn the_root_of_all_names_makes_no_other_server() {
        let rooted = links("https://bot.example.com./");
        assert_eq!(rooted.task("https://bot.example.com/tasks/T-3"), Some(TaskId(3)));
        assert_eq!(rooted.task(&rooted.to(TaskId(3))), Some(TaskId(3)));
    }

    #[test]
    fn platforms_tell_of_links_to_a_domain_and_to_no_machine() {
        for (url, wanted) in [
            ("https://bot.example.com/crm/", Some("bot.example.com")),
            ("https://bot.example.com.:8443/", Some("bot.example.com")),
            ("http://bot.example.com/", None),
            ("https://localhost/", None),
            ("https://203.0.113.7/", None),
            ("https://[2001:db8::1]/", None),
        ] {
            assert_eq!(domain(&url.parse().unwrap()), wanted, "{url}");
        }
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_and_whatever_is_written_makes_no_panic(number in 1..=u64::MAX, text in ".*") {
            for at in ["https://bot.example.com", "https://bot.example.com:8443/é"] {
                let links = links(at);
                prop_assert_eq!(links.task(&links.to(TaskId(number))), Some(TaskId(number)));
                // Whatever stands behind the host belongs to it: what is added to its name is another one.
                prop_assert_eq!(links.task(&format!("https://evil.example/{text}")), None);
                let _ = links.task(&format!("{}{text}", links.to(TaskId(number))));
                let _ = links.task(&text);
            }
        }
    }
}
