//! Lists in pages, and the header `Link` that leads from one to the next.
//!
//! From docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api.

use std::collections::HashMap;

use serde_json::Value;
use url::form_urlencoded::Serializer;

/// Entries of a page where nobody says how many, and at most.
const USUAL: usize = 30;
const MOST: usize = 100;

/// How many entries a page has.
pub(super) fn size(query: &HashMap<String, String>) -> usize {
    let asked = query.get("per_page").and_then(|size| size.parse::<usize>().ok());
    asked.filter(|size| *size > 0).unwrap_or(USUAL).min(MOST)
}

/// The entries of the page that is asked for, and the header.
pub(super) fn cut(all: Vec<Value>, address: &str, query: &HashMap<String, String>) -> (Vec<Value>, Option<String>) {
    let size = size(query);
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let last = all.len().div_ceil(size).max(1);
    let mut leads = Vec::new();
    if page > 1 {
        leads.push(("prev", (page - 1).min(last)));
    }
    if page < last {
        leads.extend([("next", page + 1), ("last", last)]);
    }
    if page > 1 {
        leads.push(("first", 1));
    }
    let leads = leads.into_iter().map(|(name, page)| lead(address, query, "page", &page.to_string(), name));
    let header = leads.collect::<Vec<_>>().join(", ");
    let entries = all.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    (entries, (!header.is_empty()).then_some(header))
}

/// One entry of the header: the same address with one parameter changed.
pub(super) fn lead(address: &str, query: &HashMap<String, String>, parameter: &str, value: &str, name: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| *name != parameter)
        .collect();
    pairs.push((parameter, value));
    pairs.sort_unstable();
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("<{address}?{query}>; rel=\"{name}\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_leads_to_the_others() {
        let page = |count: usize, query: &[(&str, &str)]| {
            let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let (entries, header) = cut((0..count).map(|entry| json!(entry)).collect(), "http://x/y", &query);
            (entries.len(), header.unwrap_or_default())
        };
        assert_eq!(page(30, &[]), (30, String::new()));
        let next = "<http://x/y?page=2>; rel=\"next\", <http://x/y?page=2>; rel=\"last\"";
        assert_eq!(page(31, &[]), (30, next.to_owned()));
        assert_eq!(page(300, &[("per_page", "101")]).0, 100);
        assert_eq!(page(3, &[("per_page", "0")]).0, 3);
        let (entries, header) = page(5, &[("per_page", "2"), ("page", "2"), ("since", "a b")]);
        assert_eq!(entries, 2);
        assert!(header.starts_with("<http://x/y?page=1&per_page=2&since=a+b>; rel=\"prev\", "), "{header}");
        assert!(header.contains("page=3&per_page=2&since=a+b>; rel=\"last\""), "{header}");
        assert_eq!(page(5, &[("page", "99999999999999999")]).0, 0);
        assert_eq!(page(5, &[("page", "x")]).0, 5);
    }
}
