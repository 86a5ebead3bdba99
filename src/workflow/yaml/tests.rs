//! What of YAML is read and what is refused, by example, and what nobody should be able to do with a file.

use super::*;

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

fn json(text: &str) -> serde_json::Value {
    read(text).unwrap_or_else(|mistake| panic!("{text}\n{mistake}")).to_json()
}

#[test]
fn scalars_are_those_of_the_core_schema() {
    for (text, expected) in [
        ("", Is::Null),
        ("# nothing but a remark\n", Is::Null),
        ("~", Is::Null),
        ("Null", Is::Null),
        ("\"\"", Is::Text(String::new())),
        ("\"null\"", Is::Text("null".to_owned())),
        ("True", Is::Bool(true)),
        ("FALSE", Is::Bool(false)),
        ("'true'", Is::Text("true".to_owned())),
        ("yes", Is::Text("yes".to_owned())),
        ("on", Is::Text("on".to_owned())),
        ("-12", Is::Int(-12)),
        ("+12", Is::Int(12)),
        ("007", Is::Int(7)),
        ("0o17", Is::Int(15)),
        ("0x1F", Is::Int(31)),
        ("0o8", Is::Text("0o8".to_owned())),
        ("-9223372036854775808", Is::Int(i64::MIN)),
        ("1.5", Is::Float(1.5)),
        (".5", Is::Float(0.5)),
        ("1.", Is::Float(1.0)),
        ("-1.e+3", Is::Float(-1000.0)),
        ("12e3", Is::Float(12000.0)),
        ("1_000", Is::Text("1_000".to_owned())),
        ("2026-01-31", Is::Text("2026-01-31".to_owned())),
        ("12:30", Is::Text("12:30".to_owned())),
        ("1.2.3", Is::Text("1.2.3".to_owned())),
        ("e5", Is::Text("e5".to_owned())),
        ("inf", Is::Text("inf".to_owned())),
        ("|\n  two\n  lines\n", Is::Text("two\nlines\n".to_owned())),
        ("\"\\u00e4\\t\"", Is::Text("ä\t".to_owned())),
        ("\u{feff}text", Is::Text("text".to_owned())),
    ] {
        assert_eq!(read(text).map(|node| node.is), Ok(expected), "{text:?}");
    }
}

#[test]
fn everything_knows_where_it_stands() {
    let node = read("# a remark\nname: 1\nlist:\n  - ä: [x, \"y\"]\n").unwrap();
    let Is::Map(entries) = &node.is else { panic!("{node:?}") };
    assert_eq!((node.at, entries[0].0.at, entries[0].1.at), (at(2, 1), at(2, 1), at(2, 7)));
    let Is::List(items) = &entries[1].1.is else { panic!("{node:?}") };
    let Is::Map(inner) = &items[0].is else { panic!("{node:?}") };
    let Is::List(pair) = &inner[0].1.is else { panic!("{node:?}") };
    assert_eq!((inner[0].0.at, pair[0].at, pair[1].at), (at(4, 5), at(4, 9), at(4, 12)));
}

#[test]
fn a_key_is_the_text_that_stands_there() {
    assert_eq!(json("on: 1\nnull: 2\n3: [true]\n"), serde_json::json!({"on": 1, "null": 2, "3": [true]}));
    assert_eq!(json("\"~\": 1\n\"<<\": 2\n"), serde_json::json!({"~": 1, "<<": 2}));
}

#[test]
fn what_is_not_read_is_refused_with_its_place() {
    let mut missed = Vec::new();
    for (text, place, said) in [
        ("a: 1\nb: &x\n  c: 2\n", at(2, 4), "anchors"),
        ("a: *x\n", at(1, 4), "aliases"),
        ("a: &x 1\nb: *x\n", at(1, 4), "anchors"),
        ("a: 1\nb: !!int 2\n", at(2, 4), "tags"),
        ("! a", at(1, 1), "tags"),
        ("a: !x!y 1", at(1, 4), "no YAML"),
        ("a:\n  <<: {b: 1}\n", at(2, 3), "merge keys"),
        ("a: 1\n---\nb: 2\n", at(2, 1), "second document"),
        ("%YAML 1.1\n---\na: 1\n", at(1, 1), "directives"),
        ("a: 1\nb: 2\na: 3\n", at(3, 1), "`a` stands here twice; it is on line 1 already"),
        ("{x: 1, \"x\": 2}", at(1, 8), "twice"),
        ("1: a\n\"1\": b\n", at(2, 1), "twice"),
        (": 1\n", at(1, 1), "a key is missing"),
        ("\"\": 1\n", at(1, 1), "a key is missing"),
        ("? [a]\n: 1\n", at(1, 3), "a key is a name"),
        ("a:\n\t- b\n", at(2, 2), "a tab stands"),
        ("a: \"b\n", at(2, 1), "is its quote closed?"),
        ("a: \"b", at(1, 4), "the quote that opens here is not closed"),
        ("a: [1, 2\n", at(1, 4), "no YAML"),
        ("a: b: c\n", at(1, 5), "no YAML"),
        ("a: 1\n b: 2\n", at(2, 3), "no YAML"),
        ("a: 99999999999999999999", at(1, 4), "too large; if it is meant as a text"),
        ("a: 1e999", at(1, 4), "too large"),
        ("a: -.inf", at(1, 4), "no number to reckon with"),
        ("a: b\0c", at(1, 5), "U+0000"),
        ("# a\0\nb: c", at(1, 4), "U+0000"),
        ("a: \"\u{1b}\"", at(1, 5), "U+001B"),
    ] {
        let mistake = read(text).expect_err(text);
        if mistake.at != place || !mistake.what.contains(said) {
            missed.push(format!("{text:?}: {mistake}; expected {place}: {said}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A text that repeats a piece until it is as long as a file may be.
fn much(begin: &str, piece: &str) -> String {
    format!("{begin}{}", piece.repeat((LONGEST_TEXT - begin.len()) / piece.len()))
}

#[test]
fn bounds_hold_while_the_text_is_read() {
    let long = read(&"a".repeat(5 * 1024 * 1024)).unwrap_err();
    assert!(long.what.contains("5242880 bytes; a file has at most 524288"), "{long}");
    assert!(read(&"a".repeat(LONGEST_TEXT)).is_ok());

    let flow = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let block = |levels: usize| format!("{}x", "- ".repeat(levels));
    for nest in [&flow as &dyn Fn(usize) -> String, &block] {
        assert!(read(&nest(MOST_LEVELS)).is_ok());
        for levels in [MOST_LEVELS + 1, 10_000] {
            let deep = read(&nest(levels)).unwrap_err();
            assert!(deep.what.contains("more than 64 deep"), "{deep}");
        }
    }
    let mixed = format!("{}{}", "- ".repeat(MOST_LEVELS), "[x]");
    assert!(read(&mixed).unwrap_err().what.contains("more than 64 deep"));

    assert!(read(&"- a\n".repeat(MOST_NODES - 1)).is_ok());
    let many = read(&"- a\n".repeat(MOST_NODES)).unwrap_err();
    assert!(many.what.contains("more than 50000 values and keys") && many.at.line == MOST_NODES, "{many}");

    let key = "k".repeat(LONGEST_KEY);
    assert!(read(&format!("{key}: 1")).is_ok());
    assert!(read(&format!("? {key}k\n: 1")).unwrap_err().what.contains("more than 1024 characters"));
    assert!(read(&format!("{key}kkk: 1")).is_err());
}

#[test]
fn no_text_takes_long_or_much() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    assert_eq!(read(bomb).unwrap_err().at, at(1, 4));
    let distinct: String = (0..24_000).map(|n| format!("key{n}: {n}\n")).collect();
    assert!(read(&distinct).is_ok());
    // Under a second each even where nothing is optimised, or this test would be noticed.
    for piece in [
        "[", "{", "{a: ", "- ", "? ", ": ", "\"", "'", "#", "# \n", "\n", " ", "\t", "a: ", "a: b\n", "&a ", "*a ",
        "!", "|\n", "%", "---\n", "...\n", "\\", "\r", ",", "[[],", "{},", "a\n\n", "\"\\x", "- - a\n", "ä", "\0", "@",
        "`", "[a, ? ",
    ] {
        // What comes of it does not matter here: that it comes, and soon, does.
        let _ = read(&much("", piece));
        let _ = read(&much("a: ", piece));
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_places_are_in_the_text(text in "[\\[\\]{}:,#&*!|>'\"%@`\\-? \n\tab0-9.~<\u{e4}\0\\\\]{0,60}") {
        if let Err(mistake) = read(&text) {
            proptest::prop_assert!(mistake.at.line <= text.split(['\n', '\r']).count() + 1, "{:?}: {}", text, mistake);
        }
    }
}
