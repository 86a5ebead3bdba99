//! The first owner: a code that is shown once, at the start, while there is no owner.

use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::store::keyspace::setting::{self, Pairing};
use crate::store::{Batch, Store, StoreError};
use crate::tools::pairing;

/// Letters and digits that are not mistaken for one another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code: 50 bits, against five tries.
const LENGTH: usize = 10;

/// Makes a fresh code where nobody has been paired, and says how to use it.
pub(super) async fn offer(store: &Store) -> Result<Option<String>, StoreError> {
    let tenant = TenantId::default_tenant();
    let stored = setting::pairing(&store.view(&tenant))?;
    if stored.as_ref().is_some_and(|pairing| pairing.value.owner.is_some()) {
        return Ok(None);
    }
    let mut dice = [0_u8; LENGTH];
    rand::fill(&mut dice);
    let code: String = dice.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let pairing = Pairing { code_digest: Some(pairing::digest(&code)), failures: 0, owner: None };
    let expect = Expect::as_read(stored.map_or(0, |pairing| pairing.version));
    let mut batch = Batch::new();
    batch.write(&tenant, setting::put_pairing(&pairing, expect));
    store.commit(batch).await?;
    let shown = format!("{}-{}", &code[..5], &code[5..]);
    Ok(Some(format!(
        "nobody is the owner yet: say `/ai-crm pair {shown}` where you work, and you are (once, five tries)"
    )))
}
