//! A typed line as a command with its arguments: one grammar for every channel.
//!
//! Owns which words name which command and which words are options, values or text. The arguments
//! themselves are declared by each command; what is wrong with a line is put in words by `mistake.rs`.
//! It never panics, exits or prints, and takes no more time for a long line than to read it.
//!
//! clap checks the arguments. It is handed `--option=value` and everything else behind `--`, so that a
//! text which looks like an option is a text where it was quoted.

use std::sync::{LazyLock, Mutex, PoisonError};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::commands::lexer::{self, Word};
use crate::commands::{CommandSpec, TABLE, arguments, mistake};
use crate::domain::ids::{EffectId, EventId, TaskId};
use crate::domain::outcome::Refusal;

pub use crate::commands::lexer::quote;

/// By these words the bot is spoken to where the channel has not taken its name off.
const BOT: &[&str] = &["/ai-crm", "ai-crm", "@ai-crm"];

/// A line that was understood.
#[derive(Debug)]
pub struct Parsed {
    /// The command.
    pub spec: &'static CommandSpec,
    /// Its arguments.
    pub matches: ArgMatches,
}

/// A way to say a command.
pub(crate) struct Phrase {
    pub(crate) words: Vec<&'static str>,
    pub(crate) command: usize,
    adds: &'static [&'static str],
}

pub(crate) struct Grammar {
    /// As they stand in the table.
    pub(crate) commands: Vec<Command>,
    /// Those with the most words first.
    pub(crate) phrases: Vec<Phrase>,
}

/// Built once: clap's own build takes longer than a parse.
static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    let commands = TABLE.iter().map(build).collect();
    let mut phrases = Vec::new();
    for (command, spec) in TABLE.iter().enumerate() {
        phrases.push(Phrase { words: spec.words.to_vec(), command, adds: &[] });
        phrases.extend(spec.also.iter().map(|saying| Phrase {
            words: saying.words.split(' ').collect(),
            command,
            adds: saying.adds,
        }));
    }
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.words.len()));
    Grammar { commands, phrases }
});

/// The commands once more: clap parses with `&mut Command`, in which it leaves nothing behind, and to copy one for each
/// line takes longer than the parse.
static PARSERS: LazyLock<Vec<Mutex<Command>>> =
    LazyLock::new(|| GRAMMAR.commands.iter().cloned().map(Mutex::new).collect());

fn build(spec: &CommandSpec) -> Command {
    let command = Command::new(spec.name())
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .color(clap::ColorChoice::Never);
    let mut command = (spec.arguments)(command);
    command.build();
    command
}

pub(crate) fn grammar() -> &'static Grammar {
    &GRAMMAR
}

/// The arguments of a command.
pub(crate) fn arguments_of(spec: &CommandSpec) -> impl Iterator<Item = &'static Arg> {
    let place = TABLE.iter().position(|known| known.words == spec.words);
    place.into_iter().flat_map(|place| GRAMMAR.commands[place].get_arguments())
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, the nearest that would be right, and the usage.
pub fn parse(line: &str) -> Result<Parsed, Refusal> {
    let words = lexer::words(line);
    let words = skip_bot(&words);
    if words.is_empty() {
        return read(place_of("help"), &[], &[], words);
    }
    if let [id] = words
        && let Some(name) = shown_by(&id.text)
    {
        return read(place_of(name), &[], words, words);
    }
    let Some((phrase, rest)) = find(words) else {
        return Err(mistake::unknown_command(words));
    };
    if rest.iter().any(asks_for_help) {
        let asked = TABLE[phrase.command].words.iter().copied();
        let asked: Vec<Word> = asked.map(str::to_owned).map(|text| Word { text, quoted: true }).collect();
        return read(place_of("help"), &[], &asked, words);
    }
    read(phrase.command, phrase.adds, rest, words)
}

/// The command that a line names without saying any more.
#[must_use]
pub fn bare(line: &str) -> Option<&'static CommandSpec> {
    let words = lexer::words(line);
    let (phrase, rest) = find(skip_bot(&words))?;
    (rest.is_empty() && phrase.adds.is_empty()).then(|| &TABLE[phrase.command])
}

fn place_of(name: &str) -> usize {
    let place = TABLE.iter().position(|spec| spec.name() == name);
    place.expect("invariant: the grammar names only commands of the table")
}

fn skip_bot(mut words: &[Word]) -> &[Word] {
    while let [first, rest @ ..] = words {
        let name = first.text.trim_end_matches([':', ',']).to_lowercase();
        // No command begins with a mention, so whoever is mentioned first is the bot.
        let is_mention = name.starts_with('@') || (name.starts_with("<@") && name.ends_with('>'));
        if first.quoted || !(is_mention || BOT.contains(&name.as_str())) {
            break;
        }
        words = rest;
    }
    words
}

/// The command that shows what an id names, where nothing else is said.
fn shown_by(text: &str) -> Option<&'static str> {
    let is_task = text.starts_with(['T', 't', '#']) && text.parse::<TaskId>().is_ok();
    let is_told = text.parse::<EventId>().is_ok() || text.parse::<EffectId>().is_ok();
    if is_task { Some("task show") } else { is_told.then_some("why") }
}

fn asks_for_help(word: &Word) -> bool {
    !word.quoted && matches!(word.text.to_lowercase().as_str(), "--help" | "-h" | "-?")
}

/// A word as commands are compared with: without case and without what people put around it.
pub(crate) fn plain(word: &Word) -> String {
    let text = word.text.trim_start_matches('/').trim_end_matches([':', ',', '!', '?', '.']);
    text.to_lowercase()
}

fn find(words: &[Word]) -> Option<(&'static Phrase, &[Word])> {
    let longest = GRAMMAR.phrases.first().map_or(0, |phrase| phrase.words.len());
    let plain: Vec<String> = words.iter().take(longest).map(plain).collect();
    let begins =
        |phrase: &&Phrase| plain.len() >= phrase.words.len() && phrase.words.iter().eq(&plain[..phrase.words.len()]);
    let phrase = GRAMMAR.phrases.iter().find(begins)?;
    Some((phrase, &words[phrase.words.len()..]))
}

/// Reads the arguments of a command; `line` is all that was said.
fn read(place: usize, adds: &[&str], words: &[Word], line: &[Word]) -> Result<Parsed, Refusal> {
    let (spec, command) = (&TABLE[place], &GRAMMAR.commands[place]);
    let mut given = Given::default();
    given.options.extend(adds.iter().map(|add| (*add).to_owned()));
    given.take(command, words);
    let mut arguments = given.options;
    arguments.push("--".to_owned());
    arguments.extend(given.texts);
    let read = PARSERS[place].lock().unwrap_or_else(PoisonError::into_inner).try_get_matches_from_mut(arguments);
    match read {
        Ok(matches) => Ok(Parsed { spec, matches }),
        Err(error) => Err(mistake::wrong_arguments(spec, line, &error)),
    }
}

/// What follows the words of a command.
#[derive(Default)]
struct Given {
    options: Vec<String>,
    texts: Vec<String>,
}

impl Given {
    fn take(&mut self, command: &Command, words: &[Word]) {
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some((name, value)) = option_of(command, word) else {
                self.texts.push(word.text.clone());
                continue;
            };
            let takes_value = option(command, &name).is_some_and(takes_value);
            let follows = |next: &&Word| option_of(command, next).is_none();
            let option = match value {
                Some(value) => format!("--{name}={value}"),
                None if takes_value => match words.next_if(|next| follows(next)) {
                    Some(next) => {
                        let mut value = next.text.clone();
                        // Before the text of the command itself, what follows the first word is that text.
                        let goes_on = !next.quoted
                            && !self.texts.is_empty()
                            && option(command, &name).is_some_and(arguments::is_text);
                        while goes_on && let Some(more) = words.next_if(|next| !next.quoted && follows(next)) {
                            value.push(' ');
                            value.push_str(&more.text);
                        }
                        format!("--{name}={value}")
                    }
                    None => format!("--{name}"),
                },
                None => format!("--{name}"),
            };
            self.options.push(option);
        }
    }
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

/// The name of an option, in small letters, and the value behind its `=`. One hyphen will do for an
/// option that there is; two make an option of any word, so that a mistyped one is noticed.
fn option_of(command: &Command, word: &Word) -> Option<(String, Option<String>)> {
    if word.quoted {
        return None;
    }
    let split = |text: &str| match text.split_once('=') {
        Some((name, value)) => (name.to_lowercase(), Some(value.to_owned())),
        None => (text.to_lowercase(), None),
    };
    if let Some(text) = word.text.strip_prefix("--") {
        return text.starts_with(|c: char| c.is_alphanumeric()).then(|| split(text));
    }
    let (name, value) = split(word.text.strip_prefix('-')?);
    option(command, &name).is_some().then_some((name, value))
}

/// The command that a text names and nothing more: `task create`, or as people say it.
pub(crate) fn named(text: &str) -> Option<&'static CommandSpec> {
    let words = lexer::words(text);
    let (phrase, rest) = find(skip_bot(&words))?;
    rest.is_empty().then(|| &TABLE[phrase.command])
}

#[cfg(test)]
mod tests;
