//! Members of the stand-in's workspace who write to the bot without end: slash commands, mentions, plain messages.
//!
//! A lane is one member who writes one thing after the other, each until it is acknowledged, as Slack repeats what was
//! not. A quarter of the requests are sent twice at the same time. Every text is unique and says its lane and its
//! number, so that a test can ask the bot for each. What must have become of them stands in the tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ai_crm::sim::slack::payload::Request;
use ai_crm::sim::slack::seed::BOT_USER;
use ai_crm::sim::slack::{Answer, Sender, SenderConfig, SharedWorld};
use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::server::SIGNING_SECRET;

/// Pause before something that was not acknowledged is sent again.
const AGAIN: Duration = Duration::from_millis(20);

/// Comments that one task gets; it remembers so many and no more.
pub(crate) const COMMENTS_PER_TASK: usize = 100;

/// What a lane writes.
#[derive(Debug, Clone)]
pub(crate) enum Habit {
    /// `task create` by slash command.
    Creates,
    /// `task comment` by slash command, on these tasks in turn.
    Comments(Vec<String>),
    /// `task create` by mentions in a thread; each is told by two events.
    Mentions,
    /// Words in a thread that are not for the bot.
    Chats,
}

/// One member in one place of their own.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// Begins every text of the lane.
    pub(crate) name: String,
    /// What is written.
    pub(crate) habit: Habit,
}

impl Lane {
    /// A lane; its name is letters and digits.
    pub(crate) fn new(name: &str, habit: Habit) -> Self {
        Self { name: name.to_owned(), habit }
    }

    /// The member.
    pub(crate) fn user(&self) -> String {
        format!("U0LOAD{}", self.name.to_uppercase())
    }

    /// The channel, which no other lane uses.
    pub(crate) fn channel(&self) -> String {
        format!("C0LOAD{}", self.name.to_uppercase())
    }
}

/// Something that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    /// The name of its lane.
    pub(crate) lane: String,
    /// Its unique words: the title of a task, the text of a comment or a message.
    pub(crate) words: String,
    /// The command that the bot is to understand; none where it is not addressed.
    pub(crate) command: Option<String>,
    /// The task that is commented.
    pub(crate) on_task: Option<String>,
    /// The platform's ids of the events that tell of it.
    pub(crate) event_ids: Vec<String>,
}

/// Who is told of an acknowledgement; false ends the lane.
pub(crate) type OnAcknowledged = Arc<dyn Fn(&Happening) -> bool + Send + Sync>;

/// What was counted over all lanes.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Requests sent, repeats and duplicates included.
    pub(crate) sent: AtomicU64,
    /// Requests sent twice at once.
    pub(crate) doubled: AtomicU64,
    /// Repeats of what was not acknowledged.
    pub(crate) repeated: AtomicU64,
    /// Answers other than 2xx, and none at all.
    pub(crate) refused: AtomicU64,
}

/// Lanes at work.
pub(crate) struct Load {
    lanes: JoinSet<anyhow::Result<Vec<Happening>>>,
    reachable: watch::Sender<Option<Arc<Sender>>>,
    world: SharedWorld,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Load {
    /// Starts the lanes; nothing is sent before [`Load::reach`] says where.
    pub(crate) fn start(
        world: &SharedWorld,
        lanes: Vec<Lane>,
        seed: u64,
        on_acknowledged: &OnAcknowledged,
    ) -> anyhow::Result<Self> {
        let reachable = watch::Sender::new(None);
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let mut tasks = JoinSet::new();
        for (number, lane) in (0..).zip(lanes) {
            let member = Member {
                pen: sender(world, "http://127.0.0.1:9")?,
                lane,
                thread: None,
                next: 0,
                random: StdRng::seed_from_u64(seed.wrapping_add(number)),
                reachable: reachable.subscribe(),
                stop: stop.clone(),
                counts: counts.clone(),
                on_acknowledged: on_acknowledged.clone(),
            };
            tasks.spawn(member.write_on());
        }
        Ok(Self { lanes: tasks, reachable, world: world.clone(), stop, counts })
    }

    /// The bot is there from here on.
    pub(crate) fn reach(&self, base_url: &str) -> anyhow::Result<()> {
        self.reachable.send_replace(Some(Arc::new(sender(&self.world, base_url)?)));
        Ok(())
    }

    /// The bot is about to go away: what is under way breaks off, and nothing new is sent.
    pub(crate) fn lose(&self) {
        self.reachable.send_replace(None);
    }

    /// Figures of what was sent so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Lets every lane end with what it has in hand, acknowledged; all that was acknowledged, lane by lane in order.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Vec<Happening>> {
        self.stop.store(true, Ordering::Relaxed);
        self.gather().await
    }

    /// Waits until every lane has ended by itself.
    pub(crate) async fn gather(&mut self) -> anyhow::Result<Vec<Happening>> {
        let mut all = Vec::new();
        while let Some(lane) = self.lanes.join_next().await {
            all.extend(lane??);
        }
        Ok(all)
    }
}

/// Slack, as it writes to a bot at `base_url`.
pub(crate) fn sender(world: &SharedWorld, base_url: &str) -> anyhow::Result<Sender> {
    // reqwest needs a default TLS provider; one that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Sender::new(world.clone(), SenderConfig::new(base_url, SIGNING_SECRET))?)
}

/// A lane at work.
struct Member {
    /// Makes requests; sends none.
    pen: Sender,
    lane: Lane,
    /// The thread in which the lane speaks, once it has one.
    thread: Option<String>,
    next: usize,
    random: StdRng,
    reachable: watch::Receiver<Option<Arc<Sender>>>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    on_acknowledged: OnAcknowledged,
}

impl Member {
    async fn write_on(mut self) -> anyhow::Result<Vec<Happening>> {
        let mut acknowledged = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let (mut happening, requests) = self.write()?;
            for request in &requests {
                if !self.deliver(request).await {
                    return Ok(acknowledged);
                }
            }
            happening.event_ids = requests.iter().filter_map(event_id).collect();
            let goes_on = (self.on_acknowledged)(&happening);
            acknowledged.push(happening);
            if !goes_on {
                break;
            }
        }
        Ok(acknowledged)
    }

    /// The next thing and the requests that tell of it.
    fn write(&mut self) -> anyhow::Result<(Happening, Vec<Request>)> {
        let number = self.next;
        self.next += 1;
        let words = format!("{}-{number:06}", self.lane.name);
        let (user, channel) = (self.lane.user(), self.lane.channel());
        let mut happening = Happening {
            lane: self.lane.name.clone(),
            words: words.clone(),
            command: None,
            on_task: None,
            event_ids: Vec::new(),
        };
        let requests = match &self.lane.habit {
            Habit::Creates => {
                let command = format!("task create {words}");
                let request = self.pen.prepare_slash(&user, &channel, "/ai-crm", &command)?.request;
                happening.command = Some(command);
                vec![request]
            }
            Habit::Comments(tasks) => {
                let task = tasks.get(number / COMMENTS_PER_TASK).context("the lane has no task left to comment")?;
                let command = format!("task comment {task} {words}");
                let request = self.pen.prepare_slash(&user, &channel, "/ai-crm", &command)?.request;
                happening.on_task = Some(task.clone());
                happening.command = Some(command);
                vec![request]
            }
            Habit::Mentions => {
                let command = format!("task create {words}");
                let requests = self.say(&user, &channel, &format!("<@{BOT_USER}> {command}"))?;
                happening.command = Some(command);
                requests
            }
            Habit::Chats => self.say(&user, &channel, &words)?,
        };
        Ok((happening, requests))
    }

    fn say(&mut self, user: &str, channel: &str, text: &str) -> anyhow::Result<Vec<Request>> {
        if self.thread.is_none() {
            // Nobody is told of the words that open the thread.
            self.thread = Some(self.pen.say(user, channel, "let us talk here", None)?.message.ts);
        }
        Ok(self.pen.say(user, channel, text, self.thread.as_deref())?.events)
    }

    /// Sends until it is acknowledged; false where nobody is there to acknowledge it any more.
    async fn deliver(&mut self, request: &Request) -> bool {
        loop {
            let Ok(sender) = self.reachable.wait_for(Option::is_some).await.map(|sender| sender.clone()) else {
                return false;
            };
            let Some(sender) = sender else { return false };
            if self.send(&sender, request).await {
                return true;
            }
            if self.reachable.has_changed().is_err() {
                return false;
            }
            self.counts.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn send(&mut self, sender: &Sender, request: &Request) -> bool {
        let answers: Vec<Answer> = if self.random.random_bool(0.25) {
            self.counts.doubled.fetch_add(1, Ordering::Relaxed);
            let (one, other) = tokio::join!(sender.deliver(request), sender.deliver(request));
            vec![one, other]
        } else {
            vec![sender.deliver(request).await]
        };
        let refused = answers.iter().filter(|answer| !answer.accepted()).count();
        self.counts.sent.fetch_add(answers.len() as u64, Ordering::Relaxed);
        self.counts.refused.fetch_add(refused as u64, Ordering::Relaxed);
        refused < answers.len()
    }
}

fn event_id(request: &Request) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(&request.body).ok()?;
    body["event_id"].as_str().map(str::to_owned)
}
