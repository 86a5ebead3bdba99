//! The operators of conditions: a table, and what was meant where a word is not in it.
//!
//! A new operator is a variant, a line in [`Operator::ALL`] and an arm in `compare.rs`.

/// What a condition asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is what is wanted, or one of it; of a list, one member is. Written without an operator.
    Is,
    /// It is exactly what is wanted; of a list, the same members in any order.
    Equals,
    /// It is none of what is wanted.
    Not,
    /// It is one of what is wanted.
    In,
    /// A list has one of what is wanted; a text has it within.
    Contains,
    /// A list has all of what is wanted; a text has it within.
    ContainsAll,
    /// A path fits one of the globs.
    Includes,
    /// A text fits one of the regular expressions, anywhere in it.
    Matches,
    /// A text begins with it.
    StartsWith,
    /// A text ends with it.
    EndsWith,
    /// A number or a time is greater.
    Gt,
    /// Greater or the same.
    Gte,
    /// Less.
    Lt,
    /// Less or the same.
    Lte,
    /// There is something, or nothing.
    Exists,
    /// A time lies no farther from now than this, before or after.
    Within,
    /// The event has made it what is wanted.
    ChangedTo,
}

impl Operator {
    /// All that are written, by their words.
    pub const ALL: [(&'static str, Self); 16] = [
        ("equals", Self::Equals),
        ("not", Self::Not),
        ("in", Self::In),
        ("contains", Self::Contains),
        ("contains_all", Self::ContainsAll),
        ("includes", Self::Includes),
        ("matches", Self::Matches),
        ("starts_with", Self::StartsWith),
        ("ends_with", Self::EndsWith),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("exists", Self::Exists),
        ("within", Self::Within),
        ("changed_to", Self::ChangedTo),
    ];

    /// The operator of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, operator)| *operator)
    }

    /// Its word; `is` for the one that is not written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("is", |(name, _)| *name)
    }
}

/// How alike a word must be to an operator to be a slip and not the name of a field (0 to 1). `contents`,
/// `container` and `starts_at` are fields of platforms and lie below.
const SLIP: f64 = 0.8;
/// Shorter words are like `in`, `not` and `lt` by chance.
const SHORTEST_SLIP: usize = 5;
/// A longer word is no slip, and the comparison is quadratic in it.
const LONGEST_SLIP: usize = 20;

/// Words for an operator in other tools and languages, none of them a field that a platform sends.
const OTHER_WORDS: [(&str, &str); 18] = [
    ("eq", "equals"),
    ("ne", "not"),
    ("neq", "not"),
    ("not_equals", "not"),
    ("not_in", "not"),
    ("contains_any", "contains"),
    ("has", "contains"),
    ("glob", "includes"),
    ("match", "matches"),
    ("regex", "matches"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("ge", "gte"),
    ("le", "lte"),
    ("greater_than", "gt"),
    ("less_than", "lt"),
    ("is_null", "exists"),
    ("changes_to", "changed_to"),
];

/// The operator that was meant by a word that is none, where one was; else the word is a field.
pub(super) fn meant_by(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let words = OTHER_WORDS.iter().map(|(other, name)| (*other, *name));
    let same = Operator::ALL.iter().map(|(name, _)| (*name, *name));
    if let Some((_, name)) = words.chain(same).find(|(known, _)| *known == word) {
        return Some(name);
    }
    // A time of a platform: `changed_at` is no `changed_to`.
    if !(SHORTEST_SLIP..=LONGEST_SLIP).contains(&word.len()) || word.ends_with("_at") {
        return None;
    }
    let alike = Operator::ALL.iter().map(|(name, _)| (strsim::normalized_damerau_levenshtein(&word, name), *name));
    alike.filter(|(alike, _)| *alike >= SLIP).max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_a_word() {
        for (name, operator) in Operator::ALL {
            assert_eq!((Operator::named(name), operator.as_str()), (Some(operator), name));
        }
        assert_eq!((Operator::named("is"), Operator::Is.as_str()), (None, "is"));
    }

    #[test]
    fn slips_are_told_from_fields() {
        for (word, meant) in [
            ("contians", Some("contains")),
            ("contain", Some("contains")),
            ("Contains", Some("contains")),
            ("containsall", Some("contains_all")),
            ("include", Some("includes")),
            ("mathces", Some("matches")),
            ("start_with", Some("starts_with")),
            ("startsWith", Some("starts_with")),
            ("endswith", Some("ends_with")),
            ("exist", Some("exists")),
            ("changedto", Some("changed_to")),
            ("equal", Some("equals")),
            ("witin", Some("within")),
            ("GTE", Some("gte")),
            ("neq", Some("not")),
            ("regex", Some("matches")),
        ] {
            assert_eq!(meant_by(word), meant, "{word}");
        }
    }

    /// Fields of GitHub, GitLab, Jira, Zendesk, Chatwoot and Graph that sound like an operator, or are short.
    #[test]
    fn fields_of_platforms_are_no_slips() {
        for word in [
            "id",
            "key",
            "note",
            "url",
            "ref",
            "sha",
            "size",
            "state",
            "title",
            "content",
            "contents",
            "container",
            "changed_files",
            "changes",
            "changed_at",
            "starts_at",
            "ends_at",
            "start_line",
            "end_time",
            "last_edited_at",
            "matched_at",
            "existing",
            "inbox",
            "node_id",
            "not_before",
            "without",
            "quality",
            "level",
            "login",
            "get",
            "let",
            "git",
            "lts",
            "draft",
            "status",
            "priority",
            "included_in",
            "members",
            "maintainers",
            "contact",
        ] {
            assert_eq!(meant_by(word), None, "{word}");
        }
        assert_eq!(meant_by(&"contains".repeat(10_000)), None);
    }
}
