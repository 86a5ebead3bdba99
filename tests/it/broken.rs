//! What breaks alone: a handler that panics, a channel whose platform never takes anything. The rest answers, and
//! both are seen by whoever looks. And what is approved, where its asker or its handler is gone by then.
//!
//! No shipped handler panics, so the first is put together here from the library's parts, with an analyst that does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ai_crm::actors::board::{Board, Condition};
use ai_crm::actors::clock;
use ai_crm::actors::delivery::{self, Deliverer, Dice};
use ai_crm::actors::identify::{Asking, Identifier};
use ai_crm::actors::metrics::{DeliveryMetrics, RouterMetrics};
use ai_crm::actors::router::{Patience, Router};
use ai_crm::actors::sign::Signer;
use ai_crm::actors::tree::{Arguments, Entrance, Tree};
use ai_crm::channels::terminal::{self, TerminalChannel};
use ai_crm::channels::{Channel, Delivery};
use ai_crm::commands;
use ai_crm::config::catalog::Catalog;
use ai_crm::config::people::People;
use ai_crm::domain::action::ActionClaim;
use ai_crm::domain::approval::Approval;
use ai_crm::domain::card::Audience;
use ai_crm::domain::event::{ChannelName, EventKind, PlatformUser};
use ai_crm::domain::ids::{ApprovalId, EventId, TaskId, TenantId};
use ai_crm::domain::principal::Standing;
use ai_crm::ledger::inbox::Inbox;
use ai_crm::ledger::operate::{self, Replayed};
use ai_crm::ledger::settled::Settlements;
use ai_crm::pm::fit::Recommendation;
use ai_crm::pm::{Analysis, Analyst, Brief, OfflineAnalyst};
use ai_crm::policy::{Allowlists, Live, PolicySet, Source, embedded_sources};
use ai_crm::sim::slack::fault::Faults;
use ai_crm::store::engine::Order;
use ai_crm::store::keyspace::event::{self, End};
use ai_crm::store::keyspace::{approval, person, task};
use ai_crm::store::memory::Memory;
use ai_crm::store::seal::Keyring;
use ai_crm::store::{Batch, Store, View};
use ai_crm::tools;
use ai_crm::tools::why as tell;
use anyhow::{Context, anyhow, bail};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use crate::stage::{ADA, DEV, PATIENCE, Stage, words};
use crate::support::until;

/// Panics until it is mended.
struct Panicking {
    mended: AtomicBool,
    sane: OfflineAnalyst,
}

impl Analyst for Panicking {
    fn analyse(&self, brief: &Brief) -> Analysis {
        assert!(self.mended.load(Ordering::Relaxed), "the index is out of its mind");
        self.sane.analyse(brief)
    }

    fn recommend(&self, brief: &Brief) -> Vec<Recommendation> {
        self.sane.recommend(brief)
    }
}

/// The actors over a store in memory, spoken to by the terminal.
struct Bot {
    store: Store,
    inbox: Inbox,
    tree: Tree,
    board: Board,
    terminal: Arc<TerminalChannel>,
    signer: Arc<Signer>,
    analyst: Arc<Panicking>,
}

impl Bot {
    async fn start() -> anyhow::Result<Self> {
        Self::start_with(embedded_sources()).await
    }

    async fn start_with(policies: Vec<Source>) -> anyhow::Result<Self> {
        let (clock, tenant) = (clock::system(), TenantId::default_tenant());
        let store = Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), clock.clone())?;
        let signer = Arc::new(Signer::default());
        signer.prepare(&store, &tenant, [7; 32]).await?;
        let terminal = Arc::new(TerminalChannel::default());
        let channels: HashMap<ChannelName, Arc<dyn Channel>> =
            HashMap::from([(ChannelName::Terminal, terminal.clone() as Arc<dyn Channel>)]);
        let inbox = Inbox::open(store.clone(), clock.clone())?;
        let dice: Dice = Arc::new(|| 0.5);
        let policies = PolicySet::load(&commands::actions(), policies, &Allowlists::default());
        let policies = policies.map_err(|issues| anyhow!("{issues:?}"))?;
        let catalog = Catalog::embedded(&tools::known_tools()).map_err(|issues| anyhow!("{issues:?}"))?;
        let catalog = Arc::new(catalog);
        let sane = OfflineAnalyst::new(catalog.clone());
        let analyst = Arc::new(Panicking { mended: AtomicBool::new(false), sane });
        let pauses = (Duration::from_millis(5), Duration::from_millis(20), Duration::from_secs(3600));
        let router = Router {
            inbox: inbox.clone(),
            identifier: Identifier {
                channels: channels.clone(),
                clock: clock.clone(),
                people: People::default(),
                timeout: Duration::from_secs(1),
                short_timeout: Duration::from_secs(1_000_000),
                asking: Asking::new(Board::default()),
            },
            policies: Arc::new(Live::new(policies)),
            signer: signer.clone(),
            workflows: Arc::default(),
            sync: ai_crm::domain::sync::Table::default(),
            catalog,
            analyst: analyst.clone(),
            links: None,
            settlements: Settlements::default(),
            patience: Patience {
                most_attempts: 3,
                first_pause: pauses.0,
                most_pause: pauses.1,
                give_up_after: pauses.2,
                shelf_life: pauses.2,
                approval_waits: Duration::from_secs(86_400),
            },
            dice: dice.clone(),
            disconnected: Arc::new(|| ()),
            metrics: Arc::new(RouterMetrics::default()),
        };
        let patience = delivery::Patience {
            first_pause: pauses.0,
            most_pause: pauses.1,
            give_up_after: pauses.2,
            under_way: Duration::ZERO,
        };
        let board = Board::default();
        let arguments = Arguments {
            entrance: Entrance::new(router.metrics.clone()),
            sockets: Vec::new(),
            router: Arc::new(router),
            deliverer: Deliverer { store: store.clone(), clock, channels, patience, dice },
            board: board.clone(),
            metrics: Arc::new(DeliveryMetrics::default()),
            permits: 4,
            deliveries: 4,
            under_way: Duration::ZERO,
            session_idle: pauses.2,
            keep: pauses.2,
            keep_bytes: 1 << 30,
        };
        let tree = Tree::start(arguments).await?;
        Ok(Self { store, inbox, tree, board, terminal, signer, analyst })
    }

    async fn say(&self, user: &str, line: &str) -> anyhow::Result<EventId> {
        self.take(user, EventKind::Command { line: line.to_owned() }).await
    }

    async fn take(&self, user: &str, kind: EventKind) -> anyhow::Result<EventId> {
        let id = self.inbox.next_id().await?;
        let incoming = terminal::incoming(user, &id.to_string(), kind);
        let accepted = self.inbox.accept(&TenantId::default_tenant(), id, incoming).await?;
        self.tree.accepted(&accepted);
        Ok(id)
    }

    /// Waits for the end of an event.
    async fn ended(&self, id: EventId) -> anyhow::Result<End> {
        let view = self.store.view(&TenantId::default_tenant());
        until(PATIENCE, "the event ends", || async {
            let waits = event::ready(&view, id)?.is_some();
            Ok(event::story(&view, id)?.filter(|_| !waits).map(|story| story.end))
        })
        .await
    }

    fn cause(&self, id: EventId) -> anyhow::Result<String> {
        let story = tell::story(&self.store.view(&TenantId::default_tenant()), id)?;
        Ok(story.context("a story")?.cause)
    }
}

async fn next(cards: &mut Receiver<Delivery>) -> anyhow::Result<Delivery> {
    tokio::time::timeout(PATIENCE, cards.recv()).await?.context("the terminal is connected")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_fails_one_event_and_can_be_replayed() -> anyhow::Result<()> {
    let bot = Bot::start().await?;
    let (mut ada, mut grace) = (bot.terminal.connect("ada", None), bot.terminal.connect("grace", None));
    let broken = bot.say("ada", "pm analyze \"Something harmless\"").await?;
    let behind = bot.say("ada", "task create Behind the broken one").await?;
    let beside = bot.say("grace", "task create In another lane").await?;
    assert_eq!((bot.ended(behind).await?, bot.ended(beside).await?), (End::Done, End::Done));
    assert_eq!(bot.ended(broken).await?, End::Dead);

    let told = [next(&mut ada).await?, next(&mut ada).await?];
    let incident = told.iter().find(|it| it.answers == Some(broken)).context("the one who asked is told")?;
    assert_eq!(incident.card.title, "Something broke, and this was not done");
    let text = serde_json::to_string(&incident.card)?;
    assert!(text.contains(&format!("incident {broken}")), "{text}");
    assert!(!text.contains("out of its mind"), "what went wrong inside is for operators: {text}");
    assert!(next(&mut grace).await?.card.title.contains("In another lane"));
    let cause = bot.cause(broken)?;
    assert!(
        cause.starts_with("it was given up after it failed 3 times") && cause.contains("out of its mind"),
        "{cause}"
    );
    let restarted: Vec<_> = bot.board.read().into_iter().filter(|(_, it)| it.restarts > 0).collect();
    assert!(restarted.is_empty(), "a panic of a handler ends no actor: {restarted:?}");

    bot.analyst.mended.store(true, Ordering::Relaxed);
    match operate::replay(&bot.store, &TenantId::default_tenant(), broken, "operator").await? {
        Replayed::Event { lane, id } => bot.tree.handle(lane, id),
        other => bail!("{other:?}"),
    }
    assert_eq!(bot.ended(broken).await?, End::Done);
    let answer = next(&mut ada).await?;
    assert!(answer.card.title.contains("Something harmless"), "{:?}", answer.card);
    assert!(bot.cause(broken)?.starts_with("it was done"), "{}", bot.cause(broken)?);
    assert!(bot.board.read().values().all(|shown| shown.condition == Condition::Running));
    bot.tree.stop(PATIENCE).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_that_is_too_old_changes_nothing_and_says_so() -> anyhow::Result<()> {
    let bot = Bot::start().await?;
    let mut ada = bot.terminal.connect("ada", None);
    bot.ended(bot.say("ada", "task create Pressed too late").await?).await?;
    next(&mut ada).await?;
    let (tenant, now) = (TenantId::default_tenant(), clock::system().now());
    for (until, expected) in
        [(now.before(Duration::from_secs(1)), End::Refused), (now.after(Duration::from_secs(60)), End::Done)]
    {
        let claim = ActionClaim { tenant: tenant.clone(), line: "task done T-1".to_owned(), until };
        let token = bot.signer.sign(&claim);
        let pressed = bot.take("ada", EventKind::CardAction { token, choice: None, message: None }).await?;
        assert_eq!(bot.ended(pressed).await?, expected);
        let answer = next(&mut ada).await?;
        assert_eq!(answer.audience == Audience::Asker, expected == End::Refused, "{answer:?}");
        let text = serde_json::to_string(&answer.card)?;
        assert_eq!(text.contains("ask for a fresh card"), expected == End::Refused, "{text}");
    }
    bot.tree.stop(PATIENCE).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lacks_a_further_approval_is_asked_for_again_with_both_and_then_done() -> anyhow::Result<()> {
    let mut policies = embedded_sources();
    let asks = "@id(\"first\") @ask(\"owner\") forbid (principal, action == Action::\"task.create\", resource);\n\
                @id(\"second\") @ask(\"owner\") forbid (principal, action == Action::\"task.assign\", resource);";
    policies.push(Source { name: "asks.cedar".to_owned(), text: asks.to_owned() });
    let bot = Bot::start_with(policies).await?;
    let view = bot.store.view(&TenantId::default_tenant());
    let (mut ada, mut grace) = (bot.terminal.connect("ada", None), bot.terminal.connect("grace", None));
    bot.ended(bot.say("ada", "task create Two to ask --agent security-auditor").await?).await?;
    assert_eq!(next(&mut ada).await?.card.title, "A-1 waits for an owner");
    bot.ended(bot.say("grace", "approve A-1").await?).await?;
    let run = until(PATIENCE, "it has its run", || async { Ok(first_approval(&view)?.ran) }).await?;
    assert_eq!(bot.ended(run).await?, End::Asked);
    assert!(task::read(&view, TaskId(1))?.is_none(), "half a yes does nothing");
    let second = approval::read(&view, ApprovalId(2))?.context("a second approval")?.value;
    assert_eq!((second.rules.join(" "), second.by), ("first second".to_owned(), first_approval(&view)?.by));
    assert_eq!(next(&mut ada).await?.card.title, "A-2 waits for an owner");
    assert!(bot.cause(run)?.contains("A-2"), "{}", bot.cause(run)?);

    bot.ended(bot.say("grace", "approve A-2").await?).await?;
    let run = || async { Ok(approval::read(&view, ApprovalId(2))?.and_then(|it| it.value.ran)) };
    let run = until(PATIENCE, "the second has its run", run).await?;
    assert_eq!(bot.ended(run).await?, End::Done);
    assert!(task::read(&view, TaskId(1))?.is_some(), "and both do it");
    let said = [next(&mut grace).await?.card.title, next(&mut grace).await?.card.title];
    assert_eq!(said[1], "A-1 was approved by you, and was not done all the same");
    bot.tree.stop(PATIENCE).await;
    Ok(())
}

/// A bot that asks an owner about analyses and new tasks; everybody at the terminal is one.
async fn asking() -> anyhow::Result<(Bot, View)> {
    let mut policies = embedded_sources();
    let asks = "@id(\"asks\") @ask(\"owner\") forbid (principal, action in [Action::\"pm.analyze\", \
                Action::\"task.create\"], resource);";
    policies.push(Source { name: "asks.cedar".to_owned(), text: asks.to_owned() });
    let bot = Bot::start_with(policies).await?;
    let view = bot.store.view(&TenantId::default_tenant());
    Ok((bot, view))
}

fn first_approval(view: &View) -> anyhow::Result<Approval> {
    Ok(approval::read(view, ApprovalId(1))?.context("an approval")?.value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_switched_off_before_the_yes_has_nothing_done_by_it() -> anyhow::Result<()> {
    let (bot, view) = asking().await?;
    let (mut ada, mut grace) = (bot.terminal.connect("ada", None), bot.terminal.connect("grace", None));
    assert_eq!(bot.ended(bot.say("ada", "task create Of a leaver").await?).await?, End::Asked);
    assert_eq!(next(&mut ada).await?.card.title, "A-1 waits for an owner");
    let user = PlatformUser { channel: ChannelName::Terminal, realm: "local".to_owned(), id: "ada".to_owned() };
    let mut known = person::record(&view, &user)?.context("Ada is known")?.value;
    known.profile.standing = Standing::Deactivated;
    let mut batch = Batch::new();
    batch.write(view.tenant(), person::put_record(&user, &known));
    bot.store.commit(batch).await?;

    assert_eq!(bot.ended(bot.say("grace", "approve A-1").await?).await?, End::Done);
    let run = until(PATIENCE, "it has its run", || async { Ok(first_approval(&view)?.ran) }).await?;
    assert_eq!(bot.ended(run).await?, End::Denied);
    assert!(bot.cause(run)?.contains("no-deactivated-accounts"), "{}", bot.cause(run)?);
    assert!(task::read(&view, TaskId(1))?.is_none());
    assert!(next(&mut ada).await?.card.title.contains("You may not do this here"));
    let said = [next(&mut grace).await?.card.title, next(&mut grace).await?.card.title];
    assert!(said[0].contains("A-1 was approved by grace"), "{said:?}");
    assert_eq!(said[1], "A-1 was approved by you, and was not done all the same");
    bot.tree.stop(PATIENCE).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_given_up_can_be_replayed_and_is_had_once() -> anyhow::Result<()> {
    let (bot, view) = asking().await?;
    let (mut ada, mut grace) = (bot.terminal.connect("ada", None), bot.terminal.connect("grace", None));
    bot.ended(bot.say("ada", "pm analyze \"Something harmless\"").await?).await?;
    bot.ended(bot.say("grace", "approve A-1").await?).await?;
    let run = until(PATIENCE, "its run is given up", || async {
        let ids: Vec<EventId> = event::ids(&view, Order::Descending).collect::<Result<_, _>>()?;
        let is_dead = |id: &EventId| event::story(&view, *id).is_ok_and(|it| it.is_some_and(|it| it.end == End::Dead));
        Ok(ids.into_iter().find(is_dead))
    })
    .await?;
    let given_up = first_approval(&view)?;
    assert_eq!((given_up.ran, given_up.given_up), (None, Some(run)), "it was approved and has had no run");
    let story = tell::story(&view, run)?.context("a story")?.approval.join("\n");
    assert!(story.contains("was given up; it may be replayed until"), "{story}");
    let titles = [next(&mut grace).await?.card.title, next(&mut grace).await?.card.title];
    assert!(titles[0].contains("A-1 was approved by grace"), "{titles:?}");
    assert_eq!(titles[1], "A-1 was approved by you, and was not done all the same");

    bot.analyst.mended.store(true, Ordering::Relaxed);
    match operate::replay(&bot.store, &TenantId::default_tenant(), run, "operator").await? {
        Replayed::Event { lane, id } => bot.tree.handle(lane, id),
        other => bail!("{other:?}"),
    }
    assert_eq!(bot.ended(run).await?, End::Done);
    assert_eq!(first_approval(&view)?.ran, Some(run));
    let titles = [next(&mut ada).await?.card.title, next(&mut ada).await?.card.title, next(&mut ada).await?.card.title];
    assert_eq!(titles[..2], ["A-1 waits for an owner", "Something broke, and this was not done"].map(str::to_owned));
    assert!(titles[2].contains("Something harmless"), "{titles:?}");

    // Whatever rings again, it has had its run.
    let again = EventKind::TimerFired { name: "approval/run/A-1".to_owned(), payload: json!({ "run": 1 }) };
    let mut ring = terminal::incoming("clock", "again", again);
    (ring.channel, ring.from, ring.reply) = (ChannelName::Internal, None, None);
    let id = bot.inbox.next_id().await?;
    bot.tree.accepted(&bot.inbox.accept(&TenantId::default_tenant(), id, ring).await?);
    assert_eq!(bot.ended(id).await?, End::Done);
    assert!(bot.cause(id)?.contains("A-1 has had its run"), "{}", bot.cause(id)?);
    bot.tree.stop(PATIENCE).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_always_fails_is_shown_and_the_rest_answers() -> anyhow::Result<()> {
    let short = [("AI_CRM__LEDGER__BACKOFF_FIRST_MS", "20"), ("AI_CRM__LEDGER__BACKOFF_MOST_S", "1")];
    let stage = Stage::set_with(&short).await?;
    stage.slash(ADA, "help").await?;
    stage.rest().await?;
    let well = stage.run(&["doctor"]).await?;
    assert_eq!(well.code(), Some(0), "{well:?}");
    let failing = |faults: Faults| stage.world().set_faults(faults);
    failing(Faults { server_error: 1.0, methods: vec!["chat.postMessage".into()], ..Faults::default() });
    stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> task create While it fails", None).await?;
    let channel = || async { anyhow::Ok(stage.api().get("/actors").await?["actors"]["channel slack"].clone()) };
    let shown = until(PATIENCE, "the channel is shown as degraded", || async {
        let shown = channel().await?;
        anyhow::Ok((shown["condition"] == "degraded").then_some(shown))
    })
    .await?;
    assert!(shown["last_error"].as_str().is_some_and(|error| error.contains("503")), "{shown}");

    let ready = stage.api().send(Method::GET, "/readyz", None).await?;
    assert_eq!(ready.status, StatusCode::OK, "what comes in is taken, and what is owed waits: {}", ready.body);
    assert_eq!(ready.body["degraded"], json!(["channel slack"]));
    let doctor = stage.run(&["doctor"]).await?;
    assert_eq!(doctor.code(), Some(1), "{doctor:?}");
    assert!(doctor.out.contains("BAD") && doctor.out.contains("channel slack: "), "{}", doctor.out);
    assert!(doctor.out.contains("mend: "), "{}", doctor.out);
    let owed = stage.run(&["events", "effects", "--state", "owed"]).await?;
    assert!(owed.out.contains("503"), "{owed:?}");
    let why = stage.newest().await?["id"].as_str().map(str::to_owned).context("an id")?;
    let why = stage.run(&["why", &why]).await?;
    assert!(why.out.contains("but its answer") && why.out.contains("did not arrive"), "{why:?}");

    let chat = stage.run(&["chat", "task list"]).await?;
    assert!(chat.code() == Some(0) && chat.out.contains("While it fails"), "the terminal answers: {chat:?}");
    let inline = stage.answer(ADA, "task list").await?;
    assert!(words(&inline).contains("While it fails"), "and so does the answer that Slack waits for");

    failing(Faults { outage: true, ..Faults::default() });
    let doctor = stage.run(&["doctor", "--json"]).await?;
    assert_eq!((doctor.code(), doctor.json()?["well"].clone()), (Some(1), json!(false)));
    failing(Faults::default());
    stage.rest().await?;
    until(PATIENCE, "the channel works again", || async {
        let shown = channel().await?;
        anyhow::Ok((shown["condition"] == "running").then_some(()))
    })
    .await?;
    let doctor = stage.run(&["doctor"]).await?;
    assert_eq!(doctor.code(), Some(0), "{doctor:?}");
    assert_eq!(stage.said(DEV).iter().filter(|it| words(it).contains("T-1 While it fails")).count(), 1);
    stage.end().await
}
