//! An Adaptive Card as lines of text.
//!
//! The elements of version 1.5 that bots use; a further one is an arm in `element`. It shows and checks nothing.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::super::layout::{self, pad, wrap};

/// The lines of a card.
pub(super) fn lines(card: &Value, width: usize) -> Vec<String> {
    let mut lines = elements(&card["body"], width);
    lines.extend(buttons(&card["actions"], width));
    lines
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn elements(list: &Value, width: usize) -> Vec<String> {
    items(list).filter(|element| element["isVisible"] != false).flat_map(|inner| element(inner, width)).collect()
}

fn element(element: &Value, width: usize) -> Vec<String> {
    let word = |name: &str| element[name].as_str().unwrap_or_default();
    match word("type") {
        "TextBlock" => text_block(element, width),
        "RichTextBlock" => {
            let runs = items(&element["inlines"]).map(|run| run.as_str().or(run["text"].as_str()).unwrap_or_default());
            wrap(&runs.collect::<String>(), width)
        }
        "FactSet" => facts(element, width),
        "Table" => table(element, width),
        "ActionSet" => buttons(&element["actions"], width),
        "Container" | "Column" => elements(&element["items"], width),
        "ColumnSet" => columns(element, width),
        "Image" => vec![format!("[image: {}]", word("altText"))],
        "ImageSet" => elements(&element["images"], width),
        "Input.ChoiceSet" => choices(element, width),
        "Input.Text" | "Input.Number" => {
            let inside = shown_value(element).unwrap_or_else(|| format!("{}_____", word("placeholder")));
            vec![format!("{}[ {inside} ]", label(element))]
        }
        "Input.Date" => vec![format!("{}[ {} ]", label(element), shown_value(element).unwrap_or("yyyy-mm-dd".into()))],
        "Input.Time" => vec![format!("{}[ {} ]", label(element), shown_value(element).unwrap_or("hh:mm".into()))],
        "Input.Toggle" => {
            let on = element["value"] == element.get("valueOn").cloned().unwrap_or("true".into());
            vec![format!("{}[{}] {}", label(element), if on { "x" } else { " " }, word("title"))]
        }
        unknown => vec![format!("[unknown: {unknown}]")],
    }
}

fn text_block(block: &Value, width: usize) -> Vec<String> {
    let mut lines = wrap(&plain(block["text"].as_str().unwrap_or_default()), width);
    let size = block["size"].as_str().unwrap_or_default().to_lowercase();
    let heading = block["style"] == "heading" || matches!(size.as_str(), "large" | "extralarge");
    if heading && let Some(last) = lines.last() {
        lines.push(layout::underline(last, width));
    }
    lines
}

fn facts(set: &Value, width: usize) -> Vec<String> {
    let text = |fact: &Value, name: &str| plain(fact[name].as_str().unwrap_or_default());
    let facts: Vec<(String, String)> =
        items(&set["facts"]).map(|fact| (text(fact, "title"), text(fact, "value"))).collect();
    let widest = facts.iter().map(|(title, _)| title.width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (title, value) in facts {
        let mut first = true;
        for line in wrap(&value, width.saturating_sub(widest + 2).max(10)) {
            lines.push(format!("{}  {line}", pad(if first { &title } else { "" }, widest)).trim_end().to_owned());
            first = false;
        }
        if first {
            lines.push(title);
        }
    }
    lines
}

fn table(table: &Value, width: usize) -> Vec<String> {
    let cell = |cell: &Value| elements(&cell["items"], width).join(" ");
    let rows: Vec<Vec<String>> = items(&table["rows"]).map(|row| items(&row["cells"]).map(cell).collect()).collect();
    layout::table(&rows, table["firstRowAsHeader"] != false, width)
}

/// Columns side by side.
fn columns(set: &Value, width: usize) -> Vec<String> {
    let count = items(&set["columns"]).count().max(1);
    let share = (width.saturating_sub(2 * (count - 1)) / count).max(8);
    let columns: Vec<Vec<String>> = items(&set["columns"]).map(|column| elements(&column["items"], share)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let row = |row: usize| {
        let cells = columns.iter().map(|column| {
            let widest = column.iter().map(|line| line.width()).max().unwrap_or(0);
            pad(column.get(row).map_or("", String::as_str), widest)
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..height).map(row).collect()
}

fn choices(input: &Value, width: usize) -> Vec<String> {
    let value = input["value"].as_str().unwrap_or_default();
    let chosen: Vec<&str> = value.split(',').collect();
    let titles = |only: bool| {
        let choices = items(&input["choices"]);
        let meant = choices.filter(move |choice| !only || chosen.iter().any(|value| choice["value"] == *value));
        meant.map(|choice| choice["title"].as_str().unwrap_or_default()).collect::<Vec<_>>()
    };
    let set = titles(true);
    let set =
        if set.is_empty() { input["placeholder"].as_str().unwrap_or_default().to_owned() } else { set.join(", ") };
    let all = items(&input["choices"]).map(|choice| choice["title"].as_str().unwrap_or_default()).collect::<Vec<_>>();
    wrap(&format!("{}[ {set} ▾ ] ({})", label(input), all.join(", ")), width)
}

fn label(input: &Value) -> String {
    let mark = if input["isRequired"] == true { "*" } else { "" };
    input["label"].as_str().map(|label| format!("{label}{mark}: ")).unwrap_or_default()
}

fn shown_value(input: &Value) -> Option<String> {
    match &input["value"] {
        Value::String(value) if !value.is_empty() => Some(value.clone()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}

fn buttons(actions: &Value, width: usize) -> Vec<String> {
    let shown = items(actions).map(|action| {
        let mark = match action["style"].as_str() {
            Some("positive") => "✦ ",
            Some("destructive") => "! ",
            _ => "",
        };
        let link = action["url"].as_str().map(|url| format!(" ({url})")).unwrap_or_default();
        format!("[ {mark}{} ]{link}", action["title"].as_str().unwrap_or_default())
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { Vec::new() } else { wrap(&shown.join("  "), width) }
}

/// What is left of Teams' markdown for the eye: names of people, links, and no stars and backslashes.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("<at>")
            && let Some((name, after)) = inner.split_once("</at>")
        {
            out.push_str(&format!("@{name}"));
            rest = after;
        } else if let Some((words, url, after)) = link(rest) {
            out.push_str(&format!("{words} ({url})"));
            rest = after;
        } else if let Some((date, after)) = date(rest) {
            out.push_str(date);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            rest = after;
        } else if first == '\\' && rest[1..].starts_with(|c: char| c.is_ascii_punctuation()) {
            let escaped = &rest[1..2];
            out.push_str(escaped);
            rest = &rest[2..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    for (entity, meant) in [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")] {
        out = out.replace(entity, meant);
    }
    out
}

/// `[words](url)` at the start of a text.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (words, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (url, after) = rest.split_once(')')?;
    (!words.contains(['[', '\n'])).then_some((words, url, after))
}

/// `{{DATE(2026-12-01T00:00:00Z, SHORT)}}` at the start of a text; the day alone is shown.
fn date(text: &str) -> Option<(&str, &str)> {
    let (inside, after) = text.strip_prefix("{{DATE(")?.split_once(")}}")?;
    Some((inside.split(['T', ',']).next().unwrap_or(inside).trim(), after))
}
