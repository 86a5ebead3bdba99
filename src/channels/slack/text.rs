//! Slack's text as it comes in → the words that the person meant.
//!
//! Only the platform's own escapes are read here: `<…>` tokens, `&amp; &lt; &gt;` and the
//! no-break space. Curly quotes and long dashes belong to the chat grammar, which meets them on
//! every platform. Rules: docs.slack.dev/messaging/formatting-message-text, "retrieving messages".

/// Reads tokens and escapes, each exactly once and the tokens first, so that an escaped `<` of the
/// writer can never become a token.
pub(super) fn read(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        push_plain(&mut words, &rest[..open]);
        let inside = &rest[open + 1..];
        match inside.find(['<', '>']) {
            Some(end) if end > 0 && inside.as_bytes()[end] == b'>' => {
                push_token(&mut words, &inside[..end]);
                rest = &inside[end + 1..];
            }
            _ => {
                words.push('<');
                rest = inside;
            }
        }
    }
    push_plain(&mut words, rest);
    words
}

/// The words that are meant for the bot in a message that mentions it: those after the mention,
/// or those before it where nothing follows. `None` where the bot is not mentioned.
///
/// Where the bot's own user is unknown, a mention at the very start is taken for it.
pub(super) fn addressed(text: &str, bot: Option<&str>) -> Option<String> {
    let (before, after) = split_at_mention(text, bot)?;
    let mut after = trim_call(after);
    while let Some(("", again)) = split_at_mention(after, bot).map(|(before, rest)| (before.trim(), rest)) {
        after = trim_call(again);
    }
    let words = if after.is_empty() { before } else { after };
    Some(read(words).trim().to_owned())
}

/// The words of a message that is for the bot in any case: calls of its name around them are taken off, a mention
/// within them is a part of what is said.
pub(super) fn called(text: &str, bot: Option<&str>) -> String {
    let mut words = text.trim();
    while let Some(("", after)) = split_at_mention(words, bot).map(|(before, after)| (before.trim(), after)) {
        words = trim_call(after);
    }
    if let Some(open) = bot.and(words.rfind("<@"))
        && let Some((before, "")) =
            split_at_mention(&words[open..], bot).map(|(_, after)| (&words[..open], after.trim()))
    {
        words = before;
    }
    read(words).trim().to_owned()
}

/// Cuts the text at the first mention of the bot.
fn split_at_mention<'t>(text: &'t str, bot: Option<&str>) -> Option<(&'t str, &'t str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("<@") {
        let open = from + found;
        let inside = &text[open + 2..];
        // A token ends at `>`; one that another `<` interrupts is none.
        let close = inside.find(['<', '>'])?;
        let id = inside[..close].split('|').next().unwrap_or_default();
        let ours = inside.as_bytes()[close] == b'>'
            && match bot {
                Some(bot) => id == bot,
                None => text[..open].trim().is_empty() && is_id(id),
            };
        if ours {
            return Some((&text[..open], &inside[close + 1..]));
        }
        from = open + 2;
    }
    None
}

/// Takes off what people put behind a name when they call it: `@bot: help`, `@bot, help`.
fn trim_call(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix([':', ',']).unwrap_or(text).trim()
}

fn push_token(words: &mut String, token: &str) {
    let (target, label) = match token.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (token, None),
    };
    if let Some(id) = target.strip_prefix('@').filter(|id| is_id(id)) {
        // Kept as a token: the name may be anybody's, the id is one person's.
        words.push_str("<@");
        words.push_str(id);
        words.push('>');
    } else if let Some(id) = target.strip_prefix('#').filter(|id| is_id(id)) {
        words.push('#');
        push_plain(words, label.unwrap_or(id));
    } else if let Some(special) = target.strip_prefix('!') {
        push_special(words, special, label);
    } else if target.contains(':') {
        push_link(words, target, label);
    } else {
        words.push('<');
        push_plain(words, token);
        words.push('>');
    }
}

/// `<!here>`, `<!subteam^S1|@people>`, `<!date^…|in words>`.
fn push_special(words: &mut String, special: &str, label: Option<&str>) {
    let (name, argument) = special.split_once('^').unwrap_or((special, ""));
    match (name, label) {
        ("here" | "channel" | "everyone", _) => {
            words.push('@');
            words.push_str(name);
        }
        (_, Some(label)) => push_plain(words, label),
        ("subteam", None) => {
            words.push('@');
            push_plain(words, argument);
        }
        (_, None) => push_plain(words, name),
    }
}

/// The address, not the label, so that nobody is led elsewhere than it says. Two links are put
/// there by Slack and not by the writer: addresses of mail and telephone, and words that look like
/// a host (`main.rs` becomes `<http://main.rs|main.rs>`). Those are read as they were typed.
fn push_link(words: &mut String, target: &str, label: Option<&str>) {
    if let Some(bare) = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")) {
        return push_plain(words, bare);
    }
    let typed = target.strip_prefix("http://").filter(|host| label == Some(host.trim_end_matches('/')));
    match (typed, label) {
        (Some(_), Some(label)) => push_plain(words, label),
        _ => push_plain(words, target),
    }
}

/// Unescapes once, from left to right.
fn push_plain(words: &mut String, mut text: &str) {
    while let Some(at) = text.find(['&', '\u{a0}']) {
        words.push_str(&text[..at]);
        text = &text[at..];
        let (read, taken) = if text.starts_with('\u{a0}') {
            (' ', '\u{a0}'.len_utf8())
        } else if text.starts_with("&amp;") {
            ('&', "&amp;".len())
        } else if text.starts_with("&lt;") {
            ('<', "&lt;".len())
        } else if text.starts_with("&gt;") {
            ('>', "&gt;".len())
        } else {
            ('&', 1)
        };
        words.push(read);
        text = &text[taken..];
    }
    words.push_str(text);
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mark_up_is_read_as_what_was_meant() {
        let table = [
            ("", ""),
            ("task list", "task list"),
            ("assign T-1 to <@U1>", "assign T-1 to <@U1>"),
            ("assign T-1 to <@W1|mia>", "assign T-1 to <@W1>"),
            ("in <#C1|general>", "in #general"),
            ("in <#C1|>", "in #C1"),
            ("in <#C1>", "in #C1"),
            ("<!here> <!channel|@channel> <!everyone>", "@here @channel @everyone"),
            ("<!subteam^S1|@ops> <!subteam^S1>", "@ops @S1"),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            ("see <https://x.io/a?b=1&amp;c=2|the page>", "see https://x.io/a?b=1&c=2"),
            ("see <https://x.io>", "see https://x.io"),
            ("mend <http://main.rs|main.rs>", "mend main.rs"),
            ("<http://evil.io|good.io>", "http://evil.io"),
            ("<mailto:a@b.de|a@b.de> <tel:+49|+49>", "a@b.de +49"),
            ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
            ("&lt;@U1&gt; &amp;lt;", "<@U1> &lt;"),
            ("task\u{a0}list", "task list"),
            ("“as typed” – left", "“as typed” – left"),
            ("a < b", "a < b"),
            ("<", "<"),
            ("<>", "<>"),
            ("<a <@U1>", "<a <@U1>"),
            ("<plain>", "<plain>"),
            ("<@>", "<@>"),
            ("AT&T & co", "AT&T & co"),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_words_for_the_bot_stand_after_its_name_or_before_it() {
        let table = [
            ("<@UB> task list", Some("UB"), Some("task list")),
            ("<@UB|ai-crm>: task list", Some("UB"), Some("task list")),
            ("<@UB>,\u{a0}help", Some("UB"), Some("help")),
            ("hey <@U1>! <@UB> task list", Some("UB"), Some("task list")),
            ("task list <@UB>", Some("UB"), Some("task list")),
            ("<@UB> <@UB> help <@U1>", Some("UB"), Some("help <@U1>")),
            ("<@UB>", Some("UB"), Some("")),
            ("<@U1> task list", Some("UB"), None),
            ("task list", Some("UB"), None),
            ("&lt;@UB&gt; help", Some("UB"), None),
            ("<@UB help", Some("UB"), None),
            ("<@UX> help", None, Some("help")),
            ("say <@UX> help", None, None),
        ];
        for (text, bot, expected) in table {
            assert_eq!(addressed(text, bot).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_megabyte_of_brackets_takes_no_time_worth_naming() {
        for piece in ["<", "<@", "&", "<@U1", "<>", "<@UX> ", "<@UB> "] {
            let text = piece.repeat((1 << 20) / piece.len()) + ">";
            read(&text);
            addressed(&text, Some("UB"));
        }
    }

    fn escape(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    proptest! {
        #[test]
        fn what_slack_escapes_is_read_back(text in "[^\u{a0}]*", marked in "[<>&;@!#|a-z]{0,40}") {
            prop_assert_eq!(read(&escape(&text)), text);
            prop_assert_eq!(read(&escape(&marked)), marked);
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[<>&;@!#|^:a-zé]{0,60}") {
            read(&text);
            addressed(&text, Some("a"));
            addressed(&text, None);
        }
    }
}
