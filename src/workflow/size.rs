//! How much of a value is kept with a run.
//!
//! Owns how a value that is too large is cut: first its longest texts and lists, in the end all of it. What was cut says
//! so by a flag of who keeps it, and each cut text by its last character.

use serde_json::Value;

/// Levels of a value. Platforms nest ten deep; what is deeper is there to be a nuisance.
const DEEPEST: usize = 24;
/// Texts are cut to so many characters at first (GitHub's bodies have at most 65,536), then to a quarter of that.
const LONGEST_TEXT: usize = 65_536;
/// Lists and objects are cut to so many entries at first: GitHub names at most 3,000 files of a change.
const MOST_ENTRIES: usize = 3_000;
/// Below so many characters a text is not cut; what is still too large then is left out whole.
const LEAST_TEXT: usize = 64;

/// A value that takes at most so many bytes as JSON, and whether something of it was cut.
#[must_use]
pub fn bounded(value: Value, most: usize) -> (Value, bool) {
    let (mut longest, mut entries, mut is_cut) = (LONGEST_TEXT, MOST_ENTRIES, false);
    let mut value = value;
    loop {
        value = cut(value, longest, entries, DEEPEST, &mut is_cut);
        if size_of(&value) <= most {
            return (value, is_cut);
        }
        is_cut = true;
        if longest <= LEAST_TEXT {
            return (Value::Null, true);
        }
        (longest, entries) = (longest / 4, entries / 4);
    }
}

/// How many bytes a value takes as JSON, to within what signs need that are escaped.
#[must_use]
pub fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 20,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size_of(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, field)| name.len() + 4 + size_of(field)).sum::<usize>() + 2,
    }
}

fn cut(value: Value, longest: usize, entries: usize, depth: usize, is_cut: &mut bool) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(longest) {
            Some((end, _)) => {
                *is_cut = true;
                Value::String(format!("{}…", &text[..end]))
            }
            None => Value::String(text),
        },
        Value::Array(items) => {
            *is_cut |= items.len() > entries || depth == 0;
            let items = items.into_iter().take(if depth == 0 { 0 } else { entries });
            items.map(|item| cut(item, longest, entries, depth.saturating_sub(1), is_cut)).collect()
        }
        Value::Object(fields) => {
            *is_cut |= fields.len() > entries || depth == 0;
            let fields = fields.into_iter().take(if depth == 0 { 0 } else { entries });
            fields.map(|(name, field)| (name, cut(field, longest, entries, depth.saturating_sub(1), is_cut))).collect()
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stays_as_it_is_and_the_rest_is_cut_and_says_so() {
        let small = json!({"a": [1, "x", null], "b": {"c": true}});
        assert_eq!(bounded(small.clone(), 1_000), (small, false));
        let (value, is_cut) = bounded(json!({"body": "ä".repeat(70_000), "n": 1}), 200_000);
        assert!(is_cut && value["n"] == 1 && value["body"].as_str().unwrap().ends_with('…'));
        assert_eq!(value["body"].as_str().unwrap().chars().count(), 65_537);
        for most in [100, 1_000, 100_000] {
            let large = json!({"a": vec![json!({"t": "x".repeat(500)}); 5_000], "b": "y".repeat(1_000_000)});
            let (value, is_cut) = bounded(large, most);
            assert!(is_cut && size_of(&value) <= most, "{most}");
        }
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        assert!(bounded(deep, 1_000).1);
    }
}
