//! What bodies look like, that they are short enough and whole, and that no text in them does anything.

mod reading;

use proptest::prelude::*;

use super::*;
use crate::channels::github::commands::commands;
use crate::channels::testing::{PLACES, any_card, button, sources, strings};
use crate::domain::card::{Action, Block, ButtonStyle, Choice, Tone};
use reading::{Reading, normal, references};

/// A token as it is signed; the signature is not looked at here.
fn token(line: &str) -> String {
    format!("6a.{}.AAAA", data_encoding::BASE64URL_NOPAD.encode(line.as_bytes()))
}

/// The only body of a card.
#[track_caller]
fn body(card: &Card) -> String {
    let all = render(card);
    assert_eq!(all.len(), 1, "one body");
    all.concat()
}

#[track_caller]
fn check(card: &Card, wanted: &str) {
    assert_eq!(body(card), wanted);
}

/// A card with every kind of block and action.
#[test]
fn a_card_is_shown_whole() {
    let rows = vec![strings(&["T-9", "a | b"]), strings(&["T-12"])];
    let card = Card::new("Task T-12 created")
        .tone(Tone::Good)
        .text("Login, logout\nand reset.\n\n  - with *care*")
        .block(Block::Heading { text: "Now".into() })
        .facts([("Status", "in_progress"), ("Note", "two\n\nlines")])
        .block(Block::List { items: strings(&["one", " ", "two\nlines"]) })
        .block(Block::Table { columns: strings(&["Id", "Title"]), rows })
        .block(Block::Code { text: "task show T-12\n  --json".into() })
        .block(Block::Image { url: "https://example.com/a.png?b&c".into(), alt: "a [chart]".into() })
        .block(Block::Divider)
        .action(button("Start", &token("task update T-12 --status in-progress"), ButtonStyle::Primary))
        .action(button("Drop", &token("task update T-12 --status dropped"), ButtonStyle::Danger))
        .action(Action::Link { label: "Open".into(), url: "https://example.com/t".into() })
        .footer("from chat\n@mia");
    let wanted = "### ✅ Task T-12 created

Login, logout\\
and reset.

\u{a0}\u{a0}\\- with \\*care\\*

#### Now

- **Status:** in_progress
- **Note:** two\\
  lines

* one
* two\\
  lines

| Id | Title |
| --- | --- |
| T-9 | a \\| b |
| T-12 |  |

```
task show T-12
  --json
```

[![a \\[chart\\]](<https://example.com/a.png?b&amp;c>)](<https://example.com/a.png?b&amp;c>)

---

Comment with one of these lines:

- Start: `/ai-crm task update T-12 --status in-progress`
- Drop (!): `/ai-crm task update T-12 --status dropped`
- [Open](<https://example.com/t>)

<sub>from chat\\
@\u{200b}mia</sub>";
    check(&card, wanted);
}

#[test]
fn what_is_pressed_elsewhere_is_typed_here() {
    let options = [("Ann", "ann"), ("Bob B", "bob \"b\""), ("", "carl"), ("Nobody", "")];
    let options: Vec<Choice> =
        options.iter().map(|(label, value)| Choice { label: (*label).into(), value: (*value).into() }).collect();
    let menu = |options: Vec<Choice>| Action::Menu {
        label: "Assign to".into(),
        token: token("task assign T-1 --to {choice}"),
        options,
    };
    check(
        &Card::new("").action(menu(options)),
        "Comment with one of these lines:\n\n- Assign to:\n\n\
         * Ann: `/ai-crm task assign T-1 --to ann`\n\
         * Bob B: `/ai-crm task assign T-1 --to \"bob \\\"b\\\"\"`\n\
         * carl: `/ai-crm task assign T-1 --to carl`\n\
         * Nobody (cannot be chosen here)",
    );
    let many = (0..12).map(|number| Choice { label: format!("p{number}"), value: format!("p{number}") }).collect();
    let folded = body(&Card::new("").action(menu(many)));
    assert!(folded.contains("p9`\n\n<details>\n<summary>2 more</summary>\n\n* p10: `"), "{folded}");
    for (action, wanted) in [
        (button("Go", "", ButtonStyle::Plain), "- Go (cannot be pressed here)"),
        (button("", "t", ButtonStyle::Danger), "- (no label) (!) (cannot be pressed here)"),
        (button("Go", &token(&"x".repeat(501)), ButtonStyle::Plain), "- Go (cannot be pressed here)"),
        (menu(Vec::new()), "- Assign to (nothing can be chosen here)"),
        (crate::channels::testing::menu("Who", "t", 3), "- Who (nothing can be chosen here)"),
        (Action::Link { label: "Open".into(), url: "javascript:alert(1)".into() }, "- Open:\n\njavascript:alert(1)"),
        (Action::Link { label: "Open".into(), url: "http://x.io/a".into() }, "- Open:\n\n<http://x.io/a>"),
    ] {
        check(&Card::new("").action(action), wanted);
    }
    let line = body(&Card::new("").action(button("`Go`", &token("say `x`"), ButtonStyle::Plain)));
    assert!(line.ends_with("- \\`Go\\`: `` /ai-crm say `x` ``"), "{line}");
}

#[test]
fn what_is_long_is_folded() {
    let items = |count: usize| Block::List { items: (0..count).map(|number| format!("item {number}")).collect() };
    assert!(!body(&Card::new("").block(items(15))).contains("details"));
    let list = body(&Card::new("").block(items(16)));
    assert!(list.contains("* item 9\n\n<details>\n<summary>6 more</summary>\n\n* item 10\n"), "{list}");
    assert!(list.ends_with("* item 15\n\n</details>"), "{list}");

    let rows = |count: usize| (0..count).map(|number| vec![format!("T-{number}")]).collect();
    let table = |count| Card::new("").block(Block::Table { columns: strings(&["Id"]), rows: rows(count) });
    assert!(!body(&table(30)).contains("details"));
    let long = body(&table(31));
    assert!(long.contains("| T-19 |\n\n<details>\n<summary>11 more</summary>\n\n| Id |\n| --- |\n| T-20 |"), "{long}");

    let code = |lines: usize| Card::new("").block(Block::Code { text: "x\n".repeat(lines) });
    for (card, summary) in [
        (code(20), None),
        (code(21), Some("21 lines")),
        (code(5).tone(Tone::Bad), None),
        (code(6).tone(Tone::Bad), Some("6 lines")),
        (Card::new("").text("x".repeat(1_001)), None),
        (Card::new("").text("x".repeat(1_000)).tone(Tone::Bad), None),
        (Card::new("").text("x".repeat(1_001)).tone(Tone::Bad), Some("1001 characters")),
    ] {
        let body = body(&card);
        let found = body.split_once("<summary>").and_then(|(_, rest)| Some(rest.split_once("</summary>")?.0));
        assert_eq!(found, summary, "{body}");
    }
}

#[test]
fn a_table_without_a_head_or_with_long_rows_is_shown_too() {
    let table = |columns: &[&str], rows| Card::new("").block(Block::Table { columns: strings(columns), rows });
    check(&table(&[], vec![strings(&["a", "b\nc"])]), "|  |  |\n| --- | --- |\n| a | b<br>c |");
    check(&table(&["Id"], Vec::new()), "| Id |\n| --- |");
    check(&table(&[], Vec::new()), "(empty message)");
    let long = "word ".repeat(5_000);
    let shown = render(&table(&["Id", "Text"], vec![strings(&["T-1", &long]), strings(&["T-2", "x"])])).concat();
    assert!(shown.starts_with("- **Id:** T-1\n\n**Text**\n\nword word"), "{}", &shown[..60]);
    assert!(shown.ends_with("\n\n---\n\n- **Id:** T-2\n- **Text:** x"));
}

#[test]
fn a_long_title_is_cut_and_whole_below() {
    let shown = body(&Card::new("title ".repeat(60)).tone(Tone::Bad));
    let (first, below) = shown.split_once("\n\n").unwrap();
    assert!(first.starts_with("### ⛔ title") && first.ends_with('…') && first.chars().count() <= 206, "{first}");
    assert_eq!(below, "title ".repeat(60).trim());
}

#[test]
fn a_body_holds_as_much_as_it_says_and_the_next_begins_with_its_place() {
    // Seventeen pieces of 3,350 with their empty lines, and 16 characters of the title: one more is too many.
    let card = |last: usize| {
        let card = (0..16).fold(Card::new("Long [t]"), |card, _| card.text("x".repeat(3_350)));
        card.text("y".repeat(last))
    };
    let room = MOST_PARTS - "### Long \\[t\\]".len() - 2 - 16 * 3_352 - 2;
    assert!((1..=part::MOST_TEXT).contains(&room), "{room}");
    let whole = render(&card(room));
    assert_eq!((whole.len(), whole[0].chars().count()), (1, MOST_PARTS - 2));
    let two = render(&card(room + 1));
    assert_eq!(two.len(), 2);
    assert_eq!(two[1], format!("<sub>Long \\[t\\] (2 of 2)</sub>\n\n{}", "y".repeat(room + 1)));
}

#[test]
fn what_goes_beyond_all_bodies_is_told() {
    let long = (0..200).fold(Card::new("t"), |card, _| card.text("word ".repeat(600))).footer("the end");
    let all = render(&long);
    assert_eq!(all.len(), MOST_BODIES);
    assert!(all[4].contains(" more characters)") && all[4].ends_with("<sub>the end</sub>"));
    let one = render(&long.undivided());
    assert_eq!(one.len(), 1);
    assert!(one[0].contains(" more characters)") && one[0].ends_with("<sub>the end</sub>"));
}

#[test]
fn each_text_is_shown_whole_or_its_rest_is_told_wherever_it_stands() {
    for letter in ["x", "$", "_", "日", "🎉", "`", "x\n", "~ "] {
        for (place, card) in PLACES {
            for size in [1, 200, 201, 3_500, 3_501, 18_000, 18_001, 60_001] {
                let text = letter.repeat(size / letter.chars().count());
                let shown = render(&card(text.clone()));
                let longest = shown.iter().map(|body| body.chars().count()).max().unwrap();
                assert!(longest <= MOST_BODY, "{longest} in {place} with {size} of {letter:?}");
                let read: String = shown.iter().map(|body| Reading::of(body).all()).collect();
                let read = normal(&read);
                let count = |text: &str| text.matches(letter.trim()).count();
                let (seen, least) = (count(&read), count(&text));
                let is_told = ["morecharacters)", "moreblocksofbuttons"].iter().any(|told| read.contains(told));
                assert!(seen >= least || is_told, "{place}: {seen} of {least} {letter:?}");
            }
        }
    }
}

#[test]
fn code_that_is_parted_is_fenced_in_each_part() {
    let lines: Vec<String> = (0..9_000).map(|number| format!("```` line {number}")).collect();
    let all = render(&Card::new("").block(Block::Code { text: lines.join("\n") }));
    assert!(all.len() > 1);
    let read: Vec<String> = all.iter().map(|body| Reading::of(body).code).collect();
    assert_eq!(read.concat().lines().collect::<Vec<_>>(), lines);
}

#[test]
fn what_is_answered_stands_above_as_a_quote() {
    for (asked, wanted) in [
        ("", ""),
        (" \n", ""),
        ("/ai-crm task list", "> \\/ai-crm task list"),
        ("@octo-bot close #12\r\n<!-- x", "> @\u{200b}octo-bot close \\#\u{200b}12\n> \\<!-- x"),
        ("> a\n\nb", "> \\> a\n> \n> b"),
    ] {
        assert_eq!(quote(asked), wanted, "{asked:?}");
    }
    let long = quote(&"$".repeat(70_000));
    assert!(long.ends_with("… (69844 more characters)") && long.chars().count() < 3_000, "{}", long.len());
}

#[test]
fn a_mark_is_found_at_the_beginning_alone() {
    for (key, mark) in [
        ("e-17.0", "<!-- ai-crm:e-17.0 -->"),
        ("default/e-17.0@42", "<!-- ai-crm:default_2fe-17.0_4042 -->"),
        ("a_b -->", "<!-- ai-crm:a_5fb_20--_3e -->"),
        ("é", "<!-- ai-crm:_c3_a9 -->"),
    ] {
        assert_eq!(marker(key), mark);
        let body = format!("{mark}\n### Title");
        assert_eq!(marked(&body), marked(mark));
        assert_eq!(marked(mark), mark.strip_prefix("<!-- ai-crm:").and_then(|rest| rest.strip_suffix(" -->")));
        for other in [format!(" {body}"), format!("> {body}"), format!("text\n{body}"), format!("\n{body}")] {
            assert_eq!(marked(&other), None, "{other}");
        }
    }
    for none in
        ["", "<!-- ai-crm: -->", "<!-- ai-crm:a b -->", "<!-- ai-crm:a", "<!--ai-crm:a -->", "<!-- ai-crm:é -->"]
    {
        assert_eq!(marked(none), None, "{none}");
    }
}

#[test]
fn the_mark_of_a_topic_stands_behind_the_other_one_alone() {
    let (first, topic) = (marker("k"), topic_marker("1#triage/2"));
    assert_eq!(topic, "<!-- ai-crm-topic:1_23triage_2f2 -->");
    let body = format!("{first}{topic}\n### Title");
    assert_eq!((marked(&body), marked_topic(&body)), (Some("k"), Some("1_23triage_2f2")));
    for other in [format!("{topic}{first}"), format!("{first}\n{topic}"), first, topic] {
        assert_eq!(marked_topic(&other), None, "{other}");
    }
}

/// What GitHub might read as more than text.
const HOSTILE: &[&str] = &[
    "@mia",
    "@org/team",
    "é@mia",
    "(@mia)",
    "a_@mia",
    "https://x.io @mia",
    "$@mia",
    "#12",
    "GH-12",
    "gh-1 x",
    "octo/repo#1",
    "octo#1",
    "Fixes #12",
    "closes GH-7",
    "resolves https://github.com/o/r/issues/12",
    "https://github.com/o/r/pull/3@mia",
    "a1b2c3d",
    "octo/repo@a1b2c3d4e5f60718293a4b5c6d7e8f9001020304",
    "a1b2c3d...d3c2b1a",
    "éa1b2c3d日",
    "<b>bold</b>",
    "<!-- c -->",
    "<img src=x onerror=alert(1)>",
    "</details>",
    "</sub>",
    "<br",
    "&lt;b&gt;",
    "&#64;mia",
    "&#x23;12",
    "![a](https://evil.example/a.png)",
    "[good](https://evil.example)",
    "[a][b]",
    "[b]: https://evil.example",
    "[^1]",
    "[^1]: x",
    "<https://evil.example>",
    "www.evil.example/a_b",
    "ftp://evil.example/a",
    "http://",
    "https://x.io/a?b=1&copy;c",
    "https://x.io/$a$",
    "a@b.de",
    "**b**",
    "_i_ __b__",
    "~~s~~",
    "`c`",
    "``` x",
    "~~~",
    "# h",
    "### h ###",
    "> q",
    "> [!NOTE]",
    "- x",
    "* x",
    "+ x",
    "1. x",
    "12) x",
    "- [ ] x",
    "---",
    "===",
    "***",
    "a|b",
    "|-|",
    ":-",
    "| a |\n|---|\n| b |",
    "    code",
    "\tcode",
    "\\",
    "a\\\nb",
    "\\@mia",
    "\\#12",
    "$x$",
    "$$\nx\n$$",
    "$`x`$",
    ":tada:",
    "/ai-crm help",
    "/AI-CRM help\n/ai-crm x",
    "@octo-bot help",
    "\u{200b}/ai-crm help",
    "\u{a0}/ai-crm help",
    "text\n/ai-crm help",
    "<details>\n\n/ai-crm help",
    "\u{202e}x\u{200f}1 - 2",
    "\r/ai-crm x",
];

/// Fails where a body does anything that its card does not.
#[track_caller]
fn inert(body: &str, card: &Card) {
    assert!(body.chars().count() <= MOST_BODY, "{} characters", body.chars().count());
    assert_eq!(commands(body, "octo-bot").found, [], "{body}");
    let read = Reading::of(body);
    let known = [sources(card), reading::addresses(card)].concat();
    for (address, shown) in &read.links {
        let is_shown = shown == address && known.iter().any(|text| text.contains(address.as_str()));
        assert!(is_shown || reading::targets(card).contains(address), "{address} under {shown:?} in {body}");
    }
    for address in &read.images {
        assert!(reading::targets(card).contains(address), "image {address} in {body}");
    }
    for html in &read.html {
        assert!(reading::is_ours(html), "{html:?} in {body}");
    }
    for text in &read.runs {
        assert_eq!(references(text), None, "in {text:?} of {body}");
    }
    assert!(read.headings <= 1 + card.blocks.iter().filter(|block| matches!(block, Block::Heading { .. })).count());
    assert_eq!((read.quotes, read.formulas), (0, 0), "{body}");
}

#[test]
fn no_text_does_anything_wherever_it_stands() {
    for hostile in HOSTILE {
        for text in [
            (*hostile).to_owned(),
            format!("x {hostile} y"),
            format!("x\n{hostile}\ny"),
            format!("{hostile}\n{hostile}"),
        ] {
            for (place, card) in PLACES {
                let card = card(text.clone());
                for body in render(&card) {
                    inert(&body, &card);
                    let read = normal(&Reading::of(&body).all());
                    assert!(read.contains(&normal(&text)), "{text:?} as {place}: {read}");
                }
            }
            let card = Card::new("").text(text.as_str());
            let quoted = quote(&text);
            assert_eq!(commands(&quoted, "octo-bot").found, []);
            for run in &Reading::of(&quoted).runs {
                assert_eq!(references(run), None, "{quoted}");
            }
            let below = format!("{}\n{}\n\n{}", marker("k"), quoted, render(&card).concat());
            assert_eq!((marked(&below), commands(&below, "octo-bot").found.len()), (Some("k"), 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_card_is_inert_and_shown_whole(card in any_card(HOSTILE)) {
        let all = render(&card);
        prop_assert!((1..=MOST_BODIES).contains(&all.len()));
        let mut seen = String::new();
        for body in &all {
            inert(body, &card);
            seen.push_str(&normal(&Reading::of(body).all()));
        }
        let is_shortened = seen.contains("morecharacters)") || seen.contains("moreblocksofbuttons");
        for source in sources(&card) {
            // A long text goes on in further paragraphs, between which a place may stand.
            prop_assert!(all.len() > 1 || is_shortened || seen.contains(&normal(source)), "lost: {source:?} of {seen:?}");
        }
        prop_assert_eq!(render(&card), all);
    }

    #[test]
    fn a_card_of_one_body_stays_one(card in any_card(HOSTILE)) {
        prop_assert_eq!(render(&card.undivided()).len(), 1);
    }
}
