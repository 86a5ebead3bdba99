//! Two workspaces, an organisation of Enterprise Grid with two teams and two tenants of Teams at one bot: every ordered
//! pair of them is tried, and no token, card, task or name crosses.
//!
//! Who shares a tenant of ours does so by design (`src/app/installation.rs`, `src/app/teams.rs`): the teams of an
//! organisation for which the bot is installed as a whole, and the first workspace with the app's own Entra tenant. Those
//! pairs are the counter-proof: what is refused elsewhere works there, so that it is the tenant that is refused, and not
//! the way in which it is tried.

use std::collections::BTreeMap;

use ai_crm::actors::clock;
use ai_crm::sim::slack::message::Message as SlackMessage;
use ai_crm::sim::slack::oauth::Choice;
use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::seed::{Channel, Kind, Standing, TEAM, User, Workspace};
use ai_crm::sim::slack::{SharedWorld, SlackWorld};
use ai_crm::sim::teams::press::{Press, Shown};
use ai_crm::sim::teams::search::Search;
use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, OTHER_TENANT, TENANT};
use ai_crm::sim::teams::{App, Message, Sender, SenderConfig, TeamsSim, TeamsWorld};
use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::link::code_in;
use crate::oauth::{LAB, MARY, ORGANISATION, Office, SECOND};
use crate::stage::{PATIENCE, words, words_of};
use crate::support::until;
use crate::teams::shown;

const DEFAULT: &str = "default";

/// One of those who use the bot, by one person there.
struct Seat {
    /// The tenant of ours in which it is.
    tenant: String,
    /// The person's name as the bot knows it, which nobody else has.
    name: &'static str,
    /// Their id on the platform, or the word for them.
    person: &'static str,
    /// Where they talk to the bot.
    place: &'static str,
    at: At,
    /// What their task is called, which no other is.
    title: &'static str,
    /// What was made there.
    made: Made,
}

enum At {
    Slack(SharedWorld),
    Teams,
}

/// What one seat has that no other may get at.
#[derive(Debug, Default)]
struct Made {
    task: String,
    event: String,
    /// The message with the card, and the token of its button that starts the task.
    card: String,
    token: String,
}

/// A press that is not sent yet.
enum Pressed {
    Slack(SharedWorld, Request),
    Teams(String),
}

/// The bot with all of them.
struct World {
    office: Office,
    teams: TeamsSim,
    seats: Vec<Seat>,
}

/// A workspace with one person and one channel, beside those that every one has.
fn workspace(world: &SharedWorld, team: (&str, Option<&str>), person: (&str, &str), channel: &str) {
    let (id, organisation) = team;
    world.set_workspace(Workspace {
        id: id.into(),
        name: id.into(),
        domain: id.to_lowercase(),
        enterprise: organisation.map(|id| (id.into(), "Org".into())),
        org_install: organisation.is_some(),
    });
    let (user, name) = person;
    let real_name = name.to_owned();
    world.put_user(User { id: user.into(), name: name.into(), real_name, team: id.into(), standing: Standing::Member });
    world.put_channel(Channel {
        id: channel.into(),
        name: channel.to_lowercase(),
        kind: Kind::Public,
        bot_is_member: true,
        with: None,
        archived: false,
        shared: false,
    });
}

impl World {
    async fn set() -> anyhow::Result<Self> {
        crate::support::api::http_client()?;
        let teams = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
        let office = Office::set_with(
            None,
            &[
                ("MICROSOFT_APP_ID", APP_ID),
                ("MICROSOFT_APP_PASSWORD", APP_PASSWORD),
                ("MICROSOFT_APP_TENANT_ID", TENANT),
                ("MICROSOFT_LOGIN_URL", &teams.login_url()),
                ("MICROSOFT_OPENID_METADATA_URL", &teams.metadata_url()),
                ("MICROSOFT_SERVICE_HOSTS", &teams.service_host()),
                ("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "0"),
                ("AI_CRM__CHANNELS__TEAMS__TENANTS", OTHER_TENANT),
            ],
        )
        .await?;
        let (first, second) = (office.first().clone(), office.second.clone());
        workspace(&first, (TEAM, None), ("U0FIONA01", "fiona"), "C0FIRST01");
        let grid = ["T0GRIDONE", "T0GRIDTWO"].map(|_| SlackWorld::new("xoxb-nobody", clock::system()));
        workspace(&grid[0], ("T0GRIDONE", Some(ORGANISATION)), ("U0GIDEON1", "gideon"), "C0GRIDONE");
        workspace(&grid[1], ("T0GRIDTWO", Some(ORGANISATION)), ("U0GRETA01", "greta"), "C0GRIDTWO");
        grid.iter().for_each(|world| first.add_workspace(world));
        office.install_team(TEAM).await?;
        office.install_team(SECOND).await?;
        office.install(Choice::Organisation(ORGANISATION.into())).await?;

        let seat = |tenant: &str, (person, name), place, at, title| {
            let tenant = tenant.to_owned();
            Seat { tenant, name, person, place, at, title, made: Made::default() }
        };
        let of_org = format!("slack-{}", ORGANISATION.to_lowercase());
        let of_second = format!("slack-{}", SECOND.to_lowercase());
        let [one, two] = grid;
        let seats = vec![
            seat(DEFAULT, ("U0FIONA01", "fiona"), "C0FIRST01", At::Slack(first), "Apples of the first"),
            seat(&of_second, (MARY, "mary"), LAB, At::Slack(second), "Bananas of the second"),
            seat(&of_org, ("U0GIDEON1", "gideon"), "C0GRIDONE", At::Slack(one), "Cherries of grid one"),
            seat(&of_org, ("U0GRETA01", "greta"), "C0GRIDTWO", At::Slack(two), "Dates of grid two"),
            seat(DEFAULT, ("grace", "Grace Hopper"), "personal-grace", At::Teams, "Elderberries of the own tenant"),
            seat(
                &format!("teams-{OTHER_TENANT}"),
                ("stranger", "Sam Stranger"),
                "personal-stranger",
                At::Teams,
                "Figs of the other tenant",
            ),
        ];
        Ok(Self { office, teams, seats })
    }

    fn teams_sender(&self) -> anyhow::Result<Sender> {
        Ok(Sender::new(self.teams.world().clone(), SenderConfig::new(self.office.server.base_url()))?)
    }

    /// The bot's messages in a chat of Teams, oldest first.
    fn said(&self, place: &str) -> anyhow::Result<Vec<Message>> {
        let chat = self.teams.world().conversation(place).context("no such chat")?.id;
        Ok(self.teams.world().messages(&chat).into_iter().filter(Message::is_by_bot).collect())
    }

    /// The person of a seat says a line to the bot; the answer.
    async fn asks(&self, seat: &Seat, line: &str) -> anyhow::Result<String> {
        let At::Slack(world) = &seat.at else {
            let before = self.said(seat.place)?.len();
            let answer = self.teams_sender()?.say_and_deliver(seat.person, seat.place, line, None).await?.1;
            ensure!(answer.as_ref().is_some_and(ai_crm::sim::teams::Answer::accepted), "`{line}`: {answer:?}");
            return until(PATIENCE, "an answer in Teams", || async {
                Ok(self.said(seat.place)?.get(before).map(shown))
            })
            .await
            .with_context(|| format!("`{line}`: {}", self.office.plan.log()));
        };
        self.office.asks(world, seat.person, seat.place, line).await
    }

    /// A task is made, and what could be carried elsewhere is noted.
    async fn makes(&self, seat: &Seat) -> anyhow::Result<Made> {
        let answer = self.asks(seat, &format!("task create \"{}\"", seat.title)).await?;
        let task = answer.split(|c: char| !c.is_alphanumeric() && c != '-').find(|word| word.starts_with("T-"));
        let task = task.with_context(|| format!("no task: {answer}"))?.to_owned();
        let event = self.office.events(&seat.tenant).await?[0]["id"].as_str().context("an id")?.to_owned();
        let card = match &seat.at {
            At::Slack(world) => {
                let is_it = |message: &SlackMessage| message.bot_id.is_some() && words(message).contains(seat.title);
                world.messages(seat.place).into_iter().find(is_it).context("the card")?.ts
            }
            At::Teams => {
                self.said(seat.place)?.into_iter().find(|it| shown(it).contains(seat.title)).context("the card")?.id
            }
        };
        let token = self.button(seat, &card, "Start")?.1;
        Ok(Made { task, event, card, token })
    }

    /// A button of a card as it is: the request of a press on it, and the token that it carries.
    fn button(&self, seat: &Seat, card: &str, label: &str) -> anyhow::Result<(Pressed, String)> {
        let At::Slack(world) = &seat.at else {
            let press = Press { label, message: Some(card), ..Press::default() };
            let activity = self.teams_sender()?.prepare_press(seat.person, seat.place, &press)?.activity;
            let token = activity["value"]["action"]["data"]["ai-crm"]["token"].as_str();
            let token = token.with_context(|| format!("no token in {activity}"))?.to_owned();
            return Ok((Pressed::Teams(activity.to_string()), token));
        };
        let message = world.message(seat.place, card).context("the card")?;
        let buttons = message.blocks.iter().filter(|block| block["type"] == "actions");
        let mut buttons = buttons.flat_map(|block| block["elements"].as_array().into_iter().flatten());
        let found = buttons.find(|button| button["text"]["text"] == label).context("the button")?;
        let (id, token) = (found["action_id"].as_str().context("its id")?, found["value"].as_str().context("a token")?);
        let click = self.office.sender(world)?.prepare_click(seat.person, seat.place, card, id, None)?;
        Ok((Pressed::Slack(world.clone(), click.request), token.to_owned()))
    }

    /// The presses of a tenant, each by how it ended, oldest first.
    async fn presses(&self, tenant: &str) -> anyhow::Result<Vec<String>> {
        let events = self.office.events(tenant).await?.into_iter().rev();
        let presses = events.filter(|event| event["kind"] == "card_action");
        Ok(presses.filter_map(|event| event["state"].as_str().map(str::to_owned)).collect())
    }

    /// The person of a seat presses a button of their own card, which carries another token; how it ends.
    async fn presses_with(&self, seat: &Seat, token: &str) -> anyhow::Result<String> {
        let before = self.presses(&seat.tenant).await?.len();
        let (pressed, own) = self.button(seat, &seat.made.card, "Done")?;
        let accepted = match pressed {
            Pressed::Slack(world, request) => {
                let body = request.body.replace(&own, token);
                ensure!(body.contains(token), "the token is not in {body}");
                self.office.sender(&world)?.deliver(&Request { body, ..request }).await.accepted()
            }
            Pressed::Teams(activity) => {
                let activity = activity.replace(&own, token);
                ensure!(activity.contains(token), "the token is not in {activity}");
                self.teams_sender()?.deliver(&serde_json::from_str(&activity)?).await.accepted()
            }
        };
        ensure!(accepted, "the press is not taken");
        until(PATIENCE, "the press has ended", || async {
            let ended = self.presses(&seat.tenant).await?.get(before).cloned();
            Ok(ended.filter(|state| !["accepted", "running", "waiting"].contains(&state.as_str())))
        })
        .await
    }

    /// The form of one seat is sent as if it had been opened at another one, and then sent where it was.
    async fn sends_a_form(&self, of: &Seat, at: &Seat, titles: [&str; 2]) -> anyhow::Result<()> {
        if let (At::Slack(own), At::Slack(other)) = (&of.at, &at.at) {
            let mut requests = Vec::new();
            for ((world, seat), title) in [(other, at), (own, of)].into_iter().zip(titles) {
                let sender = self.office.sender(world)?;
                ensure!(sender.deliver(&sender.prepare_shortcut(seat.person, "task_create")?).await.accepted());
                let view = world.wait_for(PATIENCE, |world| world.views().pop()).await.context("no form")?.id;
                let filled = sender.fill_in(&view, &BTreeMap::from([("title".into(), title.into())]))?;
                let submit = sender.prepare_submit(&view, &filled)?;
                ensure!(sender.deliver(&sender.close_view(&view)?).await.accepted());
                requests.push((submit, view, sender));
            }
            let view = requests[1].1.clone();
            for (request, its, sender) in requests {
                let body = request.body.replace(&its, &view);
                ensure!(body.contains(&view) && sender.deliver(&Request { body, ..request }).await.accepted());
            }
        } else {
            let (sender, form) = (self.teams_sender()?, json!({"ai-crm": {"form": "task.create"}}));
            let Shown::Dialog { task } = sender.open_dialog(of.person, of.place, &form).await?.1 else {
                bail!("no dialog");
            };
            for (seat, title) in [at, of].into_iter().zip(titles) {
                let fill = [format!("title={title}")];
                let sent = sender.prepare_submit(seat.person, seat.place, &task, &fill, None)?;
                ensure!(sender.deliver(&sent).await.accepted());
            }
        }
        Ok(())
    }

    /// Every way to see many tasks from a seat, in one text.
    async fn sees(&self, seat: &Seat) -> anyhow::Result<String> {
        let mut seen = Vec::new();
        for line in ["task list --all", "my tasks", "status dashboard", "team status", "why"] {
            seen.push(self.asks(seat, line).await?);
        }
        if let At::Slack(world) = &seat.at {
            let sender = self.office.sender(world)?;
            ensure!(sender.deliver(&sender.open_tab(seat.person, "home")?).await.accepted());
            let home = world.wait_for(PATIENCE, |world| world.home(seat.person)).await.context("no Home")?;
            seen.push(words_of(home.view["blocks"].as_array().context("blocks")?));
        } else {
            for words in ["", "of"] {
                let search = Search { command: "task_search", parameter: "words", words, skip: 0 };
                match self.teams_sender()?.search(seat.person, seat.place, search).await?.1 {
                    Shown::Results { results } => seen.push(results.to_string()),
                    other => bail!("no results: {other:?}"),
                }
            }
        }
        Ok(seen.join("\n"))
    }

    /// All that the platform of a seat was ever told of there.
    fn shown_at(&self, seat: &Seat) -> anyhow::Result<String> {
        let At::Slack(world) = &seat.at else { return Ok(format!("{:?}", self.said(seat.place)?)) };
        let said: Vec<String> = world.posts().iter().map(|post| format!("{post:?}")).collect();
        let messages = world.messages(seat.place).into_iter().filter(|message| message.bot_id.is_some());
        let messages: Vec<String> = messages.map(|message| words(&message)).collect();
        Ok(format!("{}\n{}\n{:?}", said.join("\n"), messages.join("\n"), world.homes()))
    }

    fn pairs(&self, together: bool) -> Vec<(&Seat, &Seat)> {
        let all = self.seats.iter().flat_map(|a| self.seats.iter().map(move |b| (a, b)));
        all.filter(|(a, b)| a.title != b.title && (a.tenant == b.tenant) == together).collect()
    }

    /// Whatever was done: no title and no name stands where it does not belong, on the platforms and in the records.
    async fn nothing_has_crossed(&self) -> anyhow::Result<()> {
        for (a, b) in self.pairs(false) {
            let api = self.office.server.api();
            let rows = api.lines(&format!("/audit/export?tenant={}", b.tenant)).await?;
            let records = rows.iter().map(ToString::to_string).collect::<String>();
            ensure!(!self.shown_at(b)?.contains(a.title), "{} is shown to {}", a.title, b.name);
            ensure!(!records.contains(a.title) && !records.contains(a.name), "{} in the records of {}", a.name, b.name);
            ensure!(api.get(&format!("/audit/verify?tenant={}", b.tenant)).await?["valid"] == true);
        }
        for seat in &self.seats {
            if let At::Slack(world) = &seat.at {
                // Each workspace takes no token but its own, or its organisation's, and none for a place it has not.
                ensure!(world.violations().is_empty(), "{}: {:?}", seat.name, world.violations());
            }
        }
        ensure!(self.teams.world().violations().is_empty(), "{:?}", self.teams.world().violations());
        self.office.log_has_no_secret();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_pair_of_tenants_neither_sees_touches_or_names_what_is_the_others() -> anyhow::Result<()> {
    let mut world = World::set().await?;
    for at in 0..world.seats.len() {
        world.seats[at].made = world.makes(&world.seats[at]).await?;
    }
    let world = world;

    for seat in &world.seats {
        let seen = world.sees(seat).await?;
        for other in &world.seats {
            let is_seen = seen.contains(other.title);
            ensure!(is_seen == (other.tenant == seat.tenant), "{} to {}: {seen}", other.title, seat.name);
        }
    }
    let known = |said: &str, of: &Seat| said.contains(of.title) || said.contains(of.name);
    for (a, b) in world.pairs(false) {
        let pair = format!("of {} at {}", a.name, b.name);
        for line in [format!("task show {}", a.made.task), format!("why {}", a.made.event)] {
            let said = world.asks(b, &line).await?;
            ensure!(!known(&said, a), "{pair}: {line}: {said}");
        }
        let given = world.asks(b, &format!("task assign {} --to \"@{}\"", b.made.task, a.name)).await?;
        // Teams makes a mention of a first name, so that the bot is told another word.
        ensure!(given.contains("I do not know") || given.contains("nor a person whom I know"), "{pair}: {given}");
        if matches!((&a.at, &b.at), (At::Slack(_), At::Slack(_))) {
            let given = world.asks(b, &format!("task assign {} --to <@{}>", b.made.task, a.person)).await?;
            ensure!(given.contains("do not know"), "{pair}: {given}");
        }
        ensure!(world.presses_with(b, &a.made.token).await? == "refused", "{pair}");
    }
    for seat in &world.seats {
        let said = world.asks(seat, "task list --all").await?;
        ensure!(!said.contains("in-progress"), "a refused press did something: {said}");
        let said = world.asks(seat, &format!("task show {}", seat.made.task)).await?;
        ensure!(said.contains("nobody") && said.contains("todo"), "it was given to somebody: {said}");
    }
    world.nothing_has_crossed().await?;

    // The counter-proof: within a tenant the same steps work.
    for (a, b) in world.pairs(true) {
        let pair = format!("of {} at {}", a.name, b.name);
        let said = world.asks(b, &format!("task show {}", a.made.task)).await?;
        ensure!(said.contains(a.title), "{pair}: {said}");
        let given = world.asks(b, &format!("task assign {} --to \"@{}\"", b.made.task, a.name)).await?;
        ensure!(given.contains(a.name), "{pair}: {given}");
        ensure!(world.presses_with(b, &a.made.token).await? == "done", "{pair}");
        let said = world.asks(b, &format!("task show {}", a.made.task)).await?;
        ensure!(said.contains("in-progress"), "{pair}: {said}");
    }
    world.nothing_has_crossed().await?;
    ensure!(world.office.server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_pair_of_tenants_no_code_of_one_joins_a_person_of_the_other() -> anyhow::Result<()> {
    let world = World::set().await?;
    let mut codes = Vec::new();
    for seat in &world.seats {
        codes.push(code_in(&world.asks(seat, "link").await?)?);
    }
    for (seat, code) in world.seats.iter().zip(&codes) {
        for other in world.seats.iter().filter(|other| other.tenant != seat.tenant) {
            let said = world.asks(other, &format!("link {code}")).await?;
            // The fifth is looked up like the others, and is the last.
            let refused = said.contains("no code that works") || said.contains("too many wrong codes");
            ensure!(refused, "of {} at {}: {said}", seat.name, other.name);
        }
    }
    for seat in &world.seats {
        let said = world.asks(seat, "whoami").await?;
        ensure!(said.contains(seat.name) && !said.contains("Linked: "), "{said}");
    }
    // What was typed elsewhere has not used it up: within its tenant it still works.
    let (first, own) = (&world.seats[0], &world.seats[4]);
    ensure!(first.tenant == own.tenant);
    let said = world.asks(own, &format!("link {}", codes[0])).await?;
    ensure!(said.contains("You are one person here and there"), "{said}");
    world.nothing_has_crossed().await?;
    ensure!(world.office.server.stop().await?.success());
    Ok(())
}

/// What is in a form is no secret and gives no right: it is what the person says who sends it, in their own tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_one_tenant_that_is_sent_in_another_acts_there_alone_and_is_not_used_up() -> anyhow::Result<()> {
    let world = World::set().await?;
    let is_slack = |seat: &Seat| matches!(seat.at, At::Slack(_));
    let mut made: Vec<(&str, String)> = Vec::new();
    for (a, b) in world.pairs(false).into_iter().filter(|(a, b)| is_slack(a) == is_slack(b)) {
        let titles = [format!("Sent at {} not of {}", b.name, a.name), format!("Sent by {} after {}", a.name, b.name)];
        world.sends_a_form(a, b, [&titles[0], &titles[1]]).await?;
        made.extend([b.tenant.as_str(), a.tenant.as_str()].into_iter().zip(titles));
    }
    ensure!(made.len() == 2 * (10 + 2), "{made:?}");
    for seat in &world.seats {
        let wanted = made.iter().filter(|(tenant, _)| *tenant == seat.tenant).count();
        until(PATIENCE, "the forms of a tenant are handled", || async {
            let events = world.office.events(&seat.tenant).await?.into_iter();
            let done = events.filter(|event| event["kind"] == "form_submitted" && event["state"] == "done");
            Ok((done.count() == wanted).then_some(()))
        })
        .await?;
        let listed = world.asks(seat, "task list --limit 100").await?;
        for (tenant, title) in &made {
            ensure!(listed.contains(title) == (*tenant == seat.tenant), "{title} in {}: {listed}", seat.tenant);
            ensure!(*tenant == seat.tenant || !world.shown_at(seat)?.contains(title), "{title} at {}", seat.name);
        }
    }
    ensure!(world.office.server.stop().await?.success());
    Ok(())
}
