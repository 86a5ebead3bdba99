//! Teams put together: its channel, its edge, and which Entra tenant is which tenant of ours.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::actors::clock;
use crate::channels::forms::Forms;
use crate::channels::teams::certificate::Certificate;
use crate::channels::teams::client::Client;
use crate::channels::teams::decode::PLAYGROUND;
use crate::channels::teams::deliver::TeamsChannel;
use crate::channels::teams::door::Door;
use crate::channels::teams::hosts::Hosts;
use crate::channels::teams::keys::Keys;
use crate::channels::teams::token::{AppCredentials, Credential};
use crate::channels::teams::verify::Verifier;
use crate::config::Config;
use crate::config::teams::{Counterpart, TeamsSettings};
use crate::domain::ids::TenantId;
use crate::web::teams::Edge;

/// What sends to Teams, and what checks that it is Teams who sends.
pub(super) type Parts = (Arc<TeamsChannel>, Arc<Door>);

/// Both, where Teams is on.
pub(super) fn parts(config: &Config) -> anyhow::Result<Option<Parts>> {
    let settings = &config.channels.teams;
    if !settings.is_on()? {
        return Ok(None);
    }
    let (client, door) = match settings.counterpart() {
        Counterpart::Teams => with_teams(settings).context("teams cannot be set up")?,
        Counterpart::Playground => (Client::for_playground().context("teams cannot be set up")?, Door::of_playground()),
    };
    Ok(Some((Arc::new(TeamsChannel::new(client, settings.pace())), Arc::new(door))))
}

fn with_teams(settings: &TeamsSettings) -> anyhow::Result<(Client, Door)> {
    let app =
        AppCredentials { id: app_id(settings), credential: credential(settings)?, tenant: settings.tenant_id.clone() };
    let hosts = Hosts::new(&settings.service_hosts);
    let client = Client::new(app, &settings.login_url, hosts.clone(), clock::system())?;
    let verifier = Verifier::new(&app_id(settings), Keys::new(settings.openid_metadata_url.clone())?);
    Ok((client, Door::of_teams(verifier, hosts, settings.allowed_tenants())))
}

/// Its part of the edge.
pub(super) fn edge(config: &Config, channel: &TeamsChannel, door: Arc<Door>, forms: Arc<dyn Forms>) -> Edge {
    let (inline, typing) = (channel.inline().clone(), channel.typing().clone());
    Edge { door, inline, inline_answer: config.ledger.inline_answer(), typing, forms }
}

fn credential(settings: &TeamsSettings) -> anyhow::Result<Credential> {
    let Some(pem) = &settings.app_certificate else {
        return Ok(Credential::Secrets(settings.app_password.as_slice().to_vec()));
    };
    let certificate = Certificate::read(pem);
    let certificate = certificate.context("channels.teams.app_certificate (MICROSOFT_APP_CERTIFICATE) cannot be used");
    Ok(Credential::Certificate(certificate?))
}

fn app_id(settings: &TeamsSettings) -> String {
    settings.app_id.clone().unwrap_or_default()
}

/// Whose an Entra tenant is: the app's own is the default tenant's, each other one is a tenant of its own, so that nothing
/// of one company shows in another. The order in which they are listed decides nothing.
pub(super) fn tenants(config: &Config) -> anyhow::Result<HashMap<String, TenantId>> {
    let settings = &config.channels.teams;
    if !settings.is_on()? {
        return Ok(HashMap::new());
    }
    if settings.counterpart() == Counterpart::Playground {
        return Ok(HashMap::from([(PLAYGROUND.to_owned(), TenantId::default_tenant())]));
    }
    let own = settings.tenant_id.as_deref().map(|id| id.trim().to_lowercase());
    let tenant = |id: &String| match own.as_ref() == Some(id) {
        true => Ok(TenantId::default_tenant()),
        false => format!("teams-{id}").parse().with_context(|| format!("channels.teams.tenants: `{id}` is no GUID")),
    };
    settings.allowed_tenants().into_iter().map(|id| Ok((id.clone(), tenant(&id)?))).collect()
}
