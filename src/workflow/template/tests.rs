//! Texts as they are written, and what is filled in for whom.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_795_780_800_000);
const SINKS: [Sink; 6] = [Sink::SlackText, Sink::Html, Sink::Markdown, Sink::Plain, Sink::Query, Sink::Url];

fn read(text: &str) -> Result<Template, String> {
    let mut mistakes = Vec::new();
    let template = Template::read(text, Position { line: 3, column: 7 }, &mut mistakes);
    match &mistakes[..] {
        [] => Ok(template),
        [mistake] => Err(mistake.to_string()),
        _ => panic!("{mistakes:?}"),
    }
}

fn fill(text: &str, scope: &Value, sink: Sink) -> Result<Filled, Missing> {
    read(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}")).fill(scope, sink, NOW)
}

fn scope() -> Value {
    json!({
        "issue": {"title": "{vars.secret} {{x}}", "number": 7, "labels": [{"name": "bug"}, {"name": "p1"}], "body": null,
            "assignees": [{"login": "mia"}], "user": {"login": "mia", "id": 1}, "created_at": "2026-11-27T01:02:03Z",
            "none": [], "empty": "", "raw": {"id": 1}},
        "vars": {"secret": "hunter2", "team": "#dev"},
        "labels": {"a b": "x"},
    })
}

#[test]
fn texts_are_filled_in_one_pass() {
    for (text, wanted, remarks) in [
        ("", json!(""), 0),
        ("plain", json!("plain"), 0),
        ("GitHub: {issue.title}", json!("GitHub: {vars.secret} {{x}}"), 0),
        ("{issue.title}{issue.title}", json!("{vars.secret} {{x}}{vars.secret} {{x}}"), 0),
        ("{{issue.title}} {{{issue.number}}}", json!("{issue.title} {7}"), 0),
        ("{{}}", json!("{}"), 0),
        ("#{ issue.number }!", json!("#7!"), 0),
        ("labels: {issue.labels}", json!("labels: bug, p1"), 0),
        ("by {issue.user} for {issue.assignees}", json!("by mia for mia"), 0),
        ("{issue.labels[1].name}.", json!("p1."), 0),
        ("{labels[\"a b\"]}.", json!("x."), 0),
        ("{labels[\"}\"]}.", json!("."), 1),
        ("raw {issue.raw}", json!("raw {\"id\":1}"), 0),
        ("body: {issue.body}.", json!("body: ."), 0),
        ("{issue.titel}.", json!("."), 1),
        ("{issue.titel|default:\"-\"}.", json!("-."), 0),
        ("{issue.body|default: none }.", json!("none."), 0),
        ("{issue.empty|default:'a|b}'}.", json!("a|b}."), 0),
        ("{issue.title | truncate:6 | upper}.", json!("{VARS…."), 0),
        ("{issue.created_at|date:\"%d.%m.%Y\"}.", json!("27.11.2026."), 0),
        ("{issue.number|date}-{vars.team|date}.", json!("1970-01-01-#dev."), 1),
        ("{now|date}.", json!("2026-11-27."), 0),
        ("{vars.team!}.", json!("#dev."), 0),
    ] {
        let filled = fill(text, &scope(), Sink::Plain).unwrap();
        assert_eq!((filled.value, filled.remarks.len()), (wanted, remarks), "{text}: {:?}", filled.remarks);
    }
    let remark = &fill("{issue.titel}.", &scope(), Sink::Plain).unwrap().remarks[0];
    assert_eq!(remark, "`issue.titel` is not there, so nothing was filled in");
}

#[test]
fn a_path_alone_keeps_its_type() {
    for (text, wanted) in [
        ("{issue.number}", json!(7)),
        ("{issue.labels}", json!([{"name": "bug"}, {"name": "p1"}])),
        ("{issue.body}", json!(null)),
        ("{issue.titel}", json!(null)),
        ("{issue.none|default:\"-\"}", json!("-")),
        ("{issue.number|default:\"-\"}", json!(7)),
        ("{issue.number|upper}", json!("7")),
        ("{issue.labels|json}", json!(r#"[{"name":"bug"},{"name":"p1"}]"#)),
        (" {issue.number}", json!(" 7")),
    ] {
        assert_eq!(fill(text, &scope(), Sink::Plain).unwrap().value, wanted, "{text}");
    }
    let scope = json!({"a": [{"<!here>": "<@U1> @here & 5"}], "n": 7});
    let kept = fill("{a}", &scope, Sink::SlackText).unwrap().value;
    assert_eq!(kept, json!([{"&lt;!here&gt;": "&lt;@\u{200B}U1&gt; @\u{200B}here &amp; 5"}]));
    assert_eq!(fill("{n}", &scope, Sink::Url).unwrap().value, json!("7"));
    assert_eq!(fill("{n}", &scope, Sink::Query).unwrap().value, json!("7"));
}

#[test]
fn what_must_be_there_fails_the_text() {
    for text in ["{issue.titel!}", "x {issue.body!} y", "{issue.user.name.first!|upper}"] {
        for sink in SINKS {
            let missing = fill(text, &scope(), sink).unwrap_err();
            assert_eq!(missing.at, Position { line: 3, column: 7 });
            assert!(missing.what.contains("must be there"), "{missing}");
        }
    }
}

#[test]
fn wrong_texts_are_refused_with_the_mend() {
    let many = "{a}".repeat(201);
    let long = "x".repeat(65_537);
    for (text, what) in [
        ("a } b", "a `}` stands alone before ` b`; write `}}`"),
        ("{", "a name is missing at the end"),
        ("{}", "a name is missing before `}`; write `{{`"),
        ("{a", "`}` is missing"),
        ("{\"json\": 1}", "write `{{` where the brace itself is meant"),
        ("${{ secrets.X }} {a b}", "`b` does not belong there"),
        ("{a|uper}", "did you mean `upper`?"),
        ("{a|truncate}", "truncate:80"),
        ("{a|default:\"x}", "a quote behind `default:` is not closed"),
        ("{a!|default:x}", "take `!` or `default` away"),
        ("{a|upper|upper|upper|upper|upper|upper|upper|upper|upper}", "at most 8 filters"),
        ("{a.}", "a name is missing before `}`"),
        ("{a[x]}", "opens neither"),
        ("{a!!}", "`!` does not belong there"),
        (&many, "at most 200"),
        (&long, "at most 65536 bytes"),
    ] {
        let said = read(text).expect_err(text);
        assert!(said.starts_with("line 3, column 7: ") && said.contains(what), "{text}: {said}");
    }
    let broken = Template::read("{", Position::START, &mut Vec::new());
    assert!(broken.fill(&scope(), Sink::Plain, NOW).is_err());
}

#[test]
fn each_reader_gets_its_own_escapes() {
    let nasty = json!({"x": "<b>&\"it's\" *a_b* `c` [d](e) @here\n# f"});
    for (sink, wanted) in [
        (Sink::Plain, "<b>&\"it's\" *a_b* `c` [d](e) @here\n# f"),
        (Sink::SlackText, "&lt;b&gt;&amp;\"it's\" *a_b* `c` [d](e) @·here\n# f"),
        (Sink::Html, "&lt;b&gt;&amp;&quot;it&#39;s&quot; *a_b* `c` [d](e) @·here\n# f"),
        (Sink::Markdown, "&lt;b&gt;&amp;\"it's\" \\*a_b\\* \\`c\\` \\[d\\]\\(e\\) @·here\n\\# f"),
        (Sink::Query, r#"'<b>&\"it\'s\" *a_b* `c` [d](e) @here\n# f'"#),
        (Sink::Url, "%3Cb%3E%26%22it%27s%22%20%2Aa_b%2A%20%60c%60%20%5Bd%5D%28e%29%20%40here%0A%23%20f"),
    ] {
        let filled = fill("{x}", &nasty, sink).unwrap().value;
        assert_eq!(filled.as_str().unwrap().replace('\u{200B}', "·"), wanted, "{sink:?}");
    }
    // What the template itself says goes out as it is.
    let own = "<!here> <@U1> *b* @channel {{x}} ";
    for sink in SINKS {
        assert_eq!(
            fill(own, &nasty, sink).unwrap().value,
            json!(own.replace("{{", "{").replace("}}", "}")),
            "{sink:?}"
        );
    }
}

#[test]
fn markdown_shows_what_stands_there() {
    for (text, wanted) in [
        ("# a", r"\# a"),
        ("a # b", "a # b"),
        ("- a\n  - b\n+ c", "\\- a\n  \\- b\n\\+ c"),
        ("a - b", "a - b"),
        ("1. a\n12) b 3.5", "1\\. a\n12\\) b 3.5"),
        ("a\n===\n---", "a\n\\===\n\\---"),
        ("snake_case _a_ __b__", r"snake_case \_a\_ \_\_b\_\_"),
        ("~~~\n```", "\\~\\~\\~\n\\`\\`\\`"),
        ("![x](y) <!-- -->", r"!\[x\]\(y\) &lt;!-- --&gt;"),
        ("&#64;here", "&amp;#64;here"),
        (r"\@here", "\\\\@\u{200B}here"),
        ("v1.2, #12", "v1.2, #12"),
    ] {
        assert_eq!(fill("{x}", &json!({"x": text}), Sink::Markdown).unwrap().value, json!(wanted), "{text}");
    }
}

#[test]
fn a_query_is_never_left_by_a_value() {
    let scope = json!({"x": "a' OR 1 = 1 \\", "q": "\" OR x = \"", "n": 5, "l": ["a", 2, "b'c", ["d", "e"]], "z": null,
        "none": [], "o": {"name": "bug"}});
    for (text, wanted) in [
        ("summary ~ {x}", r"summary ~ 'a\' OR 1 = 1 \\'"),
        ("summary ~ '{x}'", r"summary ~ 'a\' OR 1 = 1 \\'"),
        ("summary ~ \"{q}\"", r#"summary ~ "\" OR x = \"""#),
        ("summary ~ \"\\{q}\"", r#"summary ~ "\\\" OR x = \"""#),
        ("a = \"it's\" AND b = {x}", r#"a = "it's" AND b = 'a\' OR 1 = 1 \\'"#),
        ("a = \"\\\"\" AND b = {o}", r#"a = "\"" AND b = 'bug'"#),
        ("number = {n}", "number = 5"),
        ("labels in ({l})", r"labels in ('a', 2, 'b\'c', 'd, e')"),
        ("labels in ({none})", "labels in ('')"),
        ("a = {z}", "a = ''"),
        ("{x}", r"'a\' OR 1 = 1 \\'"),
    ] {
        assert_eq!(fill(text, &scope, Sink::Query).unwrap().value, json!(wanted), "{text}");
    }
}

#[test]
fn an_address_is_never_led_elsewhere() {
    let scope = json!({"k": "ENG-7/../x?y#z", "d": "..", "e": "", "p": ".", "h": "evil.example/"});
    for (text, wanted) in [
        ("/issue/{k}/comment", Some("/issue/ENG-7%2F..%2Fx%3Fy%23z/comment")),
        ("/search?q={d}&r={e}", Some("/search?q=..&r=")),
        ("https://{h}.example/a", Some("https://evil.example%2F.example/a")),
        ("/a/../{k}", Some("/a/../ENG-7%2F..%2Fx%3Fy%23z")),
        ("/issue/{d}/comment", None),
        ("/issue/{p}{p}", None),
        ("/issue/.{p}/x", None),
        ("/issue/%2e{p}/x", None),
        ("\\issue\\{d}", None),
        ("/issue/{e}", None),
        ("/issue/{nothing}/x", None),
        ("{d}", None),
    ] {
        let filled = fill(text, &scope, Sink::Url);
        assert_eq!(filled.ok().map(|filled| filled.value), wanted.map(Value::from), "{text}");
    }
}

#[test]
fn a_text_stays_within_bounds() {
    let scope = json!({"x": "ä".repeat(70_000)});
    let filled = fill("{x}.", &scope, Sink::Plain).unwrap();
    assert_eq!(filled.value.as_str().unwrap().chars().count(), 65_538);
    assert!(filled.remarks[0].contains("longer than there is room"));
    let filled = fill(&"{x}".repeat(200), &scope, Sink::Html).unwrap();
    assert!(filled.value.as_str().unwrap().len() < 500_000);
}

#[test]
fn its_paths_and_its_literal_are_told() {
    let template = read("{steps.a.output.id} {vars.x|upper}").unwrap();
    assert_eq!((template.paths(), template.as_literal()), (vec!["steps.a.output.id".into(), "vars.x".into()], None));
    assert_eq!(read("a {{b}}").unwrap().as_literal(), Some("a {b}"));
}

/// What Slack would take for a mention: tokens, and the words of those that call everybody.
fn slack_mentions(text: &str) -> bool {
    let low = text.to_lowercase();
    ["<!", "<@", "<#", "@here", "@channel", "@everyone"].iter().any(|mention| {
        low.match_indices(mention)
            .any(|(at, found)| !low[at + found.len()..].starts_with(char::is_alphanumeric) || found.starts_with('<'))
    })
}

/// What GitHub would take for one: an `@` before a name and behind no letter.
fn github_mentions(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + 1..]);
        behind.starts_with(|c: char| c.is_ascii_alphanumeric()) && !before.ends_with(char::is_alphanumeric)
    })
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "(@here|@channel|@everyone|<!here>|<!channel|&lt;!here&gt;|<@U1>|<!subteam\\^S1>|@org/team|@user|here|channel)",
        "[<>&@!#|^*_`\\\\{}a-c \\n]{0,4}",
        ".{0,4}",
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[{}a-c|:!.\"'\\[\\]0-9 \\\\é]{0,40}", value in ".{0,20}") {
        if let Ok(template) = read(&text) {
            for sink in SINKS {
                let _either = template.fill(&json!({"a": value, "b": {"a": [value]}, "c": 1}), sink, NOW);
            }
        }
    }

    #[test]
    fn nothing_filled_in_for_slack_mentions_anybody(
            x in hostile(),
            y in hostile(),
            list in proptest::collection::vec(hostile(), 0..3),
        ) {
        let scope = json!({"x": x, "y": y, "list": list, "o": {"name": x}});
        let alone = ["{x}", "{list}", "{o}", "{x|upper}.", "{list|json}.", "{x}here", "*{x}* _{y}_"];
        for text in alone.into_iter().chain(["a {x}{y} b", "<{x}|{y}>", "<{x}{y}>", "n: {list} {o}"]) {
            let filled = fill(text, &scope, Sink::SlackText).unwrap().value.to_string();
            prop_assert!(!slack_mentions(&filled), "{text}: {filled}");
        }
    }

    #[test]
    fn nothing_filled_in_for_github_mentions_anybody(x in hostile(), y in hostile()) {
        let scope = json!({"x": x, "y": y});
        for text in ["{x}", "a {x}{y} b", "_{x}_ **{y}**", "{x}\n{y}", "`{x}`"] {
            let filled = fill(text, &scope, Sink::Markdown).unwrap().value;
            prop_assert!(!github_mentions(filled.as_str().unwrap()), "{text}: {filled}");
        }
    }

    #[test]
    fn what_is_filled_in_is_never_read_again(x in "[a-z{}|!]{0,20}", y in "[a-z{}]{0,20}") {
        let scope = json!({"x": x, "y": y, "vars": {"secret": "hunter2"}});
        let filled = fill("{x}-{y}", &scope, Sink::Plain).unwrap().value;
        prop_assert_eq!(filled, json!(format!("{x}-{y}")));
    }

    #[test]
    fn html_has_no_tag_and_a_query_no_end_of_its_own(x in hostile(), quote in "['\"]") {
        let scope = json!({"x": x});
        let html = fill("{x}.", &scope, Sink::Html).unwrap().value;
        prop_assert!(!html.as_str().unwrap().contains(['<', '>', '"', '\'']));
        let query = fill(&format!("a = {quote}{{x}}{quote}"), &scope, Sink::Query).unwrap().value;
        let literal = query.as_str().unwrap().strip_prefix("a = ").unwrap();
        let inside = literal.strip_prefix(&quote).and_then(|rest| rest.strip_suffix(&quote)).unwrap();
        let bare = inside.replace("\\\\", "").replace("\\'", "").replace("\\\"", "");
        prop_assert!(!bare.contains(['\'', '"']) && !bare.ends_with('\\'), "{query}");
    }
}
