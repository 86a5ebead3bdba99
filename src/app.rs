//! The composition root: the only place that knows everything. It reads the configuration, opens the
//! store, puts router, channels, actors and edge together, and ends them in order.

pub(crate) mod doctor;
mod explain;
mod forms;
mod gaps;
mod github;
mod inside;
mod installation;
mod pairing;
pub(crate) mod policies;
mod slack;
mod teams;
mod tokens;
pub(crate) mod workflows;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;

use crate::actors::board::Board;
use crate::actors::clock;
use crate::actors::delivery::{self, Deliverer, Dice};
use crate::actors::identify::{Asking, Identifier};
use crate::actors::metrics::{BoardMetrics, DeliveryMetrics, RouterMetrics};
use crate::actors::router::{Patience, Router};
use crate::actors::sign::Signer;
use crate::actors::sockets;
use crate::actors::tree::{self, Entrance, Tree};
use crate::app::gaps::github::Healing;
use crate::app::gaps::{GapMetrics, Gaps};
use crate::app::inside::{BehindIntake, Insides};
use crate::app::installation::Installations;
use crate::app::tokens::Keeper;
use crate::channels::forms::Forms;
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::slack::forms::FormDesk;
use crate::channels::terminal::TerminalChannel;
use crate::channels::{self, Channel};
use crate::config::catalog::Catalog;
use crate::config::keyfile::KeySource;
use crate::config::secrets::Secrets;
use crate::config::{Config, keyfile};
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::secret::Secret;
use crate::domain::task::link::TaskLinks;
use crate::ledger::inbox::Inbox;
use crate::ledger::intake::Intake;
use crate::ledger::limit::Limit;
use crate::ledger::settled::Settlements;
use crate::pm::{Analyst, OfflineAnalyst};
use crate::store::ahead::Lead;
use crate::store::quota::Quota;
use crate::store::seal::MasterKey;
use crate::store::sled::SledOptions;
use crate::store::{Store, open};
use crate::tools;
use crate::web;
use crate::web::metrics::WebMetrics;

/// Age at which an effect or an event that waits for a platform is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How long a platform may take to say who somebody is whom it has described within the day: who is known must not
/// miss the HTTP answer of a slash command because the platform is slow.
const SHORT_LOOK_UP: Duration = Duration::from_secs(1);

/// How much of the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Events are handled and effects performed.
    Whole,
    /// The store is read and operated; what waits goes on waiting.
    StoreOnly,
}

/// The program.
pub struct App {
    config: Arc<Config>,
    store: Store,
    insides: Arc<Insides>,
    state: web::Shared,
    admin: Secrets,
    background: Vec<tokio::task::JoinHandle<()>>,
    /// Both begin when platforms can reach it.
    gaps: Option<Gaps>,
    healing: Option<Healing>,
    /// What the start made or found, for `serve` to say.
    said: Vec<String>,
}

impl App {
    /// Opens the store and starts what the mode asks for.
    ///
    /// # Errors
    /// In words that name the thing and the mend.
    pub async fn start(config: Config, mode: Mode) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let mut said = Vec::new();
        // A provider that is installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = clock::system();
        let (store, masters) = open_store(&config, &clock, &mut said)?;
        let (admin, source) = keyfile::admin_token(&config, &mut |bytes| rand::fill(bytes))?;
        said.push(format!("admin token {source}"));
        let policies = Arc::new(policies::live(&config)?);
        let catalog = Arc::new(catalog(&config)?);
        let terminal = Arc::new(TerminalChannel::default());
        let slack = slack::channel(&config)?;
        let analyst: Arc<dyn Analyst> = Arc::new(OfflineAnalyst::new(catalog.clone()));
        let forms: Arc<dyn Forms> =
            Arc::new(forms::CommandForms { catalog: catalog.clone(), analyst: analyst.clone() });
        let form_desk = slack.as_ref().map(|slack| Arc::new(FormDesk::new(slack.clone(), forms.clone())));
        let (teams, of_teams) = (teams::parts(&config)?, teams::tenants(&config)?);
        let github = github::parts(&config)?;
        let channels = enabled_channels(&terminal, slack.as_ref(), teams.as_ref(), github.as_deref());
        let reached = pairing::reached(slack.as_ref(), teams.as_ref(), &of_teams);
        let signer = signer(&store, reached.keys()).await?;
        let installations =
            Installations::read(&store, config.channels.slack.token().as_ref(), slack.clone(), of_teams)?;
        let inbox = Inbox::open(store.clone(), clock.clone())?;
        let settlements = Settlements::default();
        let figures = Figures::default();
        let board = Board::default();
        let dice: Dice = Arc::new(rand::random::<f64>);
        let links = config.server.public_url.as_ref().and_then(TaskLinks::at);
        let workflows = workflows::live(&config)?;
        let router = Arc::new(Router {
            inbox: inbox.clone(),
            identifier: Identifier {
                channels: channels.clone(),
                clock: clock.clone(),
                people: config.people.clone(),
                timeout: config.ledger.lookup_timeout(),
                short_timeout: SHORT_LOOK_UP.min(config.ledger.lookup_timeout()),
                asking: Asking::new(board.clone()),
            },
            policies: policies.clone(),
            signer: signer.clone(),
            workflows: workflows.clone(),
            sync: config.sync.table(),
            catalog: catalog.clone(),
            analyst,
            links: links.clone(),
            settlements: settlements.clone(),
            patience: patience(&config),
            dice: dice.clone(),
            disconnected: slack::disconnected(&installations),
            metrics: figures.router.clone(),
        });
        let mut registry = figures.registry(&store, &board);
        let limit = Arc::new(Limit::new(config.server.caller_per_minute));
        let entrance = Entrance::new(figures.router.clone());
        let behind = BehindIntake {
            github: github.clone(),
            accounts: github::listed(&config),
            installations: installations.clone(),
            store: store.clone(),
            workflows: workflows.clone(),
            entrance: entrance.clone(),
        };
        let intake = Intake::new(inbox.clone(), limit.clone(), Arc::new(behind), &mut registry);
        let deliverer = Deliverer { store: store.clone(), clock, channels, patience: delivery_patience(&config), dice };
        let tree = match mode {
            Mode::Whole => {
                let sockets =
                    slack::sockets(&config, slack.as_ref().zip(form_desk.as_ref()), &intake, &deliverer, &board)?;
                Some(start_tree(&config, router, deliverer, entrance, sockets, &board, &figures).await?)
            }
            Mode::StoreOnly => None,
        };
        let insides = Arc::new(Insides {
            config: config.clone(),
            store: store.clone(),
            masters,
            policies: policies.clone(),
            workflows,
            board: board.clone(),
            installations: installations.clone(),
            tree,
            signer,
            slack: slack.clone(),
            teams: teams.clone(),
            github: github.clone(),
        });
        let background = match mode {
            Mode::Whole => background(&insides),
            Mode::StoreOnly => Vec::new(),
        };
        if mode == Mode::Whole {
            if let Some(github) = &github {
                github.learn_at_start().await;
            }
            said.extend(pairing::codes(&insides, &reached).await?);
        }
        let gaps = Gaps::new(&insides, &intake, &figures.gaps);
        let healing = Healing::new(&insides, &figures.gaps);
        let state = Arc::new(web::State {
            instance: data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>()),
            inbox,
            intake,
            settlements,
            inside: insides.clone(),
            links,
            slack_command: config.channels.slack.command.clone(),
            slack: slack.zip(form_desk).map(|(slack, forms)| slack::edge(&config, &slack, forms)).transpose()?,
            teams: teams.map(|(teams, door)| teams::edge(&config, &teams, door, forms)),
            github: github::edge(&config, github.as_deref()),
            workflows: insides.workflows.clone(),
            terminal,
            admin: admin.clone(),
            max_body: config.server.max_body_bytes,
            limit,
            body_patience: config.server.request_timeout(),
            metrics: WebMetrics::new(registry),
            under_way: web::api::UnderWay::default(),
        });
        Ok(Self { config, store, insides, state, admin, background, gaps, healing, said })
    }

    /// Platforms can reach it from here on: what they said in vain before is looked for.
    pub fn listens(&mut self) {
        self.background.extend(self.gaps.take().map(|gaps| tokio::spawn(gaps.watch())));
        self.background.extend(self.healing.take().map(|healing| tokio::spawn(healing.watch())));
    }

    /// The HTTP routes.
    pub fn routes(&self) -> axum::Router {
        web::routes(self.state.clone())
    }

    /// The number of this process, which `/healthz` says.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.state.instance
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The token by which the command line speaks to the API in its own process.
    #[must_use]
    pub fn admin_token(&self) -> Option<&Secret> {
        self.admin.as_slice().first()
    }

    /// What the start made or found.
    #[must_use]
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// What is on, what is off, and how to turn it on.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        let on = |name| match name {
            ChannelName::Slack => self.insides.slack.is_some(),
            ChannelName::Teams => self.insides.teams.is_some(),
            ChannelName::GitHub => self.state.github.is_on(),
            _ => true,
        };
        let line = |spec: &channels::ChannelSpec| {
            let state = if on(spec.name) { "on ".to_owned() } else { "off".to_owned() };
            let how = if on(spec.name) { String::new() } else { format!(": {}", spec.turn_on) };
            format!("{state} {:<9} {}{how}", spec.name.as_str(), spec.about)
        };
        channels::TABLE.iter().map(line).collect()
    }

    /// The store, for what needs no API.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends everything in order: running events end and due effects go out, for a bounded time.
    pub async fn stop(self) {
        for task in &self.background {
            task.abort();
        }
        if let Some(tree) = &self.insides.tree {
            tree.stop(self.config.server.shutdown_grace()).await;
        }
    }
}

/// What goes on by itself beside the actors.
fn background(insides: &Arc<Insides>) -> Vec<tokio::task::JoinHandle<()>> {
    let (config, policies) = (insides.config.clone(), insides.policies.clone());
    let mut background = vec![
        tokio::spawn(policies::reload_when_changed(config.clone(), policies)),
        tokio::spawn(workflows::watch(config, insides.workflows.clone(), insides.store.clone())),
    ];
    if let Some(slack) = &insides.slack {
        let keeper = Keeper { store: insides.store.clone(), board: insides.board.clone() };
        slack.workspaces().kept_by(Arc::new(keeper));
        background.push(tokio::spawn(insides.installations.clone().connect(slack.clone())));
        background.push(tokio::spawn(slack::renew(slack.clone())));
    }
    background.extend(insides.github.clone().map(|github| tokio::spawn(github.keep_learning())));
    background
}

fn open_store(
    config: &Config,
    clock: &Arc<dyn crate::domain::time::Clock>,
    said: &mut Vec<String>,
) -> anyhow::Result<(Store, Vec<MasterKey>)> {
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
    let (keys, source) = keyfile::master_keys(config, &mut |bytes| rand::fill(bytes))?;
    let keep = if matches!(source, KeySource::Made(_)) { "; keep a copy apart from the data" } else { "" };
    said.push(format!("sealing key {source}{keep}"));
    let masters: Vec<MasterKey> = keys.iter().map(|key| MasterKey::new(*key.expose())).collect();
    let options = SledOptions {
        folder: config.store_folder(),
        cache_bytes: config.store.cache_bytes(),
        quota: Quota {
            most_bytes: config.store.most_bytes(),
            keep_free_bytes: config.store.keep_free_bytes(),
            reserve_bytes: config.store.reserve_bytes(),
        },
        power_safe: true,
    };
    let lead = Lead { settle_after: config.store.settle_after(), ..Lead::default() };
    Ok((open::open(options, lead, &masters, clock.clone())?, masters))
}

fn catalog(config: &Config) -> anyhow::Result<Catalog> {
    let known = tools::known_tools();
    let loaded = match &config.agents.folder {
        Some(folder) => Catalog::load(folder, &known),
        None => Catalog::embedded(&known),
    };
    loaded.map_err(|issues| {
        let lines: Vec<String> = issues.iter().map(|issue| format!("  {issue}")).collect();
        anyhow::anyhow!("the agents cannot be loaded:\n{}", lines.join("\n"))
    })
}

fn enabled_channels(
    terminal: &Arc<TerminalChannel>,
    slack: Option<&Arc<SlackChannel>>,
    teams: Option<&teams::Parts>,
    github: Option<&github::Parts>,
) -> HashMap<ChannelName, Arc<dyn Channel>> {
    let mut channels: HashMap<ChannelName, Arc<dyn Channel>> = HashMap::new();
    channels.insert(ChannelName::Terminal, terminal.clone());
    if let Some(slack) = slack {
        channels.insert(ChannelName::Slack, slack.clone());
    }
    if let Some((teams, _)) = teams {
        channels.insert(ChannelName::Teams, teams.clone());
    }
    if let Some(github) = github {
        channels.insert(ChannelName::GitHub, github.channel.clone());
    }
    channels
}

async fn start_tree(
    config: &Config,
    router: Arc<Router>,
    deliverer: Deliverer,
    entrance: Entrance,
    sockets: Vec<sockets::Arguments>,
    board: &Board,
    figures: &Figures,
) -> anyhow::Result<Tree> {
    let arguments = tree::Arguments {
        entrance,
        sockets,
        router,
        deliverer,
        board: board.clone(),
        metrics: figures.delivery.clone(),
        permits: config.ledger.in_flight,
        deliveries: config.ledger.outbox_in_flight,
        under_way: config.ledger.under_way(),
        session_idle: config.ledger.session_idle(),
        keep: config.store.retention(),
        keep_bytes: config.store.retention_mb.saturating_mul(1 << 20),
    };
    Tree::start(arguments).await.context("the actors cannot be started")
}

/// Figures that are counted in the actors and shown at the edge.
#[derive(Default)]
struct Figures {
    router: Arc<RouterMetrics>,
    delivery: Arc<DeliveryMetrics>,
    gaps: GapMetrics,
}

impl Figures {
    fn registry(&self, store: &Store, board: &Board) -> Registry {
        let mut registry = Registry::with_prefix("ai_crm");
        store.metrics().register(&mut registry);
        self.router.register(&mut registry);
        self.delivery.register(&mut registry);
        self.gaps.register(&mut registry);
        BoardMetrics::register(board, &mut registry);
        registry
    }
}

fn patience(config: &Config) -> Patience {
    Patience {
        most_attempts: config.ledger.attempts_most,
        first_pause: config.ledger.backoff_first(),
        most_pause: config.ledger.backoff_most(),
        give_up_after: GIVE_UP_AFTER,
        shelf_life: config.ledger.reply_shelf_life(),
        approval_waits: config.ledger.approval_waits(),
    }
}

fn delivery_patience(config: &Config) -> delivery::Patience {
    delivery::Patience {
        first_pause: config.ledger.backoff_first(),
        most_pause: config.ledger.backoff_most(),
        give_up_after: GIVE_UP_AFTER,
        under_way: config.ledger.under_way(),
    }
}

/// Buttons of every tenant are signed with its own key, which is made at the first start.
async fn signer<'a>(store: &Store, reached: impl Iterator<Item = &'a TenantId>) -> anyhow::Result<Arc<Signer>> {
    let signer = Signer::default();
    let mut tenants = BTreeSet::from([TenantId::default_tenant(), TenantId::unclaimed()]);
    tenants.extend(reached.cloned());
    tenants.extend(installation::tenants(store)?);
    for tenant in tenants {
        let mut fresh = [0; 32];
        rand::fill(&mut fresh);
        signer.prepare(store, &tenant, fresh).await?;
    }
    Ok(Arc::new(signer))
}
