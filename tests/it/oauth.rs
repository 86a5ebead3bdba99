//! Installation of Slack by OAuth from outside: the real binary, a browser, and a Slack of several workspaces.

use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::sim::slack::oauth::Choice;
use ai_crm::sim::slack::seed::{Channel, Kind, Standing, TEAM, User, Workspace};
use ai_crm::sim::slack::world::SlackWorld;
use ai_crm::sim::slack::{Sender, SenderConfig, SharedWorld, SlackSim};
use anyhow::{Context, ensure};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::stage::{ADA, DEV, PATIENCE, Printed, run, words};
use crate::support::server::{APP_TOKEN, SIGNING_SECRET, Server, ServerPlan};
use crate::support::until;

pub(crate) const SECOND: &str = "T0SECOND1";
pub(crate) const MARY: &str = "U0MARY001";
pub(crate) const LAB: &str = "C0SECLAB1";
pub(crate) const ORGANISATION: &str = "E0ORGSIM1";

/// A bot without a token, and a Slack with two workspaces.
pub(crate) struct Office {
    _folder: TempDir,
    pub(crate) plan: ServerPlan,
    slack: SlackSim,
    pub(crate) second: SharedWorld,
    pub(crate) server: Server,
}

/// What a browser was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    to: Option<Url>,
    cookie: Option<String>,
    policy: String,
    text: String,
}

impl Office {
    async fn set(life: Option<Duration>) -> anyhow::Result<Self> {
        Self::set_with(life, &[]).await
    }

    /// With some settings more, given as environment.
    pub(crate) async fn set_with(life: Option<Duration>, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        crate::support::api::http_client()?;
        let slack = SlackSim::start("127.0.0.1:0", SlackWorld::new("xoxb-nobody", clock::system())).await?;
        slack.world().set_oauth("1.2", "hush-client", life);
        slack.world().put_app_token(APP_TOKEN);
        let second = SlackWorld::new("xoxb-nobody-either", clock::system());
        second.set_workspace(Workspace {
            id: SECOND.into(),
            name: "Second <b>".into(),
            domain: "second".into(),
            enterprise: None,
            org_install: false,
        });
        let mary = ("mary".into(), "Mary Jackson".into());
        second.put_user(User {
            id: MARY.into(),
            name: mary.0,
            real_name: mary.1,
            team: SECOND.into(),
            standing: Standing::Member,
        });
        second.put_channel(Channel {
            id: LAB.into(),
            name: "lab".into(),
            kind: Kind::Public,
            bot_is_member: true,
            with: None,
            archived: false,
            shared: false,
        });
        slack.world().add_workspace(&second);
        let mut plan = ServerPlan::new(&folder.path().join("data"))
            .with_slack(&slack)
            .with("SLACK_BOT_TOKEN", "")
            .with("SLACK_CLIENT_ID", "1.2")
            .with("SLACK_CLIENT_SECRET", "hush-client")
            .with("AI_CRM_PUBLIC_URL", "http://127.0.0.1:9/")
            .with("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0");
        for (name, value) in variables {
            plan = plan.with(name, value);
        }
        let server = plan.start().await?;
        Ok(Self { _folder: folder, plan, slack, second, server })
    }

    pub(crate) async fn killed(self) -> anyhow::Result<Self> {
        Ok(self.killed_while(|| Ok(())).await?.0)
    }

    /// The server dies without a word; people talk on to nobody; it is started again.
    pub(crate) async fn killed_while<T>(
        self,
        meanwhile: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(Self, T)> {
        let Self { _folder, plan, slack, second, server } = self;
        server.kill();
        let happened = meanwhile()?;
        let server = plan.start().await?;
        Ok((Self { _folder, plan, slack, second, server }, happened))
    }

    pub(crate) fn first(&self) -> &SharedWorld {
        self.slack.world()
    }

    pub(crate) fn sender(&self, world: &SharedWorld) -> anyhow::Result<Sender> {
        Ok(Sender::new(world.clone(), SenderConfig::new(self.server.base_url(), SIGNING_SECRET))?)
    }

    async fn link(&self) -> anyhow::Result<Url> {
        let printed: Printed = run(&self.plan, &["slack", "install-link"], "").await?;
        ensure!(printed.code() == Some(0), "{printed:?}");
        Ok(printed.out.trim().parse()?)
    }

    /// A browser goes to an address of the bot, which is reached at another one than it believes, or of Slack.
    async fn visit(&self, url: &Url, cookie: Option<&str>) -> anyhow::Result<Answer> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let mut target = url.clone();
        if url.port() == Some(9) {
            target = Url::parse(self.server.base_url())?;
            target.set_path(url.path());
            target.set_query(url.query());
        }
        let mut request = client.get(target);
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        let response = request.send().await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (to, cookie) = (header(LOCATION), header(SET_COOKIE));
        let policy = header(reqwest::header::CONTENT_SECURITY_POLICY).unwrap_or_default();
        Ok(Answer {
            status: response.status().as_u16(),
            to: to.map(|to| to.parse()).transpose()?,
            cookie: cookie.and_then(|cookie| Some(cookie.split(';').next()?.to_owned())),
            policy,
            text: response.text().await?,
        })
    }

    /// As far as Slack's answer: where the browser is sent with it, and what it holds.
    async fn go_to_slack(&self) -> anyhow::Result<(Url, String)> {
        let begun = self.visit(&self.link().await?, None).await?;
        ensure!(begun.status == 302, "{begun:?}");
        let cookie = begun.cookie.clone().context("no cookie")?;
        let permitted = self.visit(&begun.to.context("nowhere to go")?, None).await?;
        Ok((permitted.to.with_context(|| format!("slack sends nowhere: {}", permitted.text))?, cookie))
    }

    pub(crate) async fn install(&self, choice: Choice) -> anyhow::Result<Answer> {
        self.first().installs_next(choice);
        let (back, cookie) = self.go_to_slack().await?;
        let done = self.visit(&back, Some(&cookie)).await?;
        ensure!(done.status == 200 && done.text.contains("is connected"), "{done:?}");
        ensure!(done.policy.starts_with("default-src 'none'"), "{done:?}");
        Ok(done)
    }

    pub(crate) async fn install_team(&self, id: &str) -> anyhow::Result<Answer> {
        self.install(Choice::Workspace(id.to_owned())).await
    }

    /// Somebody mentions the bot in a channel, and is answered there, alone or under the mention.
    pub(crate) async fn asks(&self, world: &SharedWorld, who: &str, place: &str, text: &str) -> anyhow::Result<String> {
        let (message, answers) =
            self.sender(world)?.say_and_deliver(who, place, &format!("<@U0BOT0001> {text}"), None).await?;
        ensure!(answers.iter().any(|answer| answer.accepted()), "{answers:?}");
        let seen = world.wait_for(PATIENCE, |world| {
            let said = world.messages(place).into_iter();
            said.filter(|said| said.bot_id.is_some()).find(|said| said.ts > message.ts)
        });
        Ok(words(&seen.await.with_context(|| format!("no answer to `{text}`\n{}", self.plan.log()))?))
    }

    pub(crate) async fn events(&self, tenant: &str) -> anyhow::Result<Vec<Value>> {
        let page = self.server.api().get(&format!("/events?tenant={tenant}&limit=100")).await?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }

    async fn metric(&self, end: &str) -> anyhow::Result<bool> {
        let page = reqwest::Client::builder().no_proxy().build()?.get(format!("{}/metrics", self.server.base_url()));
        let text = page.send().await?.text().await?;
        Ok(text.contains(&format!("ai_crm_slack_installations_total{{end=\"{end}\"}}")))
    }

    pub(crate) fn log_has_no_secret(&self) {
        let log = self.plan.log();
        for secret in ["hush-client", "xoxb-", "xoxe", "code-"] {
            assert!(!log.contains(secret), "{secret} in the log: {log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workspaces_are_connected_by_link_and_nothing_crosses() -> anyhow::Result<()> {
    let office = Office::set(None).await?;
    let page = office.install_team(TEAM).await?;
    assert!(page.text.contains(TEAM) && page.text.contains("default"), "{page:?}");
    let page = office.install_team(SECOND).await?;
    assert!(page.text.contains("Second &lt;b&gt;") && page.text.contains("slack-t0second1"), "{page:?}");
    assert!(page.text.contains("/ai-crm pair "), "its owner can be found: {page:?}");

    let second = office.second.clone();
    let made = office.asks(office.first(), ADA, DEV, "task create \"Only of the first\"").await?;
    assert!(made.contains("T-1"), "{made}");
    let made = office.asks(&second, MARY, LAB, "task create \"Only of the second\"").await?;
    assert!(made.contains("T-1"), "each has its own numbers: {made}");
    let listed = office.asks(office.first(), ADA, DEV, "task list").await?;
    assert!(listed.contains("Only of the first") && !listed.contains("Only of the second"), "{listed}");
    let listed = office.asks(&second, MARY, LAB, "task list").await?;
    assert!(listed.contains("Only of the second") && !listed.contains("Only of the first"), "{listed}");

    let office = office.killed().await?;
    let listed = office.asks(&second, MARY, LAB, "task list").await?;
    assert!(listed.contains("Only of the second"), "{listed}");
    assert!(office.first().messages(LAB).is_empty(), "no card of the second is in the first");
    assert_eq!(office.first().violations(), vec![]);
    assert_eq!(second.violations(), vec![], "no token crosses");
    let again = office.install_team(SECOND).await?;
    assert!(again.text.contains("slack-t0second1"), "who is known keeps the tenant: {again:?}");
    office.log_has_no_secret();
    assert!(office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_link_or_no_state_of_ours_connects_nothing() -> anyhow::Result<()> {
    let office = Office::set(None).await?;
    let bare: Url = "http://127.0.0.1:9/slack/install".parse()?;
    for url in [bare.clone(), format!("{bare}?code=guessed").parse()?, format!("{bare}?code=").parse()?] {
        assert_eq!(office.visit(&url, None).await?.status, 403, "{url}");
    }
    let link = office.link().await?;
    assert_eq!(office.visit(&link, None).await?.status, 302);
    assert_eq!(office.visit(&link, None).await?.status, 302, "who only looks at a link does not use it up");

    let (back, cookie) = office.go_to_slack().await?;
    let forged = Url::parse_with_params("http://127.0.0.1:9/slack/oauth/redirect", [("code", "x"), ("state", "y")])?;
    assert_eq!(office.visit(&forged, Some(&cookie)).await?.status, 400, "forged");
    let (_, of_another) = office.go_to_slack().await?;
    assert_eq!(office.visit(&back, Some(&of_another)).await?.status, 400, "another browser");
    assert_eq!(office.visit(&back, Some(&cookie)).await?.status, 400, "a state is used up by any answer");
    let (back, _) = office.go_to_slack().await?;
    assert_eq!(office.visit(&back, None).await?.status, 400, "no cookie");
    let calls = office.first().calls();
    assert!(!calls.contains_key("oauth.v2.access"), "nothing was exchanged: {calls:?}");

    office.first().installs_next(Choice::Deny);
    let (back, cookie) = office.go_to_slack().await?;
    let denied = office.visit(&back, Some(&cookie)).await?;
    assert!(denied.status == 200 && denied.text.contains("Nothing was connected"), "{denied:?}");
    assert!(office.metric("wrong_state").await? && office.metric("denied").await? && office.metric("no_link").await?);

    office.first().installs_next(Choice::Workspace(TEAM.into()));
    let (back, cookie) = office.go_to_slack().await?;
    assert_eq!(office.visit(&back, Some(&cookie)).await?.status, 200);
    assert_eq!(office.visit(&back, Some(&cookie)).await?.status, 400, "replayed");
    assert_eq!(office.second.violations(), vec![]);
    office.log_has_no_secret();
    assert!(office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_serves_all_its_workspaces() -> anyhow::Result<()> {
    let office = Office::set(None).await?;
    for (world, id, name) in [(office.first(), TEAM, "Sim"), (&office.second, SECOND, "Second")] {
        world.set_workspace(Workspace {
            id: id.into(),
            name: name.into(),
            domain: name.to_lowercase(),
            enterprise: Some((ORGANISATION.into(), "Org".into())),
            org_install: true,
        });
    }
    let page = office.install(Choice::Organisation(ORGANISATION.into())).await?;
    assert!(page.text.contains(ORGANISATION), "{page:?}");
    let made = office.asks(office.first(), ADA, DEV, "task create \"Of the organisation\"").await?;
    assert!(made.contains("T-1"), "{made}");
    let office = office.killed().await?;
    let listed = office.asks(&office.second, MARY, LAB, "task list").await?;
    assert!(listed.contains("Of the organisation"), "{listed}");
    assert!(office.first().violations().is_empty() && office.second.violations().is_empty());
    assert!(office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_app_is_over_until_it_is_installed_again() -> anyhow::Result<()> {
    let office = Office::set(None).await?;
    office.install_team(TEAM).await?;
    office.install_team(SECOND).await?;
    let second = office.second.clone();
    office.asks(&second, MARY, LAB, "task create \"Before the end\"").await?;
    // A message of Slack's tells whole seconds, so the end is a second after the beginning.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let sender = office.sender(&second)?;
    let revoked = sender.event(&json!({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT0001"]}}));
    let removed = sender.event(&json!({"type": "app_uninstalled"}));
    for request in [&revoked, &removed, &removed, &revoked] {
        assert!(sender.deliver(request).await.accepted());
    }
    until(PATIENCE, "both are handled", || async {
        let events = office.events("slack-t0second1").await?;
        let ended = events.iter().filter(|event| event["kind"] == "disconnected" && event["state"] != "waiting");
        Ok((ended.count() == 2).then_some(()))
    })
    .await?;

    let office = office.killed().await?;
    let late = office.sender(&second)?.say_and_deliver(MARY, LAB, "<@U0BOT0001> task list", None).await?;
    assert!(late.1.iter().all(|answer| answer.accepted()), "{late:?}");
    let dead = until(PATIENCE, "what is owed is given up", || async {
        let page = office.server.api().get("/effects?state=dead&tenant=slack-t0second1").await?;
        Ok(page["effects"].as_array().and_then(|all| all.first().cloned()))
    })
    .await?;
    assert!(dead.to_string().contains("was") && dead.to_string().contains("install-link"), "{dead}");
    let listed = office.asks(office.first(), ADA, DEV, "task list").await?;
    assert!(!listed.is_empty(), "the other one goes on");

    office.install_team(SECOND).await?;
    let listed = office.asks(&second, MARY, LAB, "task list").await?;
    assert!(listed.contains("Before the end"), "{listed}");
    assert_eq!(second.violations(), vec![]);
    assert!(office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_once_however_many_need_it_and_survives_a_kill() -> anyhow::Result<()> {
    let life = Duration::from_secs(8);
    let office = Office::set(Some(life)).await?;
    office.install_team(TEAM).await?;
    office.asks(office.first(), ADA, DEV, "help").await?;
    let renewed = |world: &SharedWorld| {
        world.calls().get("oauth.v2.access").and_then(|ends| ends.get("refreshed").copied()).unwrap_or_default()
    };
    assert_eq!(renewed(office.first()), 0);
    tokio::time::sleep(life.mul_f64(0.8)).await;
    let asked = (0..20).map(|_| office.asks(office.first(), ADA, DEV, "help"));
    futures_util::future::try_join_all(asked).await?;
    assert_eq!(renewed(office.first()), 1, "{:?}", office.first().calls());
    let office = office.killed().await?;
    office.asks(office.first(), ADA, DEV, "help").await?;
    tokio::time::sleep(life).await;
    office.asks(office.first(), ADA, DEV, "help").await?;
    let calls = office.first().calls();
    assert!(
        renewed(office.first()) >= 2 && !calls["oauth.v2.access"].contains_key("invalid_refresh_token"),
        "{calls:?}"
    );
    assert_eq!(office.first().violations(), vec![]);
    office.log_has_no_secret();
    assert!(office.server.stop().await?.success());
    Ok(())
}
