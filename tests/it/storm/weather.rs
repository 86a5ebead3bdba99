//! What goes wrong at a platform, drawn from a seed: bursts of 429, answers that are lost after the work was done, errors,
//! slowness, one after the other. The weather changes with what the platform was asked, not with the clock.

use std::sync::Arc;
use std::time::Duration;

use ai_crm::sim::fault::Faults;
use ai_crm::sim::world::{PlatformState, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

/// Calls after which the weather changes.
const CALLS: u64 = 12;
/// Weather changes too where nobody calls for so long, as all may be waiting for the end of a burst.
const LULL: Duration = Duration::from_millis(1500);

/// Lets it blow over a world until `over` says so; then everything is well.
pub(super) async fn blow<State: PlatformState, Beside: Send + Sync>(
    world: Arc<World<State, Beside>>,
    seed: u64,
    mut over: watch::Receiver<bool>,
) -> u32 {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut changes = 0;
    while !*over.borrow() {
        world.set_faults(draw(&mut dice));
        changes += 1;
        let seen = calls(&world);
        let next = world.wait_for(LULL, |world| (calls(world) >= seen + CALLS).then_some(()));
        tokio::select! {
            _ = next => {}
            // The sender is gone: nobody will say that it is over.
            ended = over.changed() => if ended.is_err() { break },
        }
    }
    world.set_faults(Faults::default());
    changes
}

fn calls<State: PlatformState, Beside>(world: &World<State, Beside>) -> u64 {
    world.calls().values().flat_map(|ends| ends.values()).sum()
}

fn draw(dice: &mut StdRng) -> Faults {
    let seed = dice.random_range(0..u64::MAX);
    let all = Faults { seed, retry_after_s: 1, ..Faults::default() };
    match dice.random_range(0..6) {
        0 => all,
        1 => Faults { rate_limited: 0.8, ..all },
        2 => Faults { lost_answer: 0.4, ..all },
        3 => Faults { server_error: 0.4, ..all },
        4 => Faults { latency_ms: 20, jitter_ms: 80, ..all },
        _ => Faults { rate_limited: 0.15, lost_answer: 0.15, server_error: 0.15, jitter_ms: 30, ..all },
    }
}
