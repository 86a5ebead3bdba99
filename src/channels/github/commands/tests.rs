//! Which lines are commands, and which words they have.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn lines(text: &str) -> Vec<String> {
    commands(text, "octo-bot").found.into_iter().map(|found| found.line).collect()
}

#[track_caller]
fn check(table: &[(&str, &[&str])]) {
    for (text, wanted) in table {
        assert_eq!(lines(text), *wanted, "{text:?}");
    }
}

#[test]
fn a_line_that_calls_the_bot_is_a_command() {
    check(&[
        ("", &[]),
        ("task list", &[]),
        ("/ai-crm task list", &["task list"]),
        ("@octo-bot task list", &["task list"]),
        ("@octo-bot[bot] task list", &["task list"]),
        ("@octo-bot[bot]: task list", &["task list"]),
        ("@octo-bot: task list", &["task list"]),
        ("@octo-bot, task list", &["task list"]),
        ("/ai-crm: task list", &["task list"]),
        ("/ai-crm:task list", &[]),
        ("/AI-CRM task list", &["task list"]),
        ("/Ai-Crm Task List", &["Task List"]),
        ("@Octo-Bot help", &["help"]),
        ("@OCTO-BOT[BOT] help", &["help"]),
        ("/ai-crm", &[""]),
        ("/ai-crm   ", &[""]),
        ("/ai-crm:", &[""]),
        ("@octo-bot", &[""]),
        ("@octo-bot:\nplease", &[""]),
        ("@octo-bot[bot]", &[""]),
        (" /ai-crm help", &["help"]),
        ("   /ai-crm help", &["help"]),
        ("    /ai-crm help", &[]),
        ("text\n    /ai-crm help", &[]),
        ("\t/ai-crm help", &[]),
        ("text\n\t/ai-crm help", &[]),
        ("/ai-crm\thelp", &["help"]),
        ("/ai-crm   task   list  ", &["task   list"]),
        ("/ai-crmx help", &[]),
        ("/ai-crm-x help", &[]),
        ("/ai-crm_x help", &[]),
        ("/ai-crm/x help", &[]),
        ("/ai-crm.yml", &[]),
        ("/ai-crm!", &[]),
        ("/ai-crm\\", &[]),
        ("/ai", &[]),
        ("/ai-cr", &[]),
        ("//ai-crm help", &[]),
        ("x /ai-crm help", &[]),
        ("please /ai-crm help", &[]),
        ("hey @octo-bot help", &[]),
        ("@octo-bots help", &[]),
        ("@octo-bot's task", &[]),
        ("@octo-bot. Help", &[]),
        ("@octo-bot-x help", &[]),
        ("@octo-bot/team help", &[]),
        ("@octo-bot[bots] help", &[]),
        ("@@octo-bot help", &[]),
        ("octo-bot help", &[]),
        ("a@octo-bot help", &[]),
        ("@someone help", &[]),
        ("@ai-crm help", &[]),
    ]);
}

#[test]
fn each_line_of_a_paragraph_may_be_one() {
    check(&[
        ("text\n/ai-crm help", &["help"]),
        ("/ai-crm help\ntext", &["help"]),
        ("text\n\n/ai-crm help\n\ntext", &["help"]),
        ("/ai-crm a\n/ai-crm b", &["a", "b"]),
        ("/ai-crm a\n@octo-bot b\n\n/ai-crm c", &["a", "b", "c"]),
        ("/ai-crm a\r\n/ai-crm b\r\n", &["a", "b"]),
        ("text\r\n\r\n/ai-crm help\r\n", &["help"]),
        ("/ai-crm a\r/ai-crm b", &["a", "b"]),
        ("/ai-crm a  \n/ai-crm b", &["a", "b"]),
        ("/ai-crm a\\\n/ai-crm b", &["a", "b"]),
        ("*see\n/ai-crm help\nthere*", &["help"]),
        ("---\n/ai-crm help", &["help"]),
        ("/ai-crm help\n***", &["help"]),
        ("# Title\n/ai-crm help", &["help"]),
        ("/ai-crm help\n# Title", &["help"]),
        ("/ai-crm help\n- item", &["help"]),
        ("> quoted\n\n/ai-crm help", &["help"]),
        ("> /ai-crm a\n\n/ai-crm b", &["b"]),
        ("```\ncode\n```\n/ai-crm help", &["help"]),
        ("/ai-crm help\n```\ncode\n```", &["help"]),
        ("<details>\n<summary>x</summary>\n\n/ai-crm help\n\n</details>", &["help"]),
        ("<!-- hidden -->\n/ai-crm help", &["help"]),
        ("<!-- hidden -->\n\n/ai-crm help", &["help"]),
        ("a | b\n--|--\n1 | 2\n\n/ai-crm help", &["help"]),
        ("EDIT: /ai-crm help", &[]),
        ("*Edit:*\n/ai-crm help", &["help"]),
        ("~~/ai-crm a~~\n/ai-crm b", &["b"]),
        ("/ai-crm a\n\n**Update**\n\n/ai-crm b", &["a", "b"]),
        ("/ai-crm a\n/ai-crm a", &["a", "a"]),
    ]);
}

#[test]
fn what_is_shown_and_not_said_is_none() {
    check(&[
        ("```\n/ai-crm help\n```", &[]),
        ("```sh\n/ai-crm help\n```", &[]),
        ("~~~\n/ai-crm help\n~~~", &[]),
        ("````\n```\n/ai-crm help\n```\n````", &[]),
        ("```\n/ai-crm help", &[]),
        ("```\r\n/ai-crm help\r\n```\r\n", &[]),
        ("   ```\n   /ai-crm help\n   ```", &[]),
        ("text\n\n    /ai-crm help", &[]),
        ("`/ai-crm help`", &[]),
        ("`code\n/ai-crm help\nmore`", &[]),
        ("``code\n/ai-crm help\n` more``", &[]),
        ("> /ai-crm help", &[]),
        (">/ai-crm help", &[]),
        ("> text\n> /ai-crm help", &[]),
        ("> text\n/ai-crm help", &[]),
        ("> > /ai-crm help", &[]),
        ("> - item\n> /ai-crm help", &[]),
        ("> [!NOTE]\n> /ai-crm help", &[]),
        ("<!-- /ai-crm help -->", &[]),
        ("<!--\n/ai-crm help\n-->", &[]),
        ("text <!--\n/ai-crm help\n--> text", &[]),
        ("<!--\n\n/ai-crm help", &[]),
        ("<details>\n/ai-crm help\n</details>", &[]),
        ("<div>\n/ai-crm help\n</div>", &[]),
        ("<pre>\n\n/ai-crm help\n\n</pre>", &[]),
        ("<b a='\n/ai-crm help'>", &[]),
        ("text <b a='\n/ai-crm help'> text", &[]),
        ("[a]:\n/ai-crm", &[]),
        ("[a]: /url '\n/ai-crm help\n'", &[]),
        ("[label\n/ai-crm help\nlabel](/url)", &[]),
        ("![label\n/ai-crm help\nlabel](/url)", &[]),
        ("[/ai-crm help](/url)", &[]),
        ("a | b\n--|--\n/ai-crm help | x", &[]),
        ("a | b\n--|--\n1 | 2\n/ai-crm help", &[]),
        ("/ai-crm | b\n--|--\n1 | 2", &[]),
        ("# /ai-crm help", &[]),
        ("/ai-crm help\n===", &[]),
        ("/ai-crm help\n---", &[]),
        ("text\n/ai-crm help\n---", &[]),
        ("\\/ai-crm help", &[]),
        ("\\@octo-bot help", &[]),
        ("&#47;ai-crm help", &[]),
        ("**/ai-crm help**", &[]),
        ("**/ai-crm** help", &[]),
        ("~~/ai-crm help~~", &[]),
        ("\"/ai-crm help\"", &[]),
        ("<https://example.com/ai-crm help>", &[]),
    ]);
}

#[test]
fn an_item_speaks_of_a_command_and_a_line_below_it_gives_one() {
    check(&[
        ("- /ai-crm help", &[]),
        ("* /ai-crm help", &[]),
        ("1. /ai-crm help", &[]),
        ("- [ ] /ai-crm help", &[]),
        ("- item\n  /ai-crm help", &[]),
        ("- item\n\n  /ai-crm help", &[]),
        ("- item\n /ai-crm help", &[]),
        ("- item\n/ai-crm help", &["help"]),
        ("- item\n\n/ai-crm help", &["help"]),
        ("1. item\n/ai-crm help", &["help"]),
        ("- a\n  - b\n/ai-crm help", &["help"]),
        ("- a\n  > b\n/ai-crm help", &[]),
        ("- a\n\n      /ai-crm help", &[]),
        ("-\n/ai-crm help", &["help"]),
    ]);
}

#[test]
fn words_are_read_as_they_were_meant() {
    check(&[
        ("/ai-crm in\\_progress", &["in_progress"]),
        ("/ai-crm a\\*b \\\\ \\# \\a", &["a*b \\ # \\a"]),
        ("/ai-crm a &lt;b&gt; &amp;amp; &copy;", &["a <b> &amp; ©"]),
        ("/ai-crm a &nosuch; AT&T", &["a &nosuch; AT&T"]),
        ("/ai-crm \\&lt;", &["&lt;"]),
        ("/ai-crm see <https://x.io/a?b=1&amp;c=2>", &["see https://x.io/a?b=1&c=2"]),
        ("/ai-crm see https://x.io/a_b*c", &["see https://x.io/a_b*c"]),
        ("/ai-crm see [the page](https://x.io) now", &["see https://x.io now"]),
        ("/ai-crm see [good.io](https://evil.io 'title')", &["see https://evil.io"]),
        ("/ai-crm see [it][1]\n\n[1]: https://x.io", &["see https://x.io"]),
        ("/ai-crm see [it][1]", &["see [it][1]"]),
        ("/ai-crm see []()", &["see []()"]),
        ("/ai-crm mail <a@b.de>", &["mail a@b.de"]),
        ("/ai-crm show ![a chart](https://x.io/a.png)", &["show https://x.io/a.png"]),
        ("/ai-crm assign T-1 to @mia and @org/team", &["assign T-1 to @mia and @org/team"]),
        ("/ai-crm create **bold** _it_ ~~gone~~", &["create **bold** _it_ ~~gone~~"]),
        ("/ai-crm create **bold**", &["create **bold**"]),
        ("/ai-crm create **\\_b**", &["create **_b**"]),
        ("/ai-crm **create it**", &["**create it**"]),
        ("/ai-crm show `T-1` now", &["show `T-1` now"]),
        ("/ai-crm show `a\\_b &lt;`", &["show `a\\_b &lt;`"]),
        ("/ai-crm show `T-1\nmore`", &["show `T-1"]),
        ("/ai-crm create <title> <b>x</b>", &["create <title> <b>x</b>"]),
        ("/ai-crm help <!-- quietly --> me", &["help  me"]),
        ("/ai-crm help <!-- quietly\nme -->", &["help"]),
        ("/ai-crm close #12 and GH-3", &["close #12 and GH-3"]),
        ("/ai-crm create \"a | b\" --label x", &["create \"a | b\" --label x"]),
        ("/ai-crm say “as typed” – left", &["say “as typed” – left"]),
        ("/ai-crm erstelle Prüfung für 日本 🎉", &["erstelle Prüfung für 日本 🎉"]),
        ("ü\n/ai-crm 日本", &["日本"]),
        ("/ai-crm\u{a0}task\u{a0}list&nbsp;all", &["task list all"]),
        ("\u{a0}/ai-crm help", &["help"]),
        ("\u{a0}\u{a0}\u{a0}\u{a0}/ai-crm help", &[]),
        ("\u{feff}/ai-crm help", &["help"]),
        ("\u{feff}```\n/ai-crm help\n```", &[]),
        ("text\n\u{200b}/ai-crm help\u{200b}", &["help"]),
        ("/ai-crm\u{200b} help", &["help"]),
        ("/ai-crm\u{200b}help", &[]),
        ("@\u{200b}octo-bot help", &[]),
        ("/ai\u{200b}-crm help", &[]),
        ("/ai\u{2011}crm help", &[]),
        ("／ai-crm help", &[]),
        ("/ai-crm 👩\u{200d}👧", &["👩\u{200d}👧"]),
    ]);
}

#[test]
fn an_answer_can_quote_the_line_as_it_was_written() {
    let text = "Hi\r\n  @Octo-Bot: in\\_progress <https://x.io>  \r\nbye";
    let found = commands(text, "octo-bot");
    let wanted =
        Found { line: "in_progress https://x.io".into(), quoted: "  @Octo-Bot: in\\_progress <https://x.io>".into() };
    assert_eq!(found, Commands { found: vec![wanted], left: 0, is_cut: false });
}

#[test]
fn a_bot_without_a_name_is_called_by_its_command_alone() {
    assert_eq!(commands("@ help\n@\n@[bot] x\n/ai-crm help", "").found.len(), 1);
}

#[test]
fn more_commands_than_are_carried_out_are_counted() {
    for (count, left) in [(MOST_COMMANDS, 0), (MOST_COMMANDS + 1, 1), (MOST_COMMANDS + 7, 7)] {
        let text: String = (0..count).map(|number| format!("/ai-crm task show T-{number}\n")).collect();
        let all = commands(&text, "octo-bot");
        assert_eq!((all.found.len(), all.left, all.is_cut), (MOST_COMMANDS, left, false));
        assert_eq!(all.found.last().map(|found| found.line.as_str()), Some("task show T-19"));
    }
    let quoted = format!("/ai-crm a\n{}", "> /ai-crm b\n".repeat(50));
    assert_eq!(commands(&quoted, "octo-bot").left, 0, "what is none does not count");
}

#[test]
fn what_is_longer_than_a_body_is_looked_at_as_far_as_a_body_goes() {
    let room = "x\n".repeat((MOST_BYTES - "/ai-crm a".len()) / 2) + "\n";
    let whole = format!("{}/ai-crm a", &room[..MOST_BYTES - "/ai-crm a".len()]);
    assert_eq!(commands(&whole, ""), Commands { is_cut: false, ..commands("/ai-crm a", "") });
    let beyond = commands(&format!("/ai-crm a\n{whole}\n/ai-crm b"), "");
    assert!(beyond.is_cut && beyond.found.len() == 1, "{:?}", beyond.found);
    assert!(commands(&"é".repeat(MOST_BYTES), "").is_cut);
}

#[test]
fn a_line_deeper_than_people_write_ends_what_is_looked_at() {
    for (line, deep) in [
        (">".repeat(64), false),
        (">".repeat(65), true),
        ("> ".repeat(65), true),
        ("- ".repeat(65), true),
        ("1. > ".repeat(33), true),
        ("-".repeat(300), false),
        ("*".repeat(300), false),
        (".".repeat(300), false),
        ("3.14 ".repeat(30), false),
        (format!("x {}", ">".repeat(300)), false),
    ] {
        let all = commands(&format!("/ai-crm a\n\n{line}\n\n/ai-crm b"), "");
        assert_eq!((all.found.len(), all.is_cut), if deep { (1, true) } else { (2, false) }, "{line}");
    }
}

/// Texts on which parsers of Markdown have been slow, one command in front.
#[test]
fn a_hostile_text_takes_no_time_worth_naming() {
    const PIECES: &[&str] = &[
        "[",
        "]",
        "*",
        "**a",
        "_a",
        "a***",
        "`",
        "`a``",
        "> ",
        ">",
        "- ",
        "* a\n",
        "1. ",
        "<",
        "<!--",
        "<!-- a",
        "!-- <",
        "<!A",
        "<?",
        "a <![CDATA[",
        "<a ",
        "[a](",
        "[a](<b",
        "[ (](",
        "]([\n",
        "![",
        "![a](",
        "[^",
        "[^a]\n",
        "[^a\n",
        "[a]: b\n",
        "[a]: b\n[a]",
        "[a\n",
        "|",
        "|a|\n|-|\n",
        "a|\n-|\n|",
        "~",
        "~~a",
        "~~~\n",
        "&",
        "&a",
        "\\",
        "\\[",
        "(",
        "$",
        "<a@b",
        "https://a",
        "\n",
        "\r",
        "\t",
        " ",
        "a\n===\n",
        "# ",
        "<div>\n",
        "\u{feff}",
        "é",
        "/ai-crm a\n",
        "> > > > > > > > > > > > > > > > a\n",
        "- - - - - - - - - - - - - - - - a\n",
        "> a\n\n",
        "*a_ ",
        "- a\n\n",
        "[a][",
        "[[",
        "[]",
        "<!-",
        "<x\n",
        "- [ ] ",
        "> [!NOTE]\n",
    ];
    for piece in PIECES {
        for before in ["/ai-crm a\n", "/ai-crm a\n\n", "/ai-crm "] {
            // A quarter of what is looked at, since the parser is slow in a build for tests.
            let text = before.to_owned() + &piece.repeat(MOST_BYTES / 4 / piece.len());
            let begun = Instant::now();
            assert!(commands(&text, "octo-bot").found.len() <= MOST_COMMANDS);
            assert!(begun.elapsed() < Duration::from_secs(2), "{piece:?}: {:?}", begun.elapsed());
        }
    }
}

/// Pieces of Markdown, with commands among them.
fn any_text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "/ai-crm help\n",
        "@octo-bot x\n",
        "\n",
        "\r\n",
        "\r",
        "> ",
        "- ",
        "1. ",
        "    ",
        "```\n",
        "~~~\n",
        "`",
        "``",
        "**",
        "_",
        "[a](b)",
        "[",
        "](",
        ")",
        "<b>",
        "<!--",
        "-->",
        "<div>\n",
        "|",
        "|-|\n",
        "---\n",
        "\\",
        "&lt;",
        "<https://x.io>",
        "\u{a0}",
        "\u{200b}",
        "\t",
        "é",
        "🎉",
        "# ",
        "[a]: b\n",
        "$",
        "  \n",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(String::from),
        2 => "[a-z ]{0,6}".prop_map(String::from),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_reader_and_each_command_is_a_line_of_it(text in any_text()) {
        for found in commands(&text, "octo-bot").found {
            prop_assert!(text.contains(&found.quoted));
            prop_assert!(!found.quoted.contains(['\n', '\r']) && !found.line.contains(['\n', '\r']), "{:?}", found);
            prop_assert!(call(&found.quoted, "octo-bot").is_some());
        }
    }

    #[test]
    fn what_is_fenced_or_quoted_line_by_line_has_no_command(text in any_text()) {
        let fence = "`".repeat(text.len() + 3);
        prop_assert_eq!(lines(&format!("{fence}\n{text}\n{fence}\n")), Vec::<String>::new());
        let quoted: Vec<String> = text.split(['\n', '\r']).map(|line| format!("> {line}")).collect();
        prop_assert_eq!(lines(&quoted.join("\n")), Vec::<String>::new());
    }

    #[test]
    fn words_without_marks_are_read_as_they_were_typed(words in "[a-zA-Z0-9äé日🎉 .,;:?()=%-]{0,40}") {
        prop_assert_eq!(lines(&format!("/ai-crm {words}")), [words.trim().to_owned()]);
    }
}
