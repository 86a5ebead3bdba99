//! Tokens of buttons: what a press means, signed with a key of the tenant, so that nobody can press
//! what was not offered.

use std::collections::HashMap;
use std::sync::RwLock;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::domain::action::ActionClaim;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::keyspace::setting::{self, ActionKey};
use crate::store::{Batch, Store, StoreError};

/// Bytes of the signature; half of SHA-256's suffices against guessing and keeps tokens short.
const MAC_BYTES: usize = 16;
/// The longest token. Slack's `block_id`, which carries the token of a menu, holds 255 characters.
pub const LONGEST_TOKEN: usize = 255;

/// Why a token is not acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not ours, or of another tenant.
    #[error("this button was not made by this bot")]
    Forged,
    /// Its time is over.
    #[error("this button is too old")]
    Stale,
}

/// The time until which a button that is made now works.
#[must_use]
pub fn button_until(now: Timestamp) -> Timestamp {
    now.after(Duration::from_secs(90 * 24 * 3600))
}

/// Signs and checks tokens.
#[derive(Default)]
pub struct Signer {
    keys: RwLock<HashMap<TenantId, Vec<u8>>>,
}

impl Signer {
    /// Reads the tenant's key, making one where there is none.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn prepare(&self, store: &Store, tenant: &TenantId, fresh: [u8; 32]) -> Result<(), StoreError> {
        let view = store.view(tenant);
        if setting::action_key(&view)?.is_none() {
            let mut batch = Batch::new();
            batch.write(tenant, setting::put_action_key(&ActionKey(BASE64.encode(&fresh))));
            match store.commit(batch).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        let key = setting::action_key(&view)?.and_then(|key| BASE64.decode(key.0.as_bytes()).ok());
        let key = key.ok_or_else(|| StoreError::Unreadable("the key that signs buttons".to_owned()))?;
        self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(tenant.clone(), key);
        Ok(())
    }

    fn mac(&self, tenant: &TenantId, payload: &str) -> Option<[u8; MAC_BYTES]> {
        self.whole_mac(tenant, payload)?.first_chunk().copied()
    }

    /// Bytes for a purpose that are the same each time an event is handled, and that nobody can foresee without the
    /// tenant's key; `None` where the tenant has none.
    #[must_use]
    pub fn chance(&self, tenant: &TenantId, event: EventId, purpose: &str) -> Option<[u8; 32]> {
        // No button's payload has a space in it, so no token tells of these bytes.
        self.whole_mac(tenant, &format!("chance {event} {purpose}"))
    }

    fn whole_mac(&self, tenant: &TenantId, payload: &str) -> Option<[u8; 32]> {
        let keys = self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut mac = Hmac::<Sha256>::new_from_slice(keys.get(tenant)?).ok()?;
        mac.update(tenant.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(payload.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }

    /// The token of a claim. A line that is too long for a token gives an empty one, which no check
    /// accepts.
    #[must_use]
    pub fn sign(&self, claim: &ActionClaim) -> String {
        let payload = format!("{:x}.{}", claim.until.as_seconds(), BASE64URL_NOPAD.encode(claim.line.as_bytes()));
        let token = self.mac(&claim.tenant, &payload).map(|mac| format!("{payload}.{}", BASE64URL_NOPAD.encode(&mac)));
        token.filter(|token| token.len() <= LONGEST_TOKEN).unwrap_or_default()
    }

    /// What a token means.
    ///
    /// # Errors
    /// Where it was not signed for this tenant, or its time is over.
    pub fn check(&self, tenant: &TenantId, token: &str, now: Timestamp) -> Result<ActionClaim, TokenError> {
        let (payload, mac) = token.rsplit_once('.').ok_or(TokenError::Forged)?;
        let stated = BASE64URL_NOPAD.decode(mac.as_bytes()).map_err(|_| TokenError::Forged)?;
        let expected = self.mac(tenant, payload).ok_or(TokenError::Forged)?;
        if !bool::from(expected.ct_eq(stated.as_slice())) {
            return Err(TokenError::Forged);
        }
        let (until, line) = payload.split_once('.').ok_or(TokenError::Forged)?;
        let until = i64::from_str_radix(until, 16).map_err(|_| TokenError::Forged)?;
        let line = BASE64URL_NOPAD.decode(line.as_bytes()).map_err(|_| TokenError::Forged)?;
        let line = String::from_utf8(line).map_err(|_| TokenError::Forged)?;
        if until < now.as_seconds() {
            return Err(TokenError::Stale);
        }
        Ok(ActionClaim { tenant: tenant.clone(), line, until: Timestamp(until * 1000) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::in_memory;

    #[tokio::test]
    async fn a_token_works_as_signed_for_its_tenant_until_its_time() {
        let store = in_memory();
        let (tenant, other): (TenantId, TenantId) = (TenantId::default_tenant(), "other".parse().unwrap());
        let signer = Signer::default();
        signer.prepare(&store, &tenant, [1; 32]).await.unwrap();
        signer.prepare(&store, &other, [1; 32]).await.unwrap();
        let claim = ActionClaim {
            tenant: tenant.clone(),
            line: "task update T-12 --status in-progress".into(),
            until: Timestamp(60_000),
        };
        let token = signer.sign(&claim);
        assert_eq!(ActionClaim::line_of(&token).as_ref(), Some(&claim.line), "it can be read without the key");
        assert_eq!(signer.check(&tenant, &token, Timestamp(59_000)), Ok(claim));
        assert_eq!(signer.check(&tenant, &token, Timestamp(61_000)), Err(TokenError::Stale));
        assert_eq!(signer.check(&other, &token, Timestamp(0)), Err(TokenError::Forged));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            if changed != token {
                assert_eq!(signer.check(&tenant, &changed, Timestamp(0)), Err(TokenError::Forged), "{at}");
            }
        }

        let chance = |tenant: &TenantId, event| signer.chance(tenant, EventId(event), "a").unwrap();
        assert_eq!(chance(&tenant, 1), chance(&tenant, 1));
        assert!(chance(&tenant, 1) != chance(&tenant, 2) && chance(&tenant, 1) != chance(&other, 1));
        assert_ne!(signer.chance(&tenant, EventId(1), "b"), Some(chance(&tenant, 1)));

        let restarted = Signer::default();
        restarted.prepare(&store, &tenant, [9; 32]).await.unwrap();
        assert!(restarted.check(&tenant, &token, Timestamp(0)).is_ok(), "the key is kept");
    }
}
