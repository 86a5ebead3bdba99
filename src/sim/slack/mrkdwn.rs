//! Slack's mark-up as a terminal shows it: names for ids, links with their address, no escapes.
//!
//! It shows what the mark-up means, it does not check it. An emoji that is worth showing is one row in
//! `EMOJI`.

use super::show::Names;

/// Emoji names that applications use for status; others stay as they are written.
const EMOJI: &[(&str, &str)] = &[
    ("white_check_mark", "✅"),
    ("heavy_check_mark", "✔"),
    ("x", "❌"),
    ("warning", "⚠"),
    ("rotating_light", "🚨"),
    ("information_source", "ℹ"),
    ("bulb", "💡"),
    ("eyes", "👀"),
    ("tada", "🎉"),
    ("no_entry", "⛔"),
    ("hourglass_flowing_sand", "⏳"),
    ("red_circle", "🔴"),
    ("large_green_circle", "🟢"),
    ("large_yellow_circle", "🟡"),
    ("robot_face", "🤖"),
    ("clipboard", "📋"),
];

/// A mrkdwn text as a person reads it.
pub(super) fn read(text: &str, names: &Names) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((token, behind)) = after.split_once('>') else {
            break;
        };
        out.push_str(&plain(before));
        out.push_str(&reference(token, names));
        rest = behind;
    }
    out + &plain(rest)
}

/// The meaning of `<…>`.
fn reference(token: &str, names: &Names) -> String {
    let (target, label) = token.split_once('|').map_or((token, None), |(target, label)| (target, Some(label)));
    let label = label.filter(|label| !label.is_empty()).map(unescape);
    if let Some(user) = target.strip_prefix('@') {
        return format!("@{}", label.unwrap_or_else(|| names.user(user)));
    }
    if let Some(channel) = target.strip_prefix('#') {
        return format!("#{}", label.unwrap_or_else(|| names.channel(channel)));
    }
    if let Some(special) = target.strip_prefix('!') {
        return label.unwrap_or_else(|| format!("@{}", special.split('^').next().unwrap_or(special)));
    }
    match label {
        Some(label) => format!("{label} ({})", unescape(target)),
        None => unescape(target),
    }
}

/// Text outside of references: emphasis and quote marks go, code stays marked, emoji are shown.
fn plain(text: &str) -> String {
    let mut out = String::new();
    // Between backticks every character counts.
    for (index, piece) in text.split('`').enumerate() {
        if index > 0 {
            out.push('`');
        }
        out.push_str(&if index % 2 == 0 { emoji(&without_emphasis(piece)) } else { piece.to_owned() });
    }
    unescape(&out.replace("```", ""))
}

/// Drops `*`, `_` and `~` where they stand at the edge of a word, as pairs.
fn without_emphasis(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut drop = vec![false; characters.len()];
    for mark in ['*', '_', '~'] {
        let mut open = None;
        for (index, character) in characters.iter().enumerate() {
            if *character == '\n' {
                open = None;
            }
            if *character != mark {
                continue;
            }
            let word =
                |index: Option<usize>| index.and_then(|i| characters.get(i)).is_some_and(|c| c.is_alphanumeric());
            let space = |index: Option<usize>| index.and_then(|i| characters.get(i)).is_none_or(|c| c.is_whitespace());
            match open {
                Some(start) if !space(index.checked_sub(1)) && !word(Some(index + 1)) => {
                    (drop[start], drop[index]) = (true, true);
                    open = None;
                }
                None if !space(Some(index + 1)) && !word(index.checked_sub(1)) => open = Some(index),
                _ => {}
            }
        }
    }
    characters.iter().zip(drop).filter(|(_, drop)| !drop).map(|(character, _)| character).collect()
}

/// Shows the known `:names:`.
pub(super) fn emoji(text: &str) -> String {
    EMOJI.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(&format!(":{name}:"), sign))
}

/// Undoes Slack's three escapes, once.
pub(super) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_person_does() {
        let names = Names::default().with_user("U0GRACE01", "grace").with_channel("C0GENERAL", "general");
        let cases = [
            ("a &amp;lt; b &lt;3", "a &lt; b <3"),
            ("*T-12* is _late_ by ~2~ 3*4*5 days", "T-12 is late by 2 3*4*5 days"),
            ("snake_case_name and * alone", "snake_case_name and * alone"),
            ("<@U0GRACE01> in <#C0GENERAL> or <#C9|ops>", "@grace in #general or #ops"),
            ("<@U0NOBODY> <!here> <!date^1^x|today>", "@U0NOBODY @here today"),
            ("<https://x.example/a?b=1&amp;c=2|the page>", "the page (https://x.example/a?b=1&c=2)"),
            ("<https://x.example>", "https://x.example"),
            (":white_check_mark: `*code* &amp; <@U0GRACE01>` :unknown:", "✅ `*code* & @grace` :unknown:"),
            ("```/ai-crm *help*```", "/ai-crm *help*"),
            ("1 < 2", "1 < 2"),
        ];
        for (given, expected) in cases {
            assert_eq!(read(given, &names), expected, "{given}");
        }
    }
}
