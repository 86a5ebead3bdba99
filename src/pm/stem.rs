//! The stem of an English word, so that `migrates`, `migrated` and `migrating` are one.
//!
//! Owns only endings. A rule is right when forms of one word share a stem and words that differ do
//! not; whether the stem is itself a word does not matter. A new rule comes with its cases below.

/// The stem of a lower-case word: without plural, `ing`, `ed` and a final `e`. Wrong stems do no
/// harm as long as the same word always has the same one.
#[must_use]
pub(super) fn stem(word: &str) -> String {
    if word.len() <= 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = without_plural(word);
    if let Some(root) = stem.strip_suffix("ie") {
        return format!("{root}y");
    }
    let mut was_longer = false;
    if let Some(root) = stem.strip_suffix("ied").filter(|root| root.len() >= 2) {
        return format!("{root}y");
    }
    for ending in ["ing", "ed"] {
        if let Some(root) = stem.strip_suffix(ending).filter(|root| is_root(root)) {
            stem = root;
            was_longer = true;
            break;
        }
    }
    let bytes = stem.as_bytes();
    let doubled = bytes.len() >= 4
        && bytes[bytes.len() - 1] == bytes[bytes.len() - 2]
        && (b"bdgmnprt".contains(&bytes[bytes.len() - 1]) && was_longer || bytes.ends_with(b"ll") && bytes.len() >= 5);
    if doubled {
        stem = &stem[..stem.len() - 1];
    } else if stem.len() > 3 {
        stem = stem.strip_suffix('e').unwrap_or(stem);
    }
    stem.to_owned()
}

fn without_plural(word: &str) -> &str {
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word;
    }
    for ending in ["sses", "xes", "ches", "shes"] {
        if word.ends_with(ending) {
            return &word[..word.len() - 2];
        }
    }
    word.strip_suffix('s').unwrap_or(word)
}

/// `string` and `speed` only look as if they had an ending.
fn is_root(root: &str) -> bool {
    root.len() >= 3 && root.contains(['a', 'e', 'i', 'o', 'u', 'y']) && !root.ends_with('e') && root != "emb"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_its_stem() {
        for forms in [
            &["migrate", "migrates", "migrated", "migrating"][..],
            &["debug", "debugs", "debugged", "debugging"],
            &["cache", "caches", "caching", "cached"],
            &["query", "queries", "querying"],
            &["install", "installs", "installed", "installing"],
            &["process", "processes", "processing"],
            &["apply", "applies", "applied", "applying"],
            &["embed", "embedding", "embeds"],
            &["crash", "crashes", "crashed"],
        ] {
            for form in forms {
                assert_eq!(stem(form), stem(forms[0]), "{form}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_an_ending_stays() {
        for word in
            ["string", "speed", "status", "analysis", "dns", "css", "redis", "class", "größen", "支付", "c++", ""]
        {
            assert_eq!(stem(word), word);
        }
    }
}
