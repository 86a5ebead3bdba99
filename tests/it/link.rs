//! One person on two platforms: the real binary between the stand-ins of Slack and Teams.
//!
//! [`Both`] sets up the two beside one bot. What a code is and whom it joins is tested in `src/tools/link`.

use ai_crm::actors::clock;
use ai_crm::sim::slack::world::SlackWorld;
use ai_crm::sim::slack::{Sender, SenderConfig, SlackSim};
use ai_crm::sim::teams::seed::{GROUP, MEETING};
use ai_crm::sim::teams::{Message, TeamsWorld};
use anyhow::{Context, ensure};

use crate::stage::{ADA, DEV, PATIENCE, run, words};
use crate::support::api::http_client;
use crate::support::server::{BOT_TOKEN, SIGNING_SECRET};
use crate::teams::{Team, shown};

/// A bot in a workspace of Slack and in a tenant of Teams.
pub(crate) struct Both {
    pub(crate) team: Team,
    slack: SlackSim,
    sender: Sender,
}

impl Both {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        Self::set_with(&[]).await
    }

    pub(crate) async fn set_with(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        http_client()?;
        let slack = SlackSim::start("127.0.0.1:0", SlackWorld::new(BOT_TOKEN, clock::system())).await?;
        let api_url = slack.api_url();
        let own = [
            ("SLACK_SIGNING_SECRET", SIGNING_SECRET),
            ("SLACK_BOT_TOKEN", BOT_TOKEN),
            ("SLACK_API_URL", api_url.as_str()),
            ("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0"),
        ];
        let team = Team::set_with(&[&own, variables].concat()).await?;
        let log = || async { Ok(team.plan.log().contains("connected").then_some(())) };
        crate::support::until(PATIENCE, "the workspace is known", log).await?;
        let sender = Self::sender(&slack, &team)?;
        Ok(Self { team, slack, sender })
    }

    fn sender(slack: &SlackSim, team: &Team) -> anyhow::Result<Sender> {
        Ok(Sender::new(slack.world().clone(), SenderConfig::new(team.server.base_url(), SIGNING_SECRET))?)
    }

    /// Killed and started again.
    async fn killed(self) -> anyhow::Result<Self> {
        let Self { team, slack, .. } = self;
        let team = team.killed().await?;
        let sender = Self::sender(&slack, &team)?;
        Ok(Self { team, slack, sender })
    }

    /// A person types `/ai-crm LINE` in Slack; the answer.
    pub(crate) async fn in_slack(
        &self,
        user: &str,
        line: &str,
    ) -> anyhow::Result<ai_crm::sim::slack::message::Message> {
        let result = self.sender.slash(user, DEV, "/ai-crm", line).await?;
        result.message.clone().with_context(|| format!("no answer at once to `{line}`: {result:?}"))
    }

    /// A person says a line in a place of Teams; all that the bot says to it, which may be several messages.
    pub(crate) async fn in_teams(&self, user: &str, place: &str, line: &str) -> anyhow::Result<String> {
        let id = self.team.place(place)?;
        let world = self.team.sim.world();
        let said = |world: &TeamsWorld| world.messages(&id).into_iter().filter(Message::is_by_bot).collect::<Vec<_>>();
        let before = world.messages(&id).into_iter().filter(Message::is_by_bot).count();
        self.team.say(user, place, line).await?;
        let answered = world.wait_for(PATIENCE, |world| said(world).get(before).map(drop)).await;
        answered.with_context(|| format!("no answer to `{line}`: {}", self.team.plan.log()))?;
        self.team.rest().await?;
        let all = world.messages(&id).into_iter().filter(Message::is_by_bot);
        Ok(all.skip(before).map(|message| shown(&message)).collect::<Vec<_>>().join("\n"))
    }

    /// A person presses something on a card in Slack.
    pub(crate) async fn press_in_slack(
        &self,
        user: &str,
        card: &ai_crm::sim::slack::message::Message,
        control: &str,
    ) -> anyhow::Result<()> {
        let (_, answer) = self.sender.click(user, &card.channel, &card.ts, control, None).await?;
        ensure!(answer.status == Some(200), "{answer:?}");
        Ok(())
    }

    /// The bot's messages in a place of Slack that contain some words, once there is one.
    pub(crate) async fn said_in_slack(
        &self,
        place: &str,
        part: &str,
    ) -> anyhow::Result<Vec<ai_crm::sim::slack::message::Message>> {
        let now = |world: &SlackWorld| {
            let mut said = world.messages(place);
            said.retain(|message| message.bot_id.is_some() && words(message).contains(part));
            Some(said).filter(|said| !said.is_empty())
        };
        let seen = self.slack.world().wait_for(PATIENCE, now).await;
        seen.with_context(|| format!("`{part}` is not said in {place}: {}", self.team.plan.log()))
    }

    /// The words of a message in Slack, once it contains some.
    pub(crate) async fn sees_in_slack(
        &self,
        card: &ai_crm::sim::slack::message::Message,
        part: &str,
    ) -> anyhow::Result<String> {
        let now = |world: &SlackWorld| world.message(&card.channel, &card.ts).map(|it| words(&it));
        let seen = self.slack.world().wait_for(PATIENCE, |world| now(world).filter(|words| words.contains(part)));
        seen.await
            .with_context(|| format!("`{part}` is not seen: {:?}", self.slack.world().message(&card.channel, &card.ts)))
    }

    /// The words of a message of the bot in a place of Teams, once one contains some.
    pub(crate) async fn sees_in_teams(&self, place: &str, part: &str) -> anyhow::Result<String> {
        let id = self.team.place(place)?;
        let seen = self.team.sim.world().wait_for(PATIENCE, |world| {
            let said = world.messages(&id).into_iter().filter(Message::is_by_bot);
            said.map(|message| shown(&message)).find(|words| words.contains(part))
        });
        seen.await.with_context(|| format!("`{part}` is not seen in {place}"))
    }

    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let refused = self.slack.world().violations();
        ensure!(refused.is_empty(), "Slack refused: {refused:#?}");
        self.team.end().await?;
        self.slack.stop().await;
        Ok(())
    }
}

/// The code in an answer to `link`.
pub(crate) fn code_in(said: &str) -> anyhow::Result<String> {
    let is_code = |word: &&str| word.len() == 11 && word.as_bytes()[5] == b'-' && word.to_uppercase() == **word;
    Ok(said.split_whitespace().find(is_code).with_context(|| format!("no code in {said}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_of_slack_and_of_teams_is_one_until_they_say_otherwise() -> anyhow::Result<()> {
    let both = Both::set().await?;
    both.in_slack(ADA, "task create \"Slack-begun\" --to me").await?;
    let before = both.in_teams("ada", "personal-ada", "task list --mine").await?;
    assert!(!before.contains("Slack-begun"), "one name proves nothing: {before}");

    let asked = both.in_slack(ADA, "link").await?;
    assert_eq!(asked.ephemeral_to.as_deref(), Some(ADA));
    let code = code_in(&words(&asked))?;
    for (who, place) in [("guest", GROUP), ("stranger", MEETING)] {
        let refused = both.in_teams(who, place, &format!("@AI-CRM link {code}")).await?;
        assert!(refused.contains("may not"), "{who}: {refused}");
    }
    let linked = both.in_teams("ada", "personal-ada", &format!("link {}", code.to_lowercase())).await?;
    assert!(linked.contains("You are one person here and there"), "{linked}");
    let again = both.in_teams("grace", "personal-grace", &format!("link {code}")).await?;
    assert!(again.contains("no code that works"), "it serves once: {again}");
    let mine = both.in_teams("ada", "personal-ada", "my tasks").await?;
    assert!(mine.contains("Slack-begun"), "{mine}");

    let both = both.killed().await?;
    let still = both.in_teams("ada", "personal-ada", "whoami").await?;
    assert!(still.contains("You are ada") && still.contains("Linked: slack T0SIM0001, teams "), "{still}");
    both.in_teams("ada", "personal-ada", "task create \"Teams-begun\" --to me").await?;
    let mine = words(&both.in_slack(ADA, "my tasks").await?);
    assert!(mine.contains("Slack-begun") && mine.contains("Teams-begun"), "{mine}");

    // The terminal is the owner's. Who is one with it in Slack is there what Slack's own word makes of them.
    let third = code_in(&words(&both.in_slack(ADA, "link").await?))?;
    let joined = run(&both.team.plan, &["chat", &format!("link {third}")], "").await?;
    assert!(joined.out.contains("You are one person here and there"), "{joined:?}");
    let owner = run(&both.team.plan, &["chat", "whoami"], "").await?;
    assert!(owner.out.contains("owner"), "{owner:?}");
    let role = words(&both.in_slack(ADA, "whoami").await?);
    assert!(role.contains("member") && !role.contains("owner"), "a link gives no right: {role}");

    let ended = words(&both.in_slack(ADA, "unlink teams").await?);
    assert!(ended.contains("You are separate again"), "{ended}");
    let mine = both.in_teams("ada", "personal-ada", "my tasks").await?;
    assert!(mine.contains("of yours: none"), "at once: {mine}");
    let rows = both.team.api().lines("/audit/export").await?;
    let rows: String = rows.iter().map(ToString::to_string).collect();
    assert!(rows.contains("linked teams:") && rows.contains("separated teams:"), "{rows}");
    let quoted = format!("{rows}{}", both.team.plan.log());
    assert!(!quoted.contains(&code) && !quoted.contains(&code.to_lowercase()), "the code stands in no log");
    both.end().await
}
