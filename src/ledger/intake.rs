//! The way in for all that comes from outside, by whichever road: a request, a socket, the API.
//!
//! Owns the order of the steps: the caller's share, the tenant, the number, the disk, and only then the hand-over to
//! the lanes. It knows no platform and answers nobody: what an acknowledgement looks like is the road's own affair. A
//! further road calls [`Intake::admit`] and [`Intake::accept`], and acknowledges when the latter has returned.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::domain::event::{ChannelName, EventKind, Incoming};
use crate::domain::ids::{EventId, TenantId};
use crate::ledger::inbox::{Accepted, Inbox};
use crate::ledger::limit::Limit;
use crate::store::StoreError;

/// What the way in asks of the rest of the program.
pub trait Behind: Send + Sync + 'static {
    /// The tenant of a workspace of a channel, or else of the organisation of which it is a part.
    fn tenant_of(&self, channel: ChannelName, installation: &str, organisation: Option<&str>) -> TenantId;
    /// Whether a rule is about what people do among themselves on a channel, by the platform's name for it.
    fn listens(&self, channel: ChannelName, name: &str) -> bool {
        let _ = (channel, name);
        false
    }
    /// An event is on disk: handle it.
    fn accepted(&self, accepted: &Accepted);
}

/// Why something is not let in. It is not acknowledged, so that its platform sends it again.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// The caller has sent more than its share.
    #[error("more of one workspace than server.caller_per_minute lets in")]
    TooMany {
        /// When it may send again, in seconds.
        retry_after_s: u64,
    },
    /// The store gives no number, or takes nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose an event will be, and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Whose.
    pub tenant: TenantId,
    /// The number, under which a place for its answer may be left.
    pub id: EventId,
}

/// The way in; clones share it.
#[derive(Clone)]
pub struct Intake {
    inbox: Inbox,
    limit: Arc<Limit>,
    behind: Arc<dyn Behind>,
    accepted: Family<Labels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    channel: &'static str,
    kind: &'static str,
}

impl Intake {
    /// A way into `inbox` in front of the rest of the program.
    #[must_use]
    pub fn new(inbox: Inbox, limit: Arc<Limit>, behind: Arc<dyn Behind>, registry: &mut Registry) -> Self {
        let accepted = Family::default();
        registry.register("events_accepted", "Deliveries that are on disk: new, known, revived", accepted.clone());
        Self { inbox, limit, behind, accepted }
    }

    /// Counts what a workspace has sent against its share, and gives it an owner and a number.
    ///
    /// # Errors
    /// Where it is too much, or the store gives no number.
    pub async fn admit(&self, what: &Incoming) -> Result<Admitted, NotAdmitted> {
        let now = self.inbox.clock().now();
        let counted = self.limit.count(what.channel, &what.installation, now);
        counted.map_err(|retry_after_s| NotAdmitted::TooMany { retry_after_s })?;
        let tenant = self.behind.tenant_of(what.channel, &what.installation, what.organisation.as_deref());
        Ok(Admitted { tenant, id: self.inbox.next_id().await? })
    }

    /// Puts something on disk and hands it on, whether or not the caller still waits: a connection that
    /// breaks between the two must not leave an event that nobody handles.
    ///
    /// # Errors
    /// Where it is not on disk.
    pub async fn accept(&self, tenant: TenantId, id: EventId, what: Incoming) -> Result<Accepted, StoreError> {
        self.accept_parts(tenant, id, what, Vec::new()).await
    }

    /// As [`Intake::accept`], for a delivery of which parts are events of their own. The delivery itself is on disk last,
    /// since by it the whole is known again: one that breaks off is not, comes again, and each of its parts is known by
    /// itself. It is handled first.
    ///
    /// # Errors
    /// Where not all of it is on disk.
    pub async fn accept_parts(
        &self,
        tenant: TenantId,
        id: EventId,
        what: Incoming,
        parts: Vec<Incoming>,
    ) -> Result<Accepted, StoreError> {
        let intake = self.clone();
        let accepting = tokio::spawn(async move {
            let mut taken = Vec::new();
            let accepted = intake.keep(&tenant, id, what, parts, &mut taken).await;
            // What is on disk is handled, whatever became of the rest.
            for accepted in accepted.iter().chain(&taken) {
                intake.behind.accepted(accepted);
            }
            accepted
        });
        accepting.await.unwrap_or_else(|error| Err(StoreError::Unusable(error.to_string())))
    }

    async fn keep(
        &self,
        tenant: &TenantId,
        id: EventId,
        what: Incoming,
        parts: Vec<Incoming>,
        taken: &mut Vec<Accepted>,
    ) -> Result<Accepted, StoreError> {
        for part in parts {
            let id = self.inbox.next_id().await?;
            taken.push(self.take(tenant, id, part).await?);
        }
        self.take(tenant, id, what).await
    }

    async fn take(&self, tenant: &TenantId, id: EventId, what: Incoming) -> Result<Accepted, StoreError> {
        let channel = what.channel;
        let what = if self.is_listened_to(&what) { Incoming { kind: what.kind.listened_to(), ..what } } else { what };
        let accepted = self.inbox.accept(tenant, id, what).await?;
        self.count(channel, &accepted);
        Ok(accepted)
    }

    fn is_listened_to(&self, what: &Incoming) -> bool {
        let EventKind::Platform { name, overheard: true, .. } = &what.kind else { return false };
        // What people of other organisations do begins nothing.
        let is_shared = what.place.as_ref().is_some_and(|place| place.shared);
        !is_shared && self.behind.listens(what.channel, name)
    }

    fn count(&self, channel: ChannelName, accepted: &Accepted) {
        let kind = match accepted {
            Accepted::New { .. } | Accepted::Ignored { .. } => "new",
            Accepted::Known { .. } => "known",
            Accepted::Revived { .. } => "revived",
        };
        self.accepted.get_or_create(&Labels { channel: channel.as_str(), kind }).inc();
    }
}
