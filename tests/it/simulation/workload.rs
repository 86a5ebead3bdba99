//! What people do in one world: who says what where, and how often the platform says it to us.

use ai_crm::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use ai_crm::domain::ids::{LaneKey, TenantId};

use super::dice::Dice;
use super::platform::Control;

/// People whom the platform knows, and one whom it does not.
const PEOPLE: [&str; 6] = ["U1", "U2", "U3", "U4", "U5", "U404"];

/// Where people speak: a lane of a tenant, and the conversation that is answered.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) tenant: TenantId,
    installation: String,
    lane: LaneKey,
    place: String,
    thread: Option<String>,
}

/// What must be there, once, if what was asked was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Promise {
    /// Nothing that can be counted.
    Nothing,
    /// A task of this title.
    Task(String),
    /// A comment of these words.
    Comment(String),
}

/// Something that happened once on the platform, however often it is delivered.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) number: usize,
    pub(super) room: Room,
    pub(super) promise: Promise,
    person: Option<&'static str>,
    by_route: bool,
    kind: EventKind,
}

impl Happening {
    /// What stands in the body of every delivery of it.
    pub(super) fn mark(&self) -> String {
        format!("happening {}", self.number)
    }

    /// One delivery of it, under an id of its own.
    pub(super) fn delivery(&self, delivery: u64) -> Incoming {
        let room = &self.room;
        let route = self.by_route.then(|| format!("https://hooks.example/{}", self.number));
        Incoming {
            channel: ChannelName::Slack,
            installation: room.installation.clone(),
            organisation: None,
            dedupe: vec![format!("delivery {delivery}"), self.mark()],
            lane: room.lane.clone(),
            from: self.person.map(|id| PlatformUser {
                channel: ChannelName::Slack,
                realm: room.installation.clone(),
                id: id.to_owned(),
            }),
            place: Some(Place { id: room.place.clone(), kind: PlaceKind::Public, shared: false }),
            reply: Some(Address {
                thread: room.thread.clone(),
                person: self.person.map(str::to_owned),
                route,
                ..Address::at(ChannelName::Slack, room.installation.clone(), room.place.clone())
            }),
            kind: self.kind.clone(),
            proof: "simulated".to_owned(),
            reach: None,
            happened: None,
            raw: bytes::Bytes::from(self.mark()),
        }
    }
}

/// The rooms and people of one world.
pub(super) struct Workload {
    dice: Dice,
    rooms: Vec<Room>,
    people: usize,
    tasks: u64,
    happened: usize,
}

impl Workload {
    pub(super) fn new(mut dice: Dice) -> Self {
        let rooms = dice.between(1, 6);
        let tenants = dice.between(1, 2);
        let rooms = (0..rooms).map(|number| Room {
            tenant: if number % tenants == 0 { TenantId::default_tenant() } else { second_tenant() },
            installation: format!("T{}", number % tenants),
            lane: LaneKey(format!("lane {number}").into()),
            // Two lanes may answer into one place.
            place: format!("C{}", number / 2),
            thread: dice.happens(500).then(|| format!("1700.{number}")),
        });
        let rooms = rooms.collect();
        let people = usize::try_from(dice.between(1, PEOPLE.len() as u64)).expect("invariant: a small number");
        Self { dice, rooms, people, tasks: 0, happened: 0 }
    }

    /// Every tenant there is.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> = self.rooms.iter().map(|room| room.tenant.clone()).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }

    /// The next thing that happens; `control` is something that can be pressed.
    pub(super) fn next(&mut self, control: Option<Control>) -> Happening {
        let number = self.happened;
        self.happened += 1;
        let room = self.dice.pick(&self.rooms).clone();
        let (kind, promise) = self.kind(number, control.filter(|control| control.tenant == room.tenant));
        let person = *self.dice.pick(&PEOPLE[..self.people]);
        let by_route = matches!(kind, EventKind::Command { .. }) && self.dice.happens(300);
        Happening { number, room, promise, person: Some(person), by_route, kind }
    }

    fn kind(&mut self, number: usize, control: Option<Control>) -> (EventKind, Promise) {
        let command = |line: String| EventKind::Command { line };
        let plain = |line: String| (command(line), Promise::Nothing);
        let task = format!("T-{}", self.dice.between(1, self.tasks.max(1)));
        match self.dice.below(100) {
            0..32 => {
                self.tasks += 1;
                let title = format!("Item {number}");
                let due = *self.dice.pick(&["", "", " --due today", " --due tomorrow", " --due +3d"]);
                (command(format!("task create \"{title}\"{due}")), Promise::Task(title))
            }
            32..46 => {
                let words = format!("remark {number}");
                (command(format!("task comment {task} {words}")), Promise::Comment(words))
            }
            46..52 => plain(format!("task update {task} --status in-progress --due tomorrow")),
            52..58 => plain(format!("task done {task}")),
            58..62 => plain("task list".to_owned()),
            62..65 => plain(format!("pm analyze {task}")),
            65..68 => plain("help".to_owned()),
            68..72 => plain("mumble grumble".to_owned()),
            72..80 => {
                let name = "message_changed".to_owned();
                let ignore = self.dice.happens(500).then(|| "nobody asked".to_owned());
                (EventKind::platform(name, ignore), Promise::Nothing)
            }
            _ => match control {
                Some(Control { token, choice, .. }) => {
                    (EventKind::CardAction { token, choice, message: None }, Promise::Nothing)
                }
                None => plain("task list --status todo".to_owned()),
            },
        }
    }
}

fn second_tenant() -> TenantId {
    "second".parse().expect("invariant: a tenant's name")
}
