//! Which commands stand in a Markdown text: a comment, the body of an issue or of a pull request, a review.
//!
//! Owns what a command is and which words it has; `commands/reading.rs` asks pulldown-cmark what each place of the text
//! is. Who may ask and what the words mean is decided elsewhere.
//!
//! | where it stands | a command |
//! |---|---|
//! | at the start of a line, after at most three blanks: `/ai-crm …`, `@handle …`, `@handle[bot]: …` | yes |
//! | in other letters, `/AI-CRM …` | yes |
//! | alone, without words | yes, with an empty line, as a mention alone is on every channel |
//! | in a paragraph, also as one of its further lines, and in `<details>` behind an empty line | yes |
//! | in the first column right below an item of a list | yes: Markdown counts it to the item, who wrote it did not |
//! | in an item, `- /ai-crm …`, or indented below one | no: it is spoken about |
//! | in a quote, also in a line of it without `>`; in code, HTML, a comment, a table, a heading, a link | no |
//! | escaped, `\/ai-crm` | no |
//!
//! Words are read as they were meant: escapes and entities as what they stand for, a link as its address, whatever its
//! label says. Marks such as `**` and backticks stay, as they do in Slack. What no reader of the page sees, a comment of
//! HTML, is no part of a command.

mod reading;

use std::ops::Range;

use reading::{Piece, Reads};

/// How people call the bot, besides its name.
const CALL: &str = "/ai-crm";

/// Commands of one text that are carried out. Ours: more than that in one comment is a list that was pasted.
pub const MOST_COMMANDS: usize = 20;

/// Bytes of a text that are looked at. GitHub takes bodies of 262,144 bytes, although it says "maximum is 65536
/// characters" when it refuses one (github.com/dead-claudia/github-limits/pull/13, measured).
const MOST_BYTES: usize = 262_144;

/// Quotes and items that a line may begin within each other. Ours: nobody writes more, and the deeper they are, the longer
/// the parser takes for each line that follows. A text is looked at down to the first line that has more.
const MOST_DEPTH: usize = 64;

/// Blanks before a command; four make code of a line.
const MOST_BLANKS: usize = 3;

/// A command as it stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The words after the call: `task list`. Empty where the bot was called without any.
    pub line: String,
    /// The line as it was written, without the blanks at its end, for the answer to quote.
    pub quoted: String,
}

/// What was found in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// The commands in their order, at most [`MOST_COMMANDS`].
    pub found: Vec<Found>,
    /// How many more there are, which are not carried out.
    pub left: usize,
    /// Whether the text goes on behind what was looked at: it is longer than GitHub takes one, or deeper than people
    /// write.
    pub is_cut: bool,
}

/// The commands of a text, for a bot that people also call `@handle`. A bot without a name has an empty handle.
#[must_use]
pub fn commands(text: &str, handle: &str) -> Commands {
    let (text, is_cut) = beginning(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut all = Commands { is_cut, ..Commands::default() };
    let calls = calls(text, handle);
    if calls.is_empty() {
        return all;
    }
    let pieces = reading::pieces(text);
    for call in &calls {
        let at = pieces.partition_point(|piece| piece.range.end <= call.start);
        let Some(rest) = pieces.get(at..).filter(|rest| is_command(call, rest)) else { continue };
        if all.found.len() == MOST_COMMANDS {
            all.left += 1;
            continue;
        }
        let quoted = text[call.line.clone()].trim_end().to_owned();
        all.found.push(Found { line: words(text, call, rest), quoted });
    }
    all
}

/// The part of a text that is looked at, whole lines of it, and whether there is more.
fn beginning(text: &str) -> (&str, bool) {
    let room = &text[..text.floor_char_boundary(MOST_BYTES)];
    let room = if room.len() < text.len() { &room[..room.rfind(['\n', '\r']).unwrap_or_default()] } else { room };
    let end = lines(room).find(|(_, line)| depth(line) > MOST_DEPTH).map_or(room.len(), |(at, _)| at);
    (&room[..end], end < text.len())
}

/// Lines and where they begin. Between the two characters of a CRLF stands an empty one, which calls nobody.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    text.split(['\n', '\r']).map(move |line| {
        let at = from;
        from += line.len() + 1;
        (at, line)
    })
}

/// How many quotes and items a line begins at most.
fn depth(line: &str) -> usize {
    let bytes = line.as_bytes();
    let marks = bytes.iter().take_while(|byte| b" \t>-*+.)0123456789".contains(byte)).enumerate();
    let begins = |(at, mark): &(usize, &u8)| match mark {
        b'>' => true,
        b'-' | b'*' | b'+' => matches!(bytes.get(at + 1), None | Some(b' ' | b'\t')),
        b'.' | b')' => at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_digit()),
        _ => false,
    };
    marks.filter(begins).count()
}

/// A line that calls the bot, wherever it stands.
struct Call {
    /// The line.
    line: Range<usize>,
    /// Where the call begins.
    start: usize,
    /// Where its words begin.
    words: usize,
    /// Whether blanks stand before it.
    is_indented: bool,
}

fn calls(text: &str, handle: &str) -> Vec<Call> {
    let found = |(at, line): (usize, &str)| {
        let (start, words, is_indented) = call(line, handle)?;
        Some(Call { line: at..at + line.len(), start: at + start, words: at + words, is_indented })
    };
    lines(text).filter_map(found).collect()
}

/// Where a line calls the bot, where the words begin, and whether blanks stand before them.
fn call(line: &str, handle: &str) -> Option<(usize, usize, bool)> {
    let start = line.find(|c: char| !is_blank(c) && !is_unseen(c))?;
    let blanks = line[..start].chars().filter(|&c| is_blank(c)).count();
    if blanks > MOST_BLANKS {
        return None;
    }
    let called = &line[start..];
    let after = without(called, CALL).or_else(|| mentioned(called, handle))?.trim_start_matches(is_unseen);
    let words = after.strip_prefix([':', ',']).unwrap_or(after);
    let is_whole = words.chars().next().is_none_or(char::is_whitespace);
    is_whole.then(|| (start, line.len() - words.len(), blanks > 0))
}

/// What follows `@handle` or `@handle[bot]`, the name by which GitHub shows an app.
fn mentioned<'t>(text: &'t str, handle: &str) -> Option<&'t str> {
    let after = without(text.strip_prefix('@')?, handle).filter(|_| !handle.is_empty())?;
    Some(without(after, "[bot]").unwrap_or(after))
}

/// What follows a beginning in any case of ASCII letters.
fn without<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    let (first, rest) = text.split_at_checked(beginning.len())?;
    first.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// Blanks that may stand before a command. A tab counts for four.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}')
}

/// Characters that nobody sees, which come along with what is pasted.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Whether the piece in which a call begins is text of a paragraph.
fn is_command(call: &Call, pieces: &[Piece<'_>]) -> bool {
    pieces.first().is_some_and(|piece| {
        matches!(piece.reads, Reads::As(_))
            && piece.range.contains(&call.start)
            && !(piece.is_in_list && call.is_indented)
    })
}

/// The words of a call, to the end of its line.
fn words(text: &str, call: &Call, pieces: &[Piece<'_>]) -> String {
    let (mut words, mut at, end) = (String::new(), call.words, call.line.end);
    let typed = |from: usize, to: usize| text.get(from..to.min(end)).unwrap_or_default();
    for piece in pieces.iter().filter(|piece| piece.range.end > call.words) {
        if piece.range.start >= end {
            break;
        }
        let between = typed(at, piece.range.start);
        let begins_before = piece.range.start < at;
        match &piece.reads {
            Reads::As(_) if begins_before => words.push_str(typed(at, piece.range.end)),
            Reads::As(read) => {
                // A backslash that belongs to no text escapes the text behind it.
                words.push_str(between.strip_suffix('\\').unwrap_or(between));
                words.push_str(read);
            }
            Reads::Address(address) => {
                words.push_str(between);
                words.push_str(address);
            }
            Reads::AsTyped => {
                words.push_str(between);
                words.push_str(typed(piece.range.start.max(at), piece.range.end));
            }
            Reads::AsNothing => words.push_str(between),
        }
        at = piece.range.end;
    }
    words.push_str(typed(at, end));
    words.replace('\u{a0}', " ").trim_matches(|c: char| c.is_whitespace() || is_unseen(c)).to_owned()
}

#[cfg(test)]
mod tests;
