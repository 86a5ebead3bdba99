//! What a fault does to a call: it waits, it is refused undone, or nobody is told of what was done.
//!
//! Which fault strikes is decided in `fault.rs`; a connection is closed in `serving.rs`. How a platform words a refusal
//! is its own: [`Refusals`].

use axum::response::Response;

use super::fault::{Fate, Plan};
use super::serving;
use super::world::{PlatformState, World};

/// How a platform refuses what a fault keeps it from doing.
pub(super) struct Refusals {
    /// 429, to be tried again after so many seconds.
    pub(super) rate_limited: fn(u64) -> Response,
    /// 503.
    pub(super) unavailable: fn() -> Response,
}

/// Performs a call with all that goes wrong around it. `how` hears whether the caller will be told.
pub(super) async fn perform<State: PlatformState, Beside>(
    world: &World<State, Beside>,
    method: &str,
    refusals: &Refusals,
    how: impl FnOnce(bool) -> Response,
) -> Response {
    let plan = world.roll(method);
    match before(world, method, refusals, plan).await {
        Some(refused) => refused,
        None => after(plan, how(is_told(plan))).await,
    }
}

/// Whether the caller will be told of what is done.
pub(super) fn is_told(plan: Plan) -> bool {
    plan.fate != Fate::LostAnswer
}

/// What goes wrong before anything is done.
pub(super) async fn before<State: PlatformState, Beside>(
    world: &World<State, Beside>,
    method: &str,
    refusals: &Refusals,
    plan: Plan,
) -> Option<Response> {
    tokio::time::sleep(plan.delay).await;
    let (name, response) = match plan.fate {
        Fate::Refused => ("refused", serving::close()),
        Fate::RateLimited => ("fault_429", (refusals.rate_limited)(plan.retry_after_s)),
        Fate::ServerError => ("fault_503", (refusals.unavailable)()),
        Fate::Pass | Fate::LostAnswer | Fate::Stall => return None,
    };
    world.change(|state, _| state.records().count(method, name));
    Some(response)
}

/// What goes wrong after everything is done.
pub(super) async fn after(plan: Plan, response: Response) -> Response {
    match plan.fate {
        Fate::LostAnswer => serving::close(),
        Fate::Stall => {
            tokio::time::sleep(plan.stall).await;
            response
        }
        _ => response,
    }
}
