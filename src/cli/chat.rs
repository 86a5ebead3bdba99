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
    let config = global.load(Vec::new())?;
    let history = config.data.join("chat-history");
    let access = Access::open(config, Mode::Whole).await?;
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "operator".to_owned());
    let mut talk = Talk { access, user, look: look(), json: global.json, presses: Vec::new(), failed: false };
    let talked = if !args.text.is_empty() {
        talk.say(&as_typed(&args.text)).await
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
    fn a_line_from_the_shell_is_the_line_that_was_typed() {
        let words = ["task", "create", "Implement user auth", "--agent", "security-auditor"].map(str::to_owned);
        assert_eq!(as_typed(&words), "task create \"Implement user auth\" --agent security-auditor");
        assert_eq!(as_typed(&["task list --mine".to_owned()]), "task list --mine");
    }
}
