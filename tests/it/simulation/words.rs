//! What happened, in the words of the trace.

use ai_crm::actors::delivery::Tried;
use ai_crm::actors::router::Handled;
use ai_crm::domain::ids::EffectId;
use ai_crm::ledger::outbox::Work;

pub(super) fn handled(handled: &Handled) -> String {
    match handled {
        Handled::Settled { effects } => {
            let ids: Vec<String> = effects.iter().map(|effect| effect.value.id.to_string()).collect();
            format!("settled, owes {}", ids.join(" "))
        }
        Handled::Later { at } => format!("put off until {at}"),
        Handled::Waits { at } => format!("waits in its place until {at}"),
        Handled::Gone => "had ended".to_owned(),
    }
}

fn ids(ids: &[EffectId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn work(work: &Work) -> String {
    match work {
        Work::Perform { id, suspect: true, .. } => format!("effect {id}, looked for first"),
        Work::Perform { id, .. } => format!("effect {id}"),
        Work::Record { id, .. } => format!("the end of effect {id}"),
        Work::Digest { ids: late, .. } => format!("digest of {}", ids(late)),
    }
}

pub(super) fn tried(tried: &Tried) -> String {
    match tried {
        Tried::Ended(ended) => format!("ended {}", ids(ended)),
        Tried::GivenUp { id, .. } => format!("gave up {id}"),
        Tried::Unrecorded { at, .. } => format!("ended, to be written down at {at}"),
        Tried::Merged { digest, .. } => format!("now owed as {}", digest.id),
        Tried::Again { at, suspect, error, .. } => {
            let why = error.as_deref().unwrap_or("asked to wait");
            format!("again at {at}{}: {why}", if *suspect { ", maybe done" } else { "" })
        }
    }
}
