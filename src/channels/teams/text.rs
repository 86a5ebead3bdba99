//! What people write in Teams as words: mentions, entities and no-break spaces.
//!
//! The bot's own mention is found as Microsoft's SDK does it, and what is meant for the bot is what stands behind it, or
//! before it where nothing does; mentions of others stay, as `<@id>`, since they are arguments. Curly quotes and long dashes belong to the chat grammar, which meets them on every platform.

use super::activity::{Activity, Entity};

/// The words that are meant for the bot, and whether it is mentioned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) line: String,
    pub(super) to_the_bot: bool,
}

/// Reads the text of a message. The mentions are found in the text as it came, and what is left is unescaped once, so
/// that an escaped `<` of the writer never becomes a mention.
pub(super) fn words(activity: &Activity) -> Words {
    let text = activity.text.as_deref().unwrap_or_default();
    let bot = activity.recipient.as_ref();
    let mut called_at = None;
    let (mut line, mut rest) = (String::with_capacity(text.len()), text);
    let mut mentions: Vec<Mention<'_>> =
        activity.entities.iter().filter_map(|entity| Mention::of(entity, bot)).collect();
    while let Some((at, index)) = first(rest, &mentions) {
        let mention = mentions.remove(index);
        line.push_str(&unescaped(&rest[..at]));
        if mention.is_the_bot {
            called_at.get_or_insert(line.len());
        } else {
            line.push_str("<@");
            line.push_str(mention.id);
            line.push('>');
        }
        rest = &rest[at + mention.text.len()..];
    }
    line.push_str(&unescaped(rest));
    if called_at.is_none()
        && let Some(tag) = bot.and_then(|bot| bot.name.as_deref()).map(|name| format!("<at>{name}</at>"))
        && let Some((before, _)) = text.split_once(&tag)
        && let Some(at) = line.find(&tag).filter(|_| !before.contains("&lt;at&gt;"))
    {
        // A mention whose entity did not come.
        line.replace_range(at..at + tag.len(), "");
        called_at = Some(at);
    }
    let (before, after) = line.split_at(called_at.unwrap_or(0));
    let meant = if trimmed(after).is_empty() { before } else { after };
    let line = trimmed(meant).replace("<at>", "@").replace("</at>", "");
    Words { line, to_the_bot: called_at.is_some() }
}

/// Without the space around it, and without what people put behind a name when they call it.
fn trimmed(text: &str) -> &str {
    text.trim().trim_start_matches([':', ',']).trim()
}

struct Mention<'a> {
    id: &'a str,
    text: &'a str,
    is_the_bot: bool,
}

impl<'a> Mention<'a> {
    fn of(entity: &'a Entity, bot: Option<&super::activity::Account>) -> Option<Self> {
        let is_mention = entity.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("mention"));
        let id = entity.mentioned.as_ref().filter(|_| is_mention)?.id.as_deref()?;
        let text = entity.text.as_deref().filter(|text| !text.is_empty())?;
        // An id goes into a token, which `>` ends.
        let fits = !id.is_empty() && !id.contains(['<', '>', '|']) && !id.contains(char::is_whitespace);
        fits.then_some(Self { id, text, is_the_bot: bot.is_some_and(|bot| bot.id.as_deref() == Some(id)) })
    }
}

/// The mention that stands first in a text, and where.
fn first(text: &str, mentions: &[Mention<'_>]) -> Option<(usize, usize)> {
    let found = mentions.iter().enumerate().filter_map(|(index, mention)| Some((text.find(mention.text)?, index)));
    found.min()
}

/// Entities read once, and no-break spaces as spaces.
fn unescaped(text: &str) -> String {
    const ENTITIES: [(&str, &str); 7] = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\u{a0}']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (read, length) = match ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, read)) => (*read, entity.len()),
            None if rest.starts_with('&') => ("&", 1),
            None => (" ", '\u{a0}'.len_utf8()),
        };
        plain.push_str(read);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// The words of a message's HTML: without tags, scripts and styles, with a line for each paragraph. It is text from here
/// on, whatever stands in it.
pub(super) fn of_html(html: &str) -> String {
    const LINES: [&str; 9] = ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "blockquote"];
    const SILENT: [&str; 2] = ["script", "style"];
    let mut words = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        words.push_str(&unescaped(&rest[..at]));
        rest = &rest[at + 1..];
        if !rest.starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!')) {
            words.push('<');
            continue;
        }
        // A tag that does not end is none of the words.
        let (tag, behind) = rest.split_once('>').unwrap_or((rest, ""));
        rest = behind;
        let is_end = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split(|next: char| !next.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if SILENT.contains(&name.as_str()) && !is_end {
            let end = format!("</{name}");
            rest = rest.to_ascii_lowercase().find(&end).map_or("", |at| &rest[at..]);
        } else if LINES.contains(&name.as_str()) && !words.ends_with('\n') {
            words.push('\n');
        }
    }
    words.push_str(&unescaped(rest));
    words.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, mentions: &[(&str, &str)]) -> (String, bool) {
        let entities: Vec<_> = mentions
            .iter()
            .map(|(id, text)| json!({"type": "mention", "mentioned": {"id": id, "name": "x"}, "text": text}))
            .collect();
        let activity = json!({"type": "message", "text": text, "entities": entities,
            "recipient": {"id": "28:bot", "name": "AI-CRM"}});
        let words = words(&Activity::read(activity.to_string().as_bytes()).unwrap());
        (words.line, words.to_the_bot)
    }

    #[test]
    fn the_bots_mention_goes_and_those_of_others_stay() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, bool);
        const BOT: (&str, &str) = ("28:bot", "<at>AI-CRM</at>");
        let table: &[Case<'_>] = &[
            ("<at>AI-CRM</at> task list", &[BOT], "task list", true),
            ("<at>AI-CRM</at>&nbsp;task list\n", &[BOT], "task list", true),
            ("<at>AI-CRM</at>\u{a0}task list", &[BOT], "task list", true),
            ("<at>AI-CRM</at>: task list", &[BOT], "task list", true),
            ("please <at>AI-CRM</at> task list", &[BOT], "task list", true),
            ("task list <at>AI-CRM</at>", &[BOT], "task list", true),
            ("<at>AI-CRM</at>", &[BOT], "", true),
            ("<at>Bot</at> help", &[("28:bot", "<at>Bot</at>")], "help", true),
            ("<at>AI-CRM</at> help", &[], "help", true),
            (
                "<at>AI-CRM</at> task assign T-1 <at>Ann Lee</at>",
                &[BOT, ("29:ann", "<at>Ann Lee</at>")],
                "task assign T-1 <@29:ann>",
                true,
            ),
            (
                "<at>Ann</at> and <at>Ann</at>, <at>AI-CRM</at>",
                &[("29:a", "<at>Ann</at>"), ("29:b", "<at>Ann</at>"), BOT],
                "<@29:a> and <@29:b>,",
                true,
            ),
            ("hello", &[], "hello", false),
            ("a &lt;at&gt;AI-CRM&lt;/at&gt; b", &[], "a @AI-CRM b", false),
            ("x &amp;lt; y &amp;&amp; z", &[], "x &lt; y && z", false),
            ("<at>Stranger</at> hi", &[], "@Stranger hi", false),
            ("<at>x</at>", &[("29:>evil", "<at>x</at>")], "@x", false),
            ("", &[("28:bot", "")], "", false),
        ];
        for (text, mentions, line, to_the_bot) in table {
            assert_eq!(read(text, mentions), ((*line).to_owned(), *to_the_bot), "{text}");
        }
    }
}
