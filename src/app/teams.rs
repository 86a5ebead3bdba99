//! Teams put together: its channel, its edge, and which Entra tenant is which tenant of ours.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::channels::forms::Forms;
use crate::channels::teams::client::{AppCredentials, Client};
use crate::channels::teams::deliver::TeamsChannel;
use crate::channels::teams::hosts::Hosts;
use crate::channels::teams::keys::Keys;
use crate::channels::teams::verify::Verifier;
use crate::config::Config;
use crate::config::teams::TeamsSettings;
use crate::domain::ids::TenantId;
use crate::domain::secret::Secret;
use crate::web::TeamsEdge;

/// The channel, where it is on.
pub(super) fn channel(config: &Config) -> anyhow::Result<Option<Arc<TeamsChannel>>> {
    let settings = &config.channels.teams;
    if !settings.is_on()? {
        return Ok(None);
    }
    let app = AppCredentials {
        id: app_id(settings),
        secret: settings.password().unwrap_or_else(|| Secret::new("")),
        tenant: settings.tenant_id.clone(),
    };
    let client = Client::new(app, &settings.login_url, Hosts::new(&settings.service_hosts));
    let client = client.context("teams cannot be set up")?;
    Ok(Some(Arc::new(TeamsChannel::new(client, settings.pace()))))
}

/// What checks that it is Teams who sends; none where Teams is off.
pub(super) fn verifier(config: &Config) -> anyhow::Result<Option<Arc<Verifier>>> {
    let settings = &config.channels.teams;
    if !settings.is_on()? {
        return Ok(None);
    }
    let keys = Keys::new(settings.openid_metadata_url.clone()).context("teams cannot be set up")?;
    Ok(Some(Arc::new(Verifier::new(&app_id(settings), keys))))
}

/// Its part of the edge.
pub(super) fn edge(
    config: &Config,
    channel: &TeamsChannel,
    verifier: Arc<Verifier>,
    forms: Arc<dyn Forms>,
) -> TeamsEdge {
    let settings = &config.channels.teams;
    TeamsEdge {
        verifier,
        hosts: Hosts::new(&settings.service_hosts),
        tenants: settings.allowed_tenants(),
        inline: channel.inline().clone(),
        inline_answer: config.ledger.inline_answer(),
        forms,
    }
}

fn app_id(settings: &TeamsSettings) -> String {
    settings.app_id.clone().unwrap_or_default()
}

/// Whose an Entra tenant is: the first is the default tenant's, each other is a tenant of its own, so that nothing of
/// one company shows in another.
pub(super) fn tenants(config: &Config) -> anyhow::Result<HashMap<String, TenantId>> {
    let settings = &config.channels.teams;
    if !settings.is_on()? {
        return Ok(HashMap::new());
    }
    let mut tenants = HashMap::new();
    for (index, id) in settings.allowed_tenants().into_iter().enumerate() {
        let tenant = match index {
            0 => TenantId::default_tenant(),
            _ => format!("teams-{id}").parse().with_context(|| format!("channels.teams.tenants: `{id}` is no GUID"))?,
        };
        tenants.insert(id, tenant);
    }
    Ok(tenants)
}
