//! Where people talk to the bot in the storm: two workspaces of Slack and a tenant of Teams at one bot, each conversation
//! with people of its own and with what is to befall it.

use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::sim::slack::SharedWorld;
use ai_crm::sim::slack::seed::{Channel, Kind, Standing, TEAM, User};
use ai_crm::sim::teams::seed::{self, APP_ID, APP_PASSWORD, BotStanding, Conversation, DEV, GROUP, TENANT};
use ai_crm::sim::teams::{App, Sender, SenderConfig, TeamsSim, TeamsWorld};
use anyhow::{Context, ensure};

use crate::link::code_in;
use crate::oauth::{LAB, MARY, Office, SECOND};
use crate::stage::{ADA, GENERAL, PATIENCE, words};
use crate::support::server::APP_TOKEN;
use crate::support::until;

/// People in each conversation.
const PEOPLE: usize = 12;
/// The tenants of ours that are concerned; who is not known belongs to none.
pub(super) const TENANTS: [&str; 2] = ["default", "slack-t0second1"];

/// On which platform a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    First,
    Second,
    Teams,
}

/// What befalls a conversation in the middle of the storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing but the weather.
    Stays,
    /// The workspace's token is revoked and the app removed.
    Revoked,
    /// The bot is taken out of the channel.
    Removed,
    /// It moves to another connector, and what is said there names that one.
    Moves,
    /// Teams lets the bot say nothing there.
    Shut(BotStanding),
    /// It is at no connector that anybody has named.
    Lost,
}

impl Fate {
    /// What the owner is told of what was not delivered for it.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Stays => "it may have arrived",
            Self::Revoked => "T0SIM0001",
            Self::Removed => "not_in_channel",
            Self::Shut(BotStanding::DisabledByAdmin) => "BotDisabledByAdmin",
            Self::Shut(BotStanding::Blocked) => "ConversationBlockedByUser",
            Self::Shut(_) => "BotNotInConversationRoster",
            Self::Moves | Self::Lost => "ConversationNotFound",
        }
    }
}

/// A conversation.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) at: At,
    /// The channel, or the conversation's word in Teams.
    pub(super) id: String,
    /// The message under which people talk.
    pub(super) thread: Option<String>,
    /// Whether people type slash commands there.
    pub(super) typed: bool,
    /// Whether it is a chat with the bot alone.
    pub(super) alone: bool,
    pub(super) people: Vec<String>,
    pub(super) fate: Fate,
}

/// The bot with all of them.
pub(super) struct Coast {
    pub(super) office: Office,
    pub(super) teams: TeamsSim,
}

impl Coast {
    pub(super) async fn set() -> anyhow::Result<Self> {
        crate::support::api::http_client()?;
        let teams = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
        let ada = teams.world().user("ada").and_then(|ada| ada.aad_object_id).context("an account")?;
        let owners = format!(r#"["slack:{TEAM}/{ADA}", "teams:{TENANT}/{ada}", "slack:{SECOND}/{MARY}"]"#);
        let office = Office::set_with(
            None,
            &[
                ("SLACK_APP_TOKEN", APP_TOKEN),
                ("MICROSOFT_APP_ID", APP_ID),
                ("MICROSOFT_APP_PASSWORD", APP_PASSWORD),
                ("MICROSOFT_APP_TENANT_ID", TENANT),
                ("MICROSOFT_LOGIN_URL", &teams.login_url()),
                ("MICROSOFT_OPENID_METADATA_URL", &teams.metadata_url()),
                ("MICROSOFT_SERVICE_HOSTS", &teams.service_host()),
                ("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0"),
                ("AI_CRM__PEOPLE__OWNERS", &owners),
                ("AI_CRM__PEOPLE__ALERT_PAUSE_S", "1"),
                ("AI_CRM__LEDGER__BACKOFF_FIRST_MS", "50"),
                ("AI_CRM__LEDGER__BACKOFF_MOST_S", "1"),
            ],
        )
        .await?;
        office.install_team(TEAM).await?;
        office.install_team(SECOND).await?;
        let coast = Self { office, teams };
        let began = coast.first().now();
        coast.owners_are_known().await?;
        // What Slack tells of an end has whole seconds, and must not seem to be of before the beginning.
        until(PATIENCE, "the installation is a second old", || async {
            Ok((coast.first().now().since(began) > Duration::from_millis(1100)).then_some(()))
        })
        .await?;
        let open = coast.first().wait_for(PATIENCE, |world| (world.sockets().len() == 2).then_some(())).await;
        open.context("the sockets are not open")?;
        Ok(coast)
    }

    pub(super) fn first(&self) -> &SharedWorld {
        self.office.first()
    }

    /// The world of a conversation in Slack.
    pub(super) fn slack(&self, at: At) -> &SharedWorld {
        if at == At::Second { &self.office.second } else { self.first() }
    }

    pub(super) fn teams_sender(&self) -> anyhow::Result<Sender> {
        Ok(Sender::new(self.teams.world().clone(), SenderConfig::new(self.office.server.base_url()))?)
    }

    /// The owner of the first tenant is one person in Slack and in Teams; that of the second is in Slack alone.
    async fn owners_are_known(&self) -> anyhow::Result<()> {
        self.office.asks(&self.office.second, MARY, LAB, "help").await?;
        let linking = self.office.sender(self.first())?.slash(ADA, GENERAL, "/ai-crm", "link").await?;
        let code = code_in(&words(&linking.message.context("a code at once")?))?;
        let told = self.teams_sender()?.say_and_deliver("ada", "personal-ada", &format!("link {code}"), None).await?.1;
        ensure!(told.is_some_and(|answer| answer.accepted()), "the link is not taken");
        let chat = self.teams.world().conversation("personal-ada").context("a chat")?.id;
        let linked = self.teams.world().wait_for(PATIENCE, |world| {
            world.messages(&chat).iter().any(|it| crate::teams::shown(it).contains("You are one person")).then_some(())
        });
        linked.await.context("Ada is not one person on both")?;
        // A workspace may go at any moment, with what it was just told.
        let asked =
            self.teams_sender()?.say_and_deliver("ada", "personal-ada", "notifications --via teams", None).await?.1;
        ensure!(asked.is_some_and(|answer| answer.accepted()), "the wish is not taken");
        Ok(())
    }

    /// All conversations, with the people in them.
    pub(super) fn places(&self) -> anyhow::Result<Vec<Place>> {
        use At::{First, Second, Teams};
        let mut places = Vec::new();
        for (id, thread, typed, fate) in [
            (GENERAL, true, false, Fate::Revoked),
            ("C0DEVTEAM", false, true, Fate::Revoked),
            ("D0GRACE01", false, false, Fate::Revoked),
        ] {
            places.push(self.slack_place(First, id, thread, typed, fate)?);
        }
        self.office.second.put_channel(public("C0SECOUT1"));
        self.office.second.put_channel(public("C0SECTYP1"));
        for (id, thread, typed, fate) in [
            (LAB, true, false, Fate::Stays),
            ("C0SECTYP1", false, true, Fate::Stays),
            ("C0SECOUT1", true, false, Fate::Removed),
        ] {
            places.push(self.slack_place(Second, id, thread, typed, fate)?);
        }
        let people = self.people_of_teams()?;
        for (id, fate) in [
            (GROUP, Fate::Stays),
            (DEV, Fate::Stays),
            ("load-1", Fate::Moves),
            ("load-2", Fate::Shut(BotStanding::Absent)),
            ("load-3", Fate::Shut(BotStanding::DisabledByAdmin)),
            ("load-4", Fate::Lost),
            ("personal-linus", Fate::Shut(BotStanding::Blocked)),
            ("personal-grace", Fate::Stays),
        ] {
            let world = self.teams.world();
            let known = world.conversation(id).with_context(|| format!("no place {id}"))?;
            let alone = known.kind == seed::Kind::Personal;
            let mut here = people.clone();
            if alone {
                here = vec![id.trim_start_matches("personal-").to_owned()];
            } else {
                let ids = people.iter().filter_map(|name| world.user(name)).map(|user| user.id);
                let members = known.members.iter().cloned().chain(ids).collect();
                world.put_conversation(Conversation { members, ..known });
            }
            let thread =
                (id == DEV).then(|| self.teams_sender()?.say("ada", id, "let us talk here", None).context("a thread"));
            let thread = thread.transpose()?.map(|said| said.message.id);
            places.push(Place { at: Teams, id: id.to_owned(), thread, typed: false, alone, people: here, fate });
        }
        Ok(places)
    }

    fn slack_place(&self, at: At, id: &str, thread: bool, typed: bool, fate: Fate) -> anyhow::Result<Place> {
        let world = self.slack(at);
        let alone = id.starts_with('D');
        let mut people = vec!["U0GRACE01".to_owned()];
        if !alone {
            people = (0..PEOPLE).map(|number| format!("U0STORM{}{number:02}", &id[id.len() - 3..])).collect();
            let team = if at == At::Second { SECOND } else { TEAM };
            for person in &people {
                let name = person.to_lowercase();
                let (id, team) = (person.clone(), team.to_owned());
                world.put_user(User { id, real_name: name.clone(), name, team, standing: Standing::Member });
            }
        }
        let sender = self.office.sender(world)?;
        let thread = thread.then(|| sender.say(&people[0], id, "let us talk here", None)).transpose()?;
        let thread = thread.map(|said| said.message.ts);
        Ok(Place { at, id: id.to_owned(), thread, typed, alone, people, fate })
    }

    fn people_of_teams(&self) -> anyhow::Result<Vec<String>> {
        let world = self.teams.world();
        let known = world.user("grace").context("Grace is there")?;
        let names: Vec<String> = (0..PEOPLE).map(|number| format!("storm{number:02}")).collect();
        for (number, name) in names.iter().enumerate() {
            world.put_user(seed::User {
                id: format!("29:1{name}Q960rtvstKp8tKLl-3r8b6DoW0QxZim"),
                aad_object_id: Some(format!("57000000-51a1-4000-8000-{number:012}")),
                name: name.clone(),
                display_name: format!("Storm {number:02}"),
                ..known.clone()
            });
        }
        Ok(names)
    }
}

fn public(id: &str) -> Channel {
    Channel {
        id: id.into(),
        name: id.to_lowercase(),
        kind: Kind::Public,
        bot_is_member: true,
        with: None,
        archived: false,
        shared: false,
    }
}
