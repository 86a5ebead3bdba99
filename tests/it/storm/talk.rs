//! What people do in one conversation while it storms: one thing after the other, each until the bot has accepted it, as
//! both platforms repeat what was not.

use std::collections::VecDeque;

use ai_crm::sim::slack::clicks::PreparedClick;
use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::sender::PreparedSlash;
use ai_crm::sim::slack::{Answer, Sender, SenderConfig};
use ai_crm::sim::teams::Variant;
use ai_crm::sim::teams::delivery::Signed;
use ai_crm::sim::teams::press::Press;
use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Storm;
use super::places::{At, Fate, Place};
use crate::stage::{PATIENCE, controls, words};
use crate::support::server::SIGNING_SECRET;
use crate::teams::shown;

/// What is done in each conversation.
pub(super) const EACH: usize = 20;
/// Cards in each conversation that are pressed.
pub(super) const CARDS: usize = 4;
/// Tries of one delivery; a socket that has gone dead costs one.
const TRIES: usize = 25;

/// In which way somebody asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Said, by mention or to the bot alone.
    Said,
    /// Typed as a slash command.
    Typed,
    /// A button pressed on the card of a task.
    Pressed { task: String, card: String },
    /// Said, and answered for the asker's eyes alone.
    ForOne,
}

/// What somebody did and the bot accepted.
#[derive(Debug, Clone)]
pub(super) struct Gesture {
    /// The number of the conversation.
    pub(super) place: usize,
    /// What its answer says and no other.
    pub(super) title: String,
    /// The line that the bot understands.
    pub(super) line: String,
    pub(super) way: Way,
    /// Whether what befell the conversation had done so.
    pub(super) after: bool,
}

/// A card to be pressed: its task, its message, and who made it.
#[derive(Debug, Clone)]
pub(super) struct Card {
    task: String,
    message: String,
    by: String,
}

/// What a platform is to tell the bot.
enum Letter {
    Events(Vec<Request>),
    Slash(PreparedSlash),
    Click(PreparedClick),
    Activity(Signed),
}

impl Storm {
    /// Before it storms: cards to be pressed.
    pub(super) async fn cards(&self, index: usize) -> anyhow::Result<VecDeque<Card>> {
        let (place, mut dice) = (&self.places[index], StdRng::seed_from_u64(0));
        let mut cards = VecDeque::new();
        for number in 0..CARDS {
            let by = place.people[number % place.people.len()].clone();
            let title = format!("card-{index:02}-{number:02}");
            let letter = self.say(place, &by, &format!("task create {title}"))?;
            self.deliver(place, &letter, &mut dice).await?;
            let (message, words) = self.sees(place, &title).await?;
            let task = words.split(|c: char| !c.is_alphanumeric() && c != '-').find(|word| word.starts_with("T-"));
            let task = task.with_context(|| format!("no task in {words}"))?.to_owned();
            cards.push_back(Card { task, message, by });
        }
        Ok(cards)
    }

    /// All that is done in one conversation.
    pub(super) async fn talk(&self, index: usize, mut cards: VecDeque<Card>) -> anyhow::Result<Vec<Gesture>> {
        let place = &self.places[index];
        let mut dice = StdRng::seed_from_u64(self.seed.wrapping_add(1000 + index as u64));
        // Of a place in which the bot is not, nothing is told; what is to reach it then was said before.
        let mut written = VecDeque::new();
        let mut done = Vec::new();
        for number in 0..EACH {
            if number == EACH / 2 {
                if matches!(place.fate, Fate::Removed | Fate::Shut(_) | Fate::Lost) {
                    written = (number..EACH).map(|it| self.next(index, it, &mut cards)).collect::<Result<_, _>>()?;
                }
                self.befall(place, index, &mut dice).await?;
            }
            let (mut gesture, letter) = match written.pop_front() {
                Some(next) => next,
                None => self.next(index, number, &mut cards)?,
            };
            gesture.after = number >= EACH / 2;
            self.deliver(place, &letter, &mut dice).await.with_context(|| format!("{gesture:?}"))?;
            self.accepted();
            done.push(gesture);
        }
        Ok(done)
    }

    /// The next thing that somebody does.
    fn next(&self, index: usize, number: usize, cards: &mut VecDeque<Card>) -> anyhow::Result<(Gesture, Letter)> {
        let place = &self.places[index];
        let by = &place.people[number % place.people.len()];
        let title = format!("storm-{index:02}-{number:02}");
        let gesture = |line: String, way| Gesture { place: index, title: title.clone(), line, way, after: false };
        if number % 4 == 1
            && let Some(card) = cards.pop_front()
        {
            let letter = self.press(place, &card)?;
            return Ok((gesture(String::new(), Way::Pressed { task: card.task, card: card.message }), letter));
        }
        if number % 6 == 3 && !place.typed && !place.alone {
            // What cannot be done is told to the asker alone, and names what nobody else has asked for.
            let title = format!("T-9{index:02}{number:02}");
            let line = format!("task show {title}");
            let letter = self.say(place, by, &line)?;
            return Ok((Gesture { title, ..gesture(line, Way::ForOne) }, letter));
        }
        let line = format!("task create {title}");
        let letter = self.say(place, by, &line)?;
        Ok((gesture(line, if place.typed { Way::Typed } else { Way::Said }), letter))
    }

    fn say(&self, place: &Place, by: &str, line: &str) -> anyhow::Result<Letter> {
        if place.at == At::Teams {
            let text = if place.alone { line.to_owned() } else { format!("@AI-CRM {line}") };
            let sender = self.coast.teams_sender()?;
            let said = sender.say(by, &place.id, &text, place.thread.as_deref())?;
            let said = said.activity.context("the bot is told nothing of it")?;
            // Its token is that of the connector at which the conversation is at this moment.
            return Ok(Letter::Activity(sender.sign(&said, Variant::Genuine)));
        }
        let sender = self.slack_sender(place)?;
        if place.typed {
            return Ok(Letter::Slash(sender.prepare_slash(by, &place.id, "/ai-crm", line)?));
        }
        let text = if place.alone { line.to_owned() } else { format!("<@U0BOT0001> {line}") };
        Ok(Letter::Events(sender.say(by, &place.id, &text, place.thread.as_deref())?.events))
    }

    fn press(&self, place: &Place, card: &Card) -> anyhow::Result<Letter> {
        if place.at == At::Teams {
            let press = Press { label: "Start", message: Some(&card.message), ..Press::default() };
            let sender = self.coast.teams_sender()?;
            let pressed = sender.prepare_press(&card.by, &place.id, &press)?.activity;
            return Ok(Letter::Activity(sender.sign(&pressed, Variant::Genuine)));
        }
        let message = self.coast.slack(place.at).message(&place.id, &card.message).context("the card")?;
        let start = controls(&message).get("Start").cloned().context("a card can be pressed")?;
        let click = self.slack_sender(place)?.prepare_click(&card.by, &place.id, &card.message, &start, None)?;
        Ok(Letter::Click(click))
    }

    fn slack_sender(&self, place: &Place) -> anyhow::Result<Sender> {
        self.coast.office.sender(self.coast.slack(place.at))
    }

    /// Tells the bot, by a road that chance picks, and again until it has accepted it.
    async fn deliver(&self, place: &Place, letter: &Letter, dice: &mut StdRng) -> anyhow::Result<()> {
        match letter {
            Letter::Activity(activity) => {
                let sender = self.coast.teams_sender()?;
                let twice = dice.random_bool(0.15);
                for _ in 0..TRIES {
                    let first = sender.send(activity);
                    let second = async { if twice { Some(sender.send(activity).await) } else { None } };
                    let (first, second) = tokio::join!(first, second);
                    if first.accepted() || second.is_some_and(|answer| answer.accepted()) {
                        return Ok(());
                    }
                }
                anyhow::bail!("Teams gives up: {}", activity.body)
            }
            Letter::Events(events) => {
                // Of one mention Slack tells by several events, all at the same time.
                let ways: Vec<(bool, bool)> =
                    events.iter().map(|_| (dice.random_bool(0.4), dice.random_bool(0.15))).collect();
                let told = events.iter().zip(ways).map(|(event, way)| self.by_either(place, event, way));
                futures_util::future::try_join_all(told).await.map(drop)
            }
            Letter::Click(click) => {
                let way = (dice.random_bool(0.4), dice.random_bool(0.15));
                self.by_either(place, &click.request, way).await.map(drop)
            }
            Letter::Slash(command) => {
                let answer = self.by_either(place, &command.request, (dice.random_bool(0.4), false)).await?;
                let result = self.slack_sender(place)?.finish_slash(command, answer);
                ensure!(result.error.is_none(), "{result:?}");
                Ok(())
            }
        }
    }

    /// Sends a request over a socket or as a request, perhaps twice, and by the other road where it was not taken.
    async fn by_either(
        &self,
        place: &Place,
        request: &Request,
        (mut by_socket, twice): (bool, bool),
    ) -> anyhow::Result<Answer> {
        let by_http = self.slack_sender(place)?;
        // Sockets are the app's, not a workspace's.
        let config = SenderConfig { by_socket: true, ..SenderConfig::new(by_http.base_url(), SIGNING_SECRET) };
        let over_sockets = Sender::new(self.coast.first().clone(), config)?;
        for _ in 0..TRIES {
            let sender = if by_socket { &over_sockets } else { &by_http };
            let second = async { if twice { Some(by_http.deliver(request).await) } else { None } };
            let (first, second) = tokio::join!(sender.deliver(request), second);
            if let Some(taken) = Some(first).into_iter().chain(second).find(Answer::accepted) {
                return Ok(taken);
            }
            by_socket = !by_socket;
        }
        anyhow::bail!("Slack gives up: {request:?}")
    }

    /// The bot's message in a conversation that says something: its id and its words.
    async fn sees(&self, place: &Place, title: &str) -> anyhow::Result<(String, String)> {
        let log = || format!("nobody sees {title} in {}: {}", place.id, self.coast.office.plan.log());
        let found = |place: &Place| self.said(place).into_iter().find(|(_, words)| words.contains(title));
        let seen = match place.at {
            At::Teams => self.coast.teams.world().wait_for(PATIENCE, |_| found(place)).await,
            at => self.coast.slack(at).wait_for(PATIENCE, |_| found(place)).await,
        };
        seen.with_context(log)
    }

    /// The bot's messages in a conversation, oldest first: id and words.
    pub(super) fn said(&self, place: &Place) -> Vec<(String, String)> {
        if place.at == At::Teams {
            let said = self.coast.teams.world().messages(&place.id).into_iter().filter(|it| it.is_by_bot());
            return said.map(|message| (message.id.clone(), shown(&message))).collect();
        }
        let said = self.coast.slack(place.at).messages(&place.id).into_iter().filter(|it| it.bot_id.is_some());
        said.map(|message| (message.ts.clone(), words(&message))).collect()
    }

    /// What befalls a conversation.
    async fn befall(&self, place: &Place, index: usize, dice: &mut StdRng) -> anyhow::Result<()> {
        let teams = self.coast.teams.world();
        match place.fate {
            Fate::Stays => {}
            // One of its conversations is enough for all of them.
            Fate::Revoked if index > 0 => {}
            Fate::Revoked => self.coast.revoke(dice).await?,
            Fate::Removed => self.coast.office.second.remove_bot(&place.id),
            Fate::Shut(standing) => ensure!(teams.set_standing(&place.id, standing), "no such place"),
            Fate::Moves | Fate::Lost => ensure!(teams.move_to(&place.id, "amer"), "no such place"),
        }
        Ok(())
    }
}
