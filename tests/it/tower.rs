//! An office with Teams beside it: the real binary, and the stand-ins of GitHub, Slack and Teams.
//!
//! It says nothing about what the bot should do. That nobody refused anything is looked at in [`Tower::end`].

use ai_crm::actors::clock;
use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, TENANT};
use ai_crm::sim::teams::{App, Message, Sender, SenderConfig, TeamsSim, TeamsWorld};
use anyhow::{Context, ensure};
use serde_json::json;

use crate::link::code_in;
use crate::office::Office;
use crate::stage::PATIENCE;
use crate::support::api::http_client;
use crate::teams::shown;

/// An office with Teams beside GitHub and Slack.
pub(crate) struct Tower {
    pub(crate) office: Office,
    teams: TeamsSim,
}

impl Tower {
    pub(crate) async fn with(workflows: &str) -> anyhow::Result<Self> {
        http_client()?;
        let teams = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
        let (login, metadata, host) = (teams.login_url(), teams.metadata_url(), teams.service_host());
        let settings = [
            ("MICROSOFT_APP_ID", APP_ID),
            ("MICROSOFT_APP_PASSWORD", APP_PASSWORD),
            ("MICROSOFT_APP_TENANT_ID", TENANT),
            ("MICROSOFT_LOGIN_URL", login.as_str()),
            ("MICROSOFT_OPENID_METADATA_URL", metadata.as_str()),
            ("MICROSOFT_SERVICE_HOSTS", host.as_str()),
            ("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0"),
        ];
        Ok(Self { office: Office::set_up(workflows, &settings).await?, teams })
    }

    /// Somebody says something to the bot in Teams.
    pub(crate) async fn says(&self, who: &str, text: &str) -> anyhow::Result<()> {
        let sender = Sender::new(self.teams.world().clone(), SenderConfig::new(self.office.stage.address()))?;
        let (_, answer) = sender.say_and_deliver(who, &format!("personal-{who}"), text, None).await?;
        ensure!(answer.context("the bot is told nothing of it")?.accepted(), "{text}");
        Ok(())
    }

    /// The words of the newest message of the bot in somebody's chat that contains some.
    pub(crate) async fn sees(&self, who: &str, part: &str) -> anyhow::Result<String> {
        let chat = self.teams.world().conversation(&format!("personal-{who}")).context("a chat")?.id;
        let said = |world: &TeamsWorld| {
            let all = world.messages(&chat).into_iter().filter(Message::is_by_bot);
            all.map(|message| shown(&message)).rfind(|words| words.contains(part))
        };
        let seen = self.teams.world().wait_for(PATIENCE, said).await;
        seen.with_context(|| format!("`{part}` is not seen: {:#?}", self.teams.world().messages(&chat)))
    }

    /// Somebody of GitHub becomes one with somebody of Teams, by a code.
    pub(crate) async fn links(&self, login: &str, who: &str, issue: u64) -> anyhow::Result<()> {
        self.says(who, "link").await?;
        let code = code_in(&self.sees(who, "Link another platform").await?)?;
        let before = self.office.of_bot(issue).len();
        let text = format!("/ai-crm link {code}");
        self.office.act(login, json!({"do": "comment", "number": issue, "text": text}))?;
        let said = self.office.answered(issue, before + 1).await?;
        ensure!(said.iter().any(|comment| comment.body.contains("one person here and there")), "{said:#?}");
        Ok(())
    }

    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let refused = self.teams.world().violations();
        ensure!(refused.is_empty(), "Teams refused: {refused:#?}");
        self.office.end().await?;
        self.teams.stop().await;
        Ok(())
    }
}
