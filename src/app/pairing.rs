//! The first owner: a code that is shown once, at the start, while there is no owner.
//!
//! Where the configuration names owners there is none to be found by a code. What a code is and how it is tried
//! stands in `tools/pairing.rs`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::app::inside::Insides;
use crate::app::teams;
use crate::channels::Channel as _;
use crate::channels::slack::deliver::SlackChannel;
use crate::config::people::People;
use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::store::keyspace::setting::{self, Pairing};
use crate::store::{Batch, Store, StoreError};
use crate::tools::pairing;

/// Makes a fresh code for each tenant of which nobody is the owner, by pairing or by configuration, and says how its
/// people use it: `reached` has the ways in which they call the bot. A code of an earlier start is void where the
/// configuration names an owner since.
pub(super) async fn offer(
    store: &Store,
    reached: &BTreeMap<TenantId, Vec<String>>,
    people: &People,
) -> Result<Vec<String>, StoreError> {
    let mut said = Vec::new();
    for (tenant, calls) in reached {
        let Some(code) = make(store, tenant, people).await? else { continue };
        let lines: Vec<String> = calls.iter().map(|call| format!("`{call} pair {code}`")).collect();
        let whose = if *tenant == TenantId::default_tenant() { String::new() } else { format!(" of {tenant}") };
        said.push(format!(
            "nobody is the owner{whose} yet: say {} where you work, and you are (once, five tries)",
            lines.join(" or ")
        ));
    }
    Ok(said)
}

/// Makes a fresh code of a tenant, as it is typed, where it has no owner.
pub(super) async fn make(store: &Store, tenant: &TenantId, people: &People) -> Result<Option<String>, StoreError> {
    let stored = setting::pairing(&store.view(tenant))?;
    if stored.as_ref().is_some_and(|pairing| pairing.value.owner.is_some()) {
        return Ok(None);
    }
    let expect = Expect::as_read(stored.as_ref().map_or(0, |pairing| pairing.version));
    if !people.owners.is_empty() {
        if stored.is_some_and(|pairing| pairing.value.code_digest.is_some()) {
            keep(store, tenant, &Pairing { code_digest: None, failures: 0, owner: None }, expect).await?;
        }
        return Ok(None);
    }
    let mut dice = [0_u8; pairing::LENGTH];
    rand::fill(&mut dice);
    let shown = pairing::code_of(&dice);
    let pairing = Pairing { code_digest: Some(pairing::digest(&shown)), failures: 0, owner: None };
    keep(store, tenant, &pairing, expect).await?;
    Ok(Some(shown))
}

async fn keep(store: &Store, tenant: &TenantId, pairing: &Pairing, expect: Expect) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.write(tenant, setting::put_pairing(pairing, expect));
    store.commit(batch).await
}

/// The tenants that people reach from platforms, each with how its people call the bot.
pub(super) fn reached(
    slack: Option<&Arc<SlackChannel>>,
    teams: Option<&teams::Parts>,
    of_teams: &HashMap<String, TenantId>,
) -> BTreeMap<TenantId, Vec<String>> {
    let mut reached: BTreeMap<TenantId, Vec<String>> = BTreeMap::new();
    if let Some(slack) = slack {
        reached.entry(TenantId::default_tenant()).or_default().push(slack.prefix().to_owned());
    }
    if let Some((teams, _)) = teams {
        let tenants: BTreeSet<&TenantId> = of_teams.values().collect();
        for tenant in tenants {
            reached.entry(tenant.clone()).or_default().push(teams.prefix().to_owned());
        }
    }
    reached
}

/// How to become the owner of each reached tenant that has none.
pub(super) async fn codes(insides: &Insides, reached: &BTreeMap<TenantId, Vec<String>>) -> anyhow::Result<Vec<String>> {
    match offer(&insides.store, reached, &insides.config.people).await {
        Ok(said) => Ok(said),
        // Work that was taken in goes on while the disk is full; a code waits for the next start.
        Err(error @ StoreError::Full(_)) => Ok(vec![format!("no pairing code was made: {error}")]),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::in_memory;

    #[tokio::test]
    async fn a_code_is_offered_while_there_is_no_owner_and_void_once_one_is_named() {
        let store = in_memory();
        let stored = || setting::pairing(&store.view(&TenantId::default_tenant())).unwrap().map(|stored| stored.value);
        let call = |call: &str| call.to_owned();
        let reached = BTreeMap::from([
            (TenantId::default_tenant(), vec![call("/ai-crm"), call("@AI-CRM")]),
            ("teams-1".parse().unwrap(), vec![call("@AI-CRM")]),
        ]);
        let named: People = toml::from_str("owners = ['slack:T1/U1']\nalert_pause_s = 900\n[groups]\n").unwrap();
        assert!(offer(&store, &reached, &named).await.unwrap().is_empty());
        assert_eq!(stored(), None);
        let shown = offer(&store, &reached, &People::default()).await.unwrap();
        assert!(shown[0].contains("`/ai-crm pair ") && shown[0].contains(" or `@AI-CRM pair "), "{shown:?}");
        assert!(
            shown.len() == 2 && shown[1].contains("of teams-1 yet: say `@AI-CRM pair "),
            "each tenant has an owner of its own: {shown:?}"
        );
        assert!(stored().unwrap().code_digest.is_some());
        assert!(offer(&store, &reached, &named).await.unwrap().is_empty());
        assert_eq!(stored().unwrap().code_digest, None, "the code of the earlier start works no longer");
        assert_eq!(offer(&store, &reached, &People::default()).await.unwrap().len(), 2);
    }
}
