//! Ways to break the core on purpose. A simulation that does not notice them would notice nothing.
//! A further way is a variant, a line in [`ALL`] and the place where it breaks something.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// Nothing.
    None,
    /// Effects that an earlier process may have performed are performed without a look.
    TrustEffectsAfterACrash,
    /// Two events of one lane are handled side by side.
    TwoOfALaneAtOnce,
    /// Deliveries are accepted without the keys by which they are recognised.
    AcceptWithoutKeys,
    /// One event of the backlog is not taken up at a start.
    ForgetAnEventAtRestart,
    /// The platform is told that a delivery is safe, whatever the store says.
    AcknowledgeBeforeTheDisk,
    /// Nothing is read again after the store was opened anew.
    ForgetToReread,
    /// One lane at a time gets work, whatever is free.
    FeedOneLaneAtATime,
    /// A row of the audit chain is taken away at the end.
    TakeARowOfTheChain,
}

/// Every way to break something, with words that the violation must have in it.
pub(super) const ALL: [(Sabotage, &[&str]); 8] = [
    (Sabotage::TrustEffectsAfterACrash, &["posted"]),
    (Sabotage::TwoOfALaneAtOnce, &["side by side", "overtook"]),
    (Sabotage::AcceptWithoutKeys, &["2 events", "3 events"]),
    (Sabotage::ForgetAnEventAtRestart, &["does not know"]),
    (Sabotage::AcknowledgeBeforeTheDisk, &["acknowledged"]),
    (Sabotage::ForgetToReread, &["does not know"]),
    (Sabotage::FeedOneLaneAtATime, &["idle"]),
    (Sabotage::TakeARowOfTheChain, &["chain"]),
];
