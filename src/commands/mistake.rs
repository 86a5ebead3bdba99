//! What is wrong with a line, in people's words, with the nearest line that would be right.
//!
//! Owns the words of such refusals. clap says what is wrong; none of its own text is shown.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::commands::grammar::{arguments_of, grammar, plain};
use crate::commands::lexer::{self, Word};
use crate::commands::{CommandSpec, TABLE, usage};
use crate::domain::outcome::Refusal;

/// How alike two words must be for one to be offered for the other (0 to 1).
const ALIKE_ENOUGH: f64 = 0.55;
/// As much of a word is shown again as fits a line.
const LONGEST_ECHO: usize = 40;

fn echo(text: &str) -> String {
    let kept: String = text.chars().take(LONGEST_ECHO).collect();
    if kept.len() < text.len() { format!("{kept}…") } else { kept }
}

/// The candidate that is most like a word.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = shortened(&word.to_lowercase());
    let alike = candidates.map(|candidate| (strsim::normalized_damerau_levenshtein(&word, candidate), candidate));
    let best = alike.fold(
        (0.0, None),
        |best, (alike, candidate)| {
            if alike > best.0 { (alike, Some(candidate)) } else { best }
        },
    );
    best.1.filter(|_| best.0 >= ALIKE_ENOUGH)
}

/// As many words are compared with those of commands.
const LONGEST_PHRASE: usize = 4;

/// The comparison is quadratic in the length of the words.
fn shortened(word: &str) -> String {
    word.chars().take(LONGEST_ECHO).collect()
}

/// How alike what was said is to a command: as the worst of its words, or all in one (`taskcreate`).
fn likeness(said: &[String], meant: &[&str]) -> f64 {
    let alike = |(said, meant): (&String, &&str)| strsim::normalized_damerau_levenshtein(said, meant);
    let worst = if said.len() < meant.len() { 0.0 } else { said.iter().zip(meant).map(alike).fold(1.0, f64::min) };
    let whole = said.first().map_or(0.0, |said| strsim::normalized_damerau_levenshtein(said, &meant.concat()));
    if meant.len() > 1 && whole > 0.8 { worst.max(whole) } else { worst }
}

/// The command that words are most like, other than one.
fn nearest_command(words: &[Word], other_than: Option<&CommandSpec>) -> Option<&'static CommandSpec> {
    let differs = |command: usize| other_than.is_none_or(|other| TABLE[command].words != other.words);
    let said: Vec<String> = words.iter().take(LONGEST_PHRASE).map(|word| shortened(&plain(word))).collect();
    // Where the first word is right, what is meant begins with it.
    let of_group = |words: &[&str]| words.len() > 1 && said.len() > 1 && words[0] == said[0];
    let in_group = grammar().phrases.iter().any(|phrase| of_group(&phrase.words));
    let phrases = grammar().phrases.iter().filter(|phrase| !in_group || of_group(&phrase.words));
    let phrases = phrases.filter(|phrase| differs(phrase.command));
    let alike = phrases.map(|phrase| (likeness(&said, &phrase.words), phrase.command));
    let best = alike.fold((0.0, 0), |best, next| if next.0 > best.0 { next } else { best });
    (best.0 >= ALIKE_ENOUGH).then(|| &TABLE[best.1])
}

/// No command begins so.
pub(super) fn unknown_command(words: &[Word]) -> Refusal {
    let said: Vec<&str> = words.iter().take(2).map(|word| word.text.as_str()).collect();
    let what = format!("`{}` is not a command", echo(&said.join(" ")));
    let first = words.first().map(plain).unwrap_or_default();
    let group: Vec<&CommandSpec> = TABLE.iter().filter(|spec| spec.words.len() > 1 && spec.words[0] == first).collect();
    let near = nearest_command(words, None);
    let near = near.filter(|near| group.is_empty() || group.iter().any(|spec| spec.words == near.words));
    match near {
        Some(near) if group.is_empty() || words.len() > 1 => Refusal {
            usage: Some(usage::usage(near)),
            ..Refusal::new(what, format!("did you mean `{}`?", near.name()))
        },
        _ if group.is_empty() => Refusal::new(what, "`help` lists what you may ask"),
        _ => {
            let follows: Vec<&str> = group.iter().map(|spec| spec.words[1]).collect();
            let usage: Vec<String> = group.iter().map(|spec| usage::brief(spec)).collect();
            let what = if words.len() == 1 { format!("`{first}` alone is not a command") } else { what };
            let mend = format!("behind `{first}` comes {}", either(&follows));
            Refusal { usage: Some(usage.join("\n")), ..Refusal::new(what, mend) }
        }
    }
}

/// `a, b or c`.
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The arguments of a command do not fit.
pub(super) fn wrong_arguments(spec: &CommandSpec, line: &[Word], error: &clap::Error) -> Refusal {
    let name = spec.name();
    let (what, mend) = match error.kind() {
        ErrorKind::UnknownArgument => unknown_argument(spec, line, error),
        ErrorKind::TooManyValues => {
            let option =
                context(error, ContextKind::InvalidArg).first().map(|arg| option_name(arg)).unwrap_or_default();
            (format!("{option} takes no value"), format!("say {option} alone"))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> =
                context(error, ContextKind::InvalidArg).iter().map(|arg| place_name(arg)).collect();
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            (format!("`{name}` needs {}", missing.join(" and ")), for_example(spec))
        }
        ErrorKind::ArgumentConflict => {
            let option =
                context(error, ContextKind::InvalidArg).first().map(|arg| option_name(arg)).unwrap_or_default();
            let prior = context(error, ContextKind::PriorArg).first().map(|arg| option_name(arg));
            match prior.filter(|prior| *prior != option) {
                Some(prior) => (format!("{option} and {prior} do not go together"), "say one of them".to_owned()),
                None => (format!("{option} is there twice"), "say it once".to_owned()),
            }
        }
        _ => wrong_value(spec, error),
    };
    let mut refusal = Refusal::new(what, mend);
    refusal.usage = Some(usage::usage(spec));
    refusal
}

fn for_example(spec: &CommandSpec) -> String {
    let example = spec.examples.first().copied().unwrap_or_default();
    format!("for example: {example}")
}

fn unknown_argument(spec: &CommandSpec, words: &[Word], error: &clap::Error) -> (String, String) {
    let name = spec.name();
    let given = context(error, ContextKind::InvalidArg).first().cloned().unwrap_or_default();
    // Everything that is not an option stands behind `--`, where clap gives it back as it is.
    let options: Vec<&str> = arguments_of(spec).filter_map(clap::Arg::get_long).collect();
    let mistyped = given.strip_prefix("--").map(|option| option.split('=').next().unwrap_or(option));
    let is_option =
        |option: &str| words.iter().any(|w| !w.quoted && w.text.to_lowercase().starts_with(&format!("--{option}")));
    if let Some(option) = mistyped.filter(|option| is_option(option)) {
        let mend = match nearest(option, options.iter().copied()) {
            Some(near) => format!("did you mean `--{near}`?"),
            None if options.is_empty() => {
                format!("`{name}` takes no options; put a text that begins with dashes in quotes")
            }
            None => "put a text that begins with dashes in quotes".to_owned(),
        };
        return (format!("`--{}` is not an option of `{name}`", echo(option)), mend);
    }
    let mend = match nearest_command(words, Some(spec)) {
        Some(near) => format!("did you mean `{}`?", near.name()),
        None => format!("say it without, or put a text of several words in quotes; `help {name}` shows all it takes"),
    };
    (format!("`{}` is more than `{name}` takes", echo(&given)), mend)
}

fn wrong_value(spec: &CommandSpec, error: &clap::Error) -> (String, String) {
    let argument = context(error, ContextKind::InvalidArg).first().cloned().unwrap_or_default();
    let value = context(error, ContextKind::InvalidValue).first().cloned().unwrap_or_default();
    let option = option_name(&argument);
    let choices = choices_of(spec, &argument);
    let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
    if value.is_empty() {
        let mend = if choices.is_empty() { for_example(spec) } else { format!("one of {}", either(&choices)) };
        return (format!("{option} needs a value"), mend);
    }
    let what = match error.source() {
        Some(source) => format!("{option}: {source}"),
        None => format!("{option} cannot be `{}`", echo(&value)),
    };
    let mend = match nearest(&value, choices.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if choices.is_empty() => for_example(spec),
        None => format!("use {}", either(&choices)),
    };
    (what, mend)
}

/// The values that an argument can have, where its name in the usage lists them.
fn choices_of(spec: &CommandSpec, argument: &str) -> Vec<String> {
    let names = arguments_of(spec)
        .find(|arg| arg.get_long().is_some_and(|long| option_name(argument) == format!("`--{long}`")));
    let name = names.and_then(|arg| arg.get_value_names()).and_then(<[clap::builder::Str]>::first);
    match name {
        Some(name) if name.contains('|') => name.split('|').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// `--agent <NAME>` as `` `--agent` ``, `<TASK>` as `TASK`.
fn option_name(argument: &str) -> String {
    match argument.split([' ', '=']).next() {
        Some(option) if option.starts_with("--") => format!("`{option}`"),
        _ => place_name(argument),
    }
}

fn place_name(argument: &str) -> String {
    argument.trim_end_matches("...").trim_matches(['<', '>', '[', ']']).to_owned()
}

fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The command whose name a text is most like.
pub(super) fn nearest_named(text: &str) -> Option<&'static CommandSpec> {
    nearest_command(&lexer::words(text), None)
}
