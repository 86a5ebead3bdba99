//! Slack put together: its channel, its edge, its sockets, and installation by OAuth.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::actors::board::Board;
use crate::actors::clock;
use crate::actors::delivery::Deliverer;
use crate::actors::disconnect::Disconnected;
use crate::actors::sockets;
use crate::app::installation::Installations;
use crate::channels::Channel as _;
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::slack::forms::FormDesk;
use crate::channels::slack::oauth::OAuth;
use crate::channels::slack::socket::connection::Opener;
use crate::channels::slack::verify::Verifier;
use crate::channels::slack::workspaces::Workspaces;
use crate::config::Config;
use crate::config::slack::Install;
use crate::ledger::intake::Intake;
use crate::web::slack::Edge;
use crate::web::slack_install::Desk;

/// Between two looks for tokens that are to be renewed: one holds for twelve hours, and is renewed in its last three.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The channel, where it is on.
pub(super) fn channel(config: &Config) -> anyhow::Result<Option<Arc<SlackChannel>>> {
    let settings = &config.channels.slack;
    if !settings.is_on()? {
        return Ok(None);
    }
    let oauth = settings.oauth().map(|(id, secret)| OAuth::new(settings.api_url.as_str(), id, secret));
    let oauth = oauth.transpose().context("slack cannot be set up")?.map(Arc::new);
    let token = settings.token();
    let workspaces = Workspaces::new(settings.api_url.as_str(), token.as_ref(), oauth, clock::system());
    let workspaces = workspaces.context("slack cannot be set up")?;
    Ok(Some(Arc::new(SlackChannel::new(workspaces, settings.pace(), &settings.command))))
}

/// Its part of the edge.
pub(super) fn edge(config: &Config, slack: &Arc<SlackChannel>, forms: Arc<FormDesk>) -> anyhow::Result<Edge> {
    let settings = &config.channels.slack;
    let desk = match (slack.workspaces().oauth(), &config.server.public_url) {
        (Some(oauth), Some(url)) => {
            Some(Desk::new(oauth.clone(), slack.prefix(), url, settings.install == Install::Open)?)
        }
        _ => None,
    };
    Ok(Edge {
        verifier: Some(settings.signing_secrets()).filter(|all| !all.is_empty()).map(Verifier::new),
        inline: slack.inline().clone(),
        inline_answer: config.ledger.inline_answer(),
        forms,
        desk,
    })
}

/// Reads the workspaces anew when one is connected no longer.
pub(super) fn disconnected(installations: &Installations) -> Disconnected {
    let installations = installations.clone();
    Arc::new(move || {
        if let Err(error) = installations.reload() {
            tracing::error!(%error, "the connected workspaces cannot be read; the next start reads them");
        }
    })
}

/// Renews tokens before they end.
pub(super) async fn renew(slack: Arc<SlackChannel>) {
    loop {
        slack.workspaces().renew_due().await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The sockets by which Slack is to send; none without an app-level token.
pub(super) fn sockets(
    config: &Config,
    slack: Option<(&Arc<SlackChannel>, &Arc<FormDesk>)>,
    intake: &Intake,
    deliverer: &Deliverer,
    board: &Board,
) -> anyhow::Result<Vec<sockets::Arguments>> {
    let settings = &config.channels.slack;
    let (Some((_, forms)), Some(token)) = (slack, &settings.app_token) else { return Ok(Vec::new()) };
    let opener = Opener::new(settings.api_url.as_str(), token, config.server.max_body_bytes);
    let opener = Arc::new(opener.context("slack's sockets cannot be set up")?);
    let numbers = Arc::default();
    let socket = |index| sockets::Arguments {
        index,
        opener: opener.clone(),
        intake: intake.clone(),
        forms: forms.clone(),
        numbers: Arc::clone(&numbers),
        clock: deliverer.clock.clone(),
        dice: deliverer.dice.clone(),
        board: board.clone(),
    };
    Ok((1..=settings.sockets).map(socket).collect())
}
