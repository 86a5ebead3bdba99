//! `chat`: the terminal channel. One line from the arguments, lines from a pipe, or a prompt with history
//! and completion. A number presses the button that has it.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use axum::http::Method;
use clap::Args;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Editor, Helper, Highlighter, Hinter, Validator};
use serde_json::json;

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;
use crate::channels::terminal::render::{self, Look};
use crate::commands;
use crate::domain::card::{Card, Tone};
use crate::store::keyspace::event::End;
use crate::web::api::chat::{Said, Say};

/// Columns where the width cannot be found out.
const USUAL_WIDTH: usize = 80;
/// Lines kept in the history.
const HISTORY: usize = 1000;

/// Options of every subcommand, as they are written.
const GLOBAL: [&str; 4] = ["--json", "--data", "--config", "--profile"];

/// Options of `chat`.
#[derive(Args)]
pub(super) struct ChatArgs {
    /// What to say; nothing for a prompt
    #[arg(value_name = "TEXT", trailing_var_arg = true, allow_hyphen_values = true)]
    text: Vec<String>,
}

struct Talk {
    access: Access,
    user: String,
    look: Look,
    json: bool,
    /// Tokens of the buttons that were shown last, by their numbers.
    presses: Vec<(String, Option<String>)>,
    failed: bool,
}

pub(super) async fn run(global: &Global, args: ChatArgs) -> anyhow::Result<ExitCode> {
    let mut global = global.clone();
    let text = match lift(args.text, &mut global) {
        Ok(text) => text,
        Err(option) => {
            print::remark(format!("error: a value is required for '{option}'; see `ai-crm chat --help`"));
            return Ok(ExitCode::from(2));
        }
    };
    let config = global.load(Vec::new())?;
    let history = config.data.join("chat-history");
    let access = Access::open(config, Mode::Whole).await?;
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "operator".to_owned());
    let mut talk = Talk { access, user, look: look(), json: global.json, presses: Vec::new(), failed: false };
    let talked = if !text.is_empty() {
        talk.say(&as_typed(&text)).await
    } else if std::io::stdin().is_terminal() {
        talk.prompt(&history).await
    } else {
        talk.lines().await
    };
    let failed = talk.failed;
    talk.access.close().await;
    talked?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Takes the options of every subcommand out of the words, where they stand behind the text: no command of the chat
/// has one of these names. What stands behind `--` is text, whatever it looks like.
///
/// # Errors
/// The option that lacks its value.
fn lift(words: Vec<String>, global: &mut Global) -> Result<Vec<String>, String> {
    let mut text = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            text.extend(words);
            break;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.clone(), None),
        };
        if !GLOBAL.contains(&name.as_str()) {
            text.push(word);
            continue;
        }
        if name == "--json" {
            global.json = true;
            continue;
        }
        let value = value.or_else(|| words.next()).ok_or_else(|| name.clone())?;
        match name.as_str() {
            "--config" => global.config.push(value.into()),
            "--profile" => global.profile = Some(value),
            _ => global.data = Some(value.into()),
        }
    }
    Ok(text)
}

/// The shell has taken the quotes off: words with spaces in them get theirs back.
fn as_typed(words: &[String]) -> String {
    if let [line] = words {
        return line.clone();
    }
    let quoted = words.iter().map(|word| {
        let needs = word.is_empty() || word.contains(char::is_whitespace);
        if needs { commands::lexer::quote(word) } else { word.clone() }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn look() -> Look {
    let terminal = std::io::stdout().is_terminal();
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = if terminal { terminal_width().or(columns) } else { columns };
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let language =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let unicode = language.is_none_or(|language| {
        let language = language.to_lowercase();
        language.contains("utf-8") || language.contains("utf8")
    });
    Look { width: width.unwrap_or(USUAL_WIDTH).max(20), colour: terminal && !plain, unicode }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

impl Talk {
    async fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let pressed =
            line.trim().parse::<usize>().ok().and_then(|number| self.presses.get(number.checked_sub(1)?).cloned());
        let delivery = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let say = match pressed {
            Some((token, choice)) => Say { user: self.user.clone(), delivery, line: None, token: Some(token), choice },
            None => Say { user: self.user.clone(), delivery, line: Some(line.to_owned()), token: None, choice: None },
        };
        let answer = self.access.ask(Method::POST, "/chat", Some(&json!(say))).await?;
        if self.json {
            print::json(&answer);
        }
        let said: Said = serde_json::from_value(answer)?;
        let went_well = said.ended && said.state.is_none_or(|state| matches!(state, End::Done | End::Ignored));
        self.failed = !went_well || said.cards.iter().any(|card| matches!(card.tone, Tone::Bad));
        for card in &said.cards {
            self.show(card);
        }
        if !said.ended {
            print::remark(format!("no answer yet: it goes on, see `ai-crm why {}`", said.event));
        }
        Ok(())
    }

    fn show(&mut self, card: &Card) {
        let presses = render::presses(card);
        self.presses =
            presses.iter().map(|press| (press.token.to_owned(), press.value.map(ToOwned::to_owned))).collect();
        if !self.json {
            print::line(render::render(card, &self.look).trim_end());
        }
    }

    async fn lines(&mut self) -> anyhow::Result<()> {
        let mut failed = false;
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            if !line.trim().is_empty() {
                self.say(&line).await?;
                failed |= self.failed;
            }
        }
        self.failed = failed;
        Ok(())
    }

    async fn prompt(&mut self, history: &std::path::Path) -> anyhow::Result<()> {
        let config = rustyline::Config::builder().max_history_size(HISTORY)?.auto_add_history(true).build();
        let mut editor: Editor<Words, FileHistory> = Editor::with_config(config)?;
        editor.set_helper(Some(Words));
        // The first time there is none.
        let _ = editor.load_history(history);
        print::line("`help` says what you can say; a number presses a button; ctrl-d ends");
        loop {
            match editor.readline("ai-crm> ") {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) if ["exit", "quit"].contains(&line.trim()) => break,
                Ok(line) => {
                    if let Err(error) = self.say(&line).await {
                        print::failure(&error);
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.failed = false;
        // Without it the next prompt begins with an empty history.
        let _ = editor.save_history(history);
        Ok(())
    }
}

/// Completes the words of commands, from their table.
#[derive(Helper, Hinter, Highlighter, Validator)]
struct Words;

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..at];
        let lines = commands::TABLE.iter().map(|spec| spec.name());
        let fits = lines.filter(|name| name.starts_with(typed) && name != typed);
        Ok((0, fits.map(|name| Pair { display: name.clone(), replacement: name + " " }).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_program_behind_the_text_are_not_text() {
        let split = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, text, json, data) in [
            ("status --json", "status", true, None),
            ("status --data DIR", "status", false, Some("DIR")),
            ("task list --data=DIR --mine --json", "task list --mine", true, Some("DIR")),
            ("task comment T-1 -- --json", "task comment T-1 --json", false, None),
            ("task list --mine", "task list --mine", false, None),
        ] {
            let mut global = Global::default();
            assert_eq!(lift(split(line), &mut global), Ok(split(text)), "{line}");
            assert_eq!((global.json, global.data), (json, data.map(Into::into)), "{line}");
        }
        let mut global = Global::default();
        assert_eq!(lift(vec!["task list --json".to_owned()], &mut global), Ok(vec!["task list --json".to_owned()]));
        assert_eq!(lift(split("status --config a --config b --profile p"), &mut global), Ok(split("status")));
        assert_eq!((global.config.len(), global.profile.as_deref()), (2, Some("p")));
        assert_eq!(lift(split("status --data"), &mut global), Err("--data".to_owned()));
    }

    #[test]
    fn no_command_has_an_option_of_the_program() {
        for spec in commands::TABLE {
            for (argument, _) in commands::usage::arguments(spec) {
                let name = argument.split(' ').next().unwrap_or_default();
                assert!(!GLOBAL.contains(&name), "{} takes {name}: `ai-crm chat` would take it away", spec.name());
            }
        }
    }

    #[test]
    fn a_line_from_the_shell_is_the_line_that_was_typed() {
        let words = ["task", "create", "Implement user auth", "--agent", "security-auditor"].map(str::to_owned);
        assert_eq!(as_typed(&words), "task create \"Implement user auth\" --agent security-auditor");
        assert_eq!(as_typed(&["task list --mine".to_owned()]), "task list --mine");
    }
}
