//! A card's parts spread over as many messages as a platform gives it; what does not fit is left out, and how much is said.
//!
//! How much a message holds is the platform's own.

use crate::channels::text::more_characters;

/// A piece of a card, as a platform shows it.
pub(super) trait PagePart: Clone {
    /// How long its text is.
    fn characters(&self) -> usize;
    /// A text as small print.
    fn small_print(text: &str) -> Vec<Self>;
}

/// Spreads parts over at most `most` messages, which `pack` fills one after the other; leaves out the end of the body, or
/// at worst of the tail, and says so.
pub(super) fn fit<P: PagePart>(
    body: &[P],
    tail: &[P],
    most: usize,
    pack: impl for<'a> Fn(Vec<&'a P>) -> Vec<Vec<&'a P>>,
) -> Vec<Vec<P>> {
    let whole = pack(body.iter().chain(tail).collect());
    if whole.len() <= most {
        return owned(whole);
    }
    let fits = |kept, kept_tail| shortened(body, tail, (kept, kept_tail), &pack, |pages| pages.len()) <= most;
    if let Some(kept) = most_that_fits(body.len(), |kept| fits(kept, tail.len())) {
        return shortened(body, tail, (kept, tail.len()), &pack, owned);
    }
    let kept_tail = most_that_fits(tail.len(), |kept_tail| fits(0, kept_tail)).unwrap_or_default();
    shortened(body, tail, (0, kept_tail), &pack, owned)
}

/// The pages of so many parts of body and tail, with a line for what is left out of each.
fn shortened<P: PagePart, T>(
    body: &[P],
    tail: &[P],
    (kept, kept_tail): (usize, usize),
    pack: impl for<'a> Fn(Vec<&'a P>) -> Vec<Vec<&'a P>>,
    finish: impl FnOnce(Vec<Vec<&P>>) -> T,
) -> T {
    let notices = [left_out(&body[kept..]), left_out_actions(&tail[kept_tail..])].concat();
    finish(pack(body[..kept].iter().chain(&notices).chain(&tail[..kept_tail]).collect()))
}

fn owned<P: Clone>(pages: Vec<Vec<&P>>) -> Vec<Vec<P>> {
    pages.into_iter().map(|page| page.into_iter().cloned().collect()).collect()
}

/// The largest number up to `highest` that passes, given that fewer always pass when more do.
fn most_that_fits(highest: usize, passes: impl Fn(usize) -> bool) -> Option<usize> {
    if !passes(0) {
        return None;
    }
    let (mut good, mut bad) = (0, highest + 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// The line that stands for parts of the body.
fn left_out<P: PagePart>(parts: &[P]) -> Vec<P> {
    if parts.is_empty() {
        return Vec::new();
    }
    P::small_print(&more_characters(parts.iter().map(PagePart::characters).sum()))
}

/// The line that stands for blocks of actions.
fn left_out_actions<P: PagePart>(parts: &[P]) -> Vec<P> {
    if parts.is_empty() {
        return Vec::new();
    }
    P::small_print(&format!("… and {} more blocks of buttons and menus", parts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl PagePart for String {
        fn characters(&self) -> usize {
            self.len()
        }

        fn small_print(text: &str) -> Vec<Self> {
            vec![text.to_owned()]
        }
    }

    fn by_two(parts: Vec<&String>) -> Vec<Vec<&String>> {
        parts.chunks(2).map(<[&String]>::to_vec).collect()
    }

    #[test]
    fn the_end_of_the_body_goes_first_and_what_is_left_out_is_counted() {
        let parts = |count: usize, name: &str| vec![name.to_owned(); count];
        for (body, tail, wanted) in [
            (3, 1, vec!["b", "b", "b", "t"]),
            (5, 1, vec!["b", "b", "… (3 more characters)", "t"]),
            (0, 9, vec!["t", "t", "t", "… and 6 more blocks of buttons and menus"]),
            (9, 9, vec!["… (9 more characters)", "… and 7 more blocks of buttons and menus", "t", "t"]),
        ] {
            let pages = fit(&parts(body, "b"), &parts(tail, "t"), 2, by_two);
            let mut shown = pages.concat();
            let mut wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
            assert!(pages.len() <= 2);
            shown.sort();
            wanted.sort();
            assert_eq!(shown, wanted, "{body} and {tail}");
        }
    }
}
