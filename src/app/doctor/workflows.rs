//! Findings of `doctor` about files of workflows that are not in use as they stand: the operator's, and those of repositories.

use super::{Finding, State, good, not_good};
use crate::app::inside::Insides;
use crate::app::workflows::words;
use crate::store::keyspace::repository::{self, Repository, Wrong};
use crate::store::{Store, StoreError};
use crate::workflow::repository_file::PATH;

const WHAT: &str = "repository files";
/// Repositories that are named; the others are counted.
const MOST_NAMED: usize = 20;

/// All of them.
pub(super) fn findings(inside: &Insides) -> Vec<Finding> {
    std::iter::once(of_operator(inside)).chain(of_repositories(&inside.store)).collect()
}

/// Whether the workflows in use are those of the operator's files.
fn of_operator(inside: &Insides) -> Finding {
    let count = inside.workflows.current().workflows().count();
    match inside.workflows.refused() {
        Some(wrong) => {
            let detail = format!("the files are not valid, so earlier ones are in use: {}", words(&wrong));
            let mend = "mend what it names; `ai-crm workflow check` looks at them, and they are read within seconds";
            not_good("workflows", State::Bad, detail, mend)
        }
        None => good("workflows", format!("{count} are in use")),
    }
}

/// One for each repository whose file is wrong; one for all where none is. Nothing where no repository is known.
fn of_repositories(store: &Store) -> Vec<Finding> {
    match known(store) {
        Ok(known) => of(&known),
        Err(error) => {
            let mend = "the finding of the store says what is wrong with it";
            vec![not_good(WHAT, State::Bad, format!("they cannot be read: {error}"), mend)]
        }
    }
}

fn known(store: &Store) -> Result<Vec<Repository>, StoreError> {
    let mut known = Vec::new();
    for tenant in store.tenants()? {
        let view = store.view(&tenant);
        for it in repository::all(&view) {
            known.push(it?);
        }
    }
    Ok(known)
}

fn of(known: &[Repository]) -> Vec<Finding> {
    let wrong: Vec<(&Repository, &Wrong)> = known.iter().filter_map(|it| Some((it, it.wrong.as_ref()?))).collect();
    if wrong.is_empty() {
        let in_use = known.iter().filter(|it| it.good.is_some()).count();
        let said = format!("{in_use} of {} repositories have a good one", known.len());
        return if known.is_empty() { Vec::new() } else { vec![good(WHAT, said)] };
    }
    let mut findings: Vec<Finding> = wrong.iter().take(MOST_NAMED).map(|(it, wrong)| finding(it, wrong)).collect();
    if let Some(more) = wrong.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let mend = "each pull request that touches such a file has a check run that names its mistakes";
        findings.push(not_good(WHAT, State::Warning, format!("those of {more} further repositories are wrong"), mend));
    }
    findings
}

fn finding(it: &Repository, wrong: &Wrong) -> Finding {
    let stays = if it.good.is_some() { "the last good one stays in use" } else { "nothing begins by it" };
    if let Some(why) = &wrong.unread {
        let mend =
            "give the App the permission to read contents, or mend what it names; it is tried again within the hour";
        return not_good(
            WHAT,
            State::Warning,
            format!("{}: {PATH} could not be read, so {stays}: {why}", it.name),
            mend,
        );
    }
    let first = wrong.mistakes.first();
    let first = first.map(|at| format!("line {}, column {}: {}", at.line, at.column, at.what)).unwrap_or_default();
    let more = match wrong.mistakes.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let mend = "who keeps that repository mends the file on its default branch; `ai-crm workflow check` looks at it";
    not_good(WHAT, State::Warning, format!("{}: {PATH} is not valid, so {stays}: {first}{more}", it.name), mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keyspace::repository::{Look, Place};

    fn shop(wrong: Option<Wrong>) -> Repository {
        let name = "acme/shop".to_owned();
        Repository { name, look: Look::Due, looks: 1, waiting: Vec::new(), good: None, wrong }
    }

    #[test]
    fn a_file_that_is_wrong_is_named_with_its_line_and_its_mend() {
        assert!(of(&[]).is_empty());
        let well = of(&[shop(None)]);
        assert!(well.len() == 1 && well[0].state == State::Good, "{well:?}");
        let place = Place { line: 4, column: 7, what: "`tigger` is no key".to_owned() };
        let wrong = Wrong { commit: None, unread: None, mistakes: vec![place.clone(), place] };
        let found = of(&[shop(Some(wrong.clone())), shop(None)]);
        assert!(found.len() == 1 && found[0].state == State::Warning && found[0].mend.is_some(), "{found:?}");
        let said = "acme/shop: .github/ai-crm.yml is not valid, so nothing begins by it: line 4, column 7: `tigger`";
        assert!(found[0].detail.starts_with(said) && found[0].detail.ends_with("(and 1 more)"), "{found:?}");
        let unread = of(&[shop(Some(Wrong { commit: None, unread: Some("403".to_owned()), mistakes: Vec::new() }))]);
        assert!(unread[0].detail.ends_with("could not be read, so nothing begins by it: 403"), "{unread:?}");
        let many = vec![shop(Some(wrong)); MOST_NAMED + 2];
        assert!(of(&many).last().is_some_and(|last| last.detail.starts_with("those of 2 further")));
    }
}
