//! `pm analyze`: how hard a piece of work is, how long it takes, and who should do it.

use clap::{ArgMatches, Command};

use crate::commands::arguments::{self, labels_of, text_of};
use crate::commands::task_card::{assign_menu, cut};
use crate::commands::{CommandSpec, also, answer, everyday, grammar};
use crate::domain::card::{Action, Block, ButtonStyle, Card};
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome};
use crate::domain::task::{LONGEST_TITLE, Task};
use crate::pm::{Analysis, Brief};
use crate::tools::{Context, pm_analyze};

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["pm", "analyze"],
    also: &[also("pm analyse"), also("analyze"), also("analyse"), also("pm estimate"), also("estimate")],
    action: everyday("pm.analyze"),
    about: "analyse a piece of work: complexity, hours, risks, steps, agents",
    details: "Takes a text or a task. The answer says on what it is based, and a button makes a task of it.",
    examples: &["pm analyze \"Build recommendation engine with ML\"", "pm analyze T-12"],
    arguments,
    run,
};

fn arguments(command: Command) -> Command {
    command
        .arg(arguments::words("text", "TEXT", "what is to be done, or a task").required(true))
        .arg(arguments::labels("label", "labels, separated by commas"))
}

fn run(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let text = text_of(matches, "text");
    let named = text.parse::<TaskId>().ok().filter(|_| text.starts_with(['T', 't', '#']));
    let task = named.map(|id| pm_analyze::task(id, ctx)).transpose()?;
    let mut brief = task.as_ref().map_or_else(|| Brief::of(text), pm_analyze::brief_of);
    brief.labels.extend(labels_of(matches, "label"));
    let analysis = pm_analyze::decide(&brief, ctx)?;
    let resource = task.as_ref().map_or_else(|| "brief".to_owned(), |task| task.id.to_string());
    let card = card(&brief, &analysis, task.as_ref(), ctx);
    Ok(answer::everyone(pm_analyze::outcome(&analysis, &resource), card))
}

fn card(brief: &Brief, analysis: &Analysis, task: Option<&Task>, ctx: &Context<'_>) -> Card {
    let first_line = brief.text.trim().lines().next().unwrap_or_default();
    let title = match task {
        Some(task) => format!("Analysis of {} {}", task.id, cut(&task.title, 100)),
        None => format!("Analysis: {}", cut(first_line, 100)),
    };
    let lead = analysis.recommended.first().map(|lead| lead.agent.clone()).unwrap_or_default();
    let mut card = Card::new(title).facts([
        ("Complexity", analysis.complexity.to_string()),
        ("Hours", analysis.hours.to_string()),
        ("Agent", lead),
    ]);
    if !analysis.recommended.is_empty() {
        let row = |it: &crate::pm::fit::Recommendation| {
            let reasons = it.reasons.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
            vec![it.agent.clone(), format!("{} %", it.confidence), cut(&reasons, 200)]
        };
        let rows = analysis.recommended.iter().map(row).collect();
        card = card.block(heading("Who should do it")).block(table(&["Agent", "Fit", "Because"], rows));
    }
    if !analysis.subtasks.is_empty() {
        let row = |it: &crate::pm::step::Subtask| {
            vec![it.title.clone(), format!("{} h", it.hours), it.agent.clone().unwrap_or_default()]
        };
        let rows = analysis.subtasks.iter().map(row).collect();
        card = card.block(heading("Steps")).block(table(&["Step", "Time", "Agent"], rows));
    }
    if !analysis.risks.is_empty() {
        let item = |it: &crate::pm::risk::RiskNote| {
            format!("{}: {} ({}). {}", it.level.as_str(), it.what, it.why, it.mitigation)
        };
        card = card.block(heading("Risks")).block(Block::List { items: analysis.risks.iter().map(item).collect() });
    }
    card.actions.extend(match task {
        Some(task) if !task.status.is_closed() && (ctx.offers)("task.assign") => {
            assign_menu(task, &analysis.recommended, ctx)
        }
        Some(_) => None,
        None => create_button(brief, analysis, ctx),
    });
    let by_hand = if task.is_none() && card.actions.is_empty() && (ctx.offers)("task.create") {
        format!(" · {} makes a task of it", ctx.typed("task create TITLE"))
    } else {
        String::new()
    };
    card.footer(format!("{}{by_hand}", analysis.basis)).unfolding()
}

fn heading(text: &str) -> Block {
    Block::Heading { text: text.to_owned() }
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> Block {
    Block::Table { columns: columns.iter().map(|column| (*column).to_owned()).collect(), rows }
}

/// A button that makes a task of the brief, where the whole of it fits a button; half a brief would be
/// another task. A line that does not fit has no token.
fn create_button(brief: &Brief, analysis: &Analysis, ctx: &Context<'_>) -> Option<Action> {
    let (title, description) = brief.text.trim().split_once('\n').unwrap_or((brief.text.trim(), ""));
    let mut line = format!("task create {}", grammar::quote(title.trim()));
    if !description.trim().is_empty() {
        line.push_str(&format!(" --description {}", grammar::quote(description.trim())));
    }
    let lead = analysis.recommended.first().filter(|_| (ctx.offers)("task.assign"));
    if let Some(lead) = lead {
        line.push_str(&format!(" --agent {}", lead.agent));
    }
    if title.chars().count() > LONGEST_TITLE || !(ctx.offers)("task.create") {
        return None;
    }
    let token = Some((ctx.sign)(&line)).filter(|token| !token.is_empty())?;
    let label = lead.map_or_else(|| "Create task".to_owned(), |lead| format!("Create task for {}", lead.agent));
    Some(Action::Button { label, token, style: ButtonStyle::Primary })
}
