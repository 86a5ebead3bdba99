//! A body as a reader of Markdown finds it, written from GitHub's documents; it shares no code with the renderer.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use url::Url;

use crate::channels::testing::turns_the_order;
use crate::domain::card::{Action, Block, Card};

/// What stands in a body.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// All that is shown apart from blocks of code.
    pub(super) text: String,
    /// What stands in blocks of code.
    pub(super) code: String,
    /// Texts in which GitHub looks for names and numbers, each as far as nothing parts it.
    pub(super) runs: Vec<String>,
    /// Addresses of links, and what is shown in their place.
    pub(super) links: Vec<(String, String)>,
    pub(super) images: Vec<String>,
    pub(super) html: Vec<String>,
    pub(super) headings: usize,
    pub(super) quotes: usize,
    pub(super) formulas: usize,
}

impl Reading {
    pub(super) fn of(body: &str) -> Self {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_GFM;
        let (mut read, mut run, mut links) = (Self::default(), String::new(), Vec::new());
        let (mut in_code, mut in_image) = (false, false);
        for event in Parser::new_ext(body, options) {
            if let Event::Text(text) = &event
                && !in_code
            {
                run.push_str(text);
                read.text.push_str(text);
                continue;
            }
            // A formula goes over what parts other texts, but not over an element.
            read.formulas += usize::from(!in_image && run.contains('$') && run != "$");
            let text = std::mem::take(&mut run);
            if !text.is_empty() && links.is_empty() {
                read.runs.push(text);
            }
            match event {
                Event::Start(Tag::CodeBlock(_)) => in_code = true,
                Event::End(TagEnd::CodeBlock) => in_code = false,
                Event::Text(code) => read.code.push_str(&code),
                Event::Code(code) => read.text.push_str(&code),
                Event::Html(html) | Event::InlineHtml(html) => read.html.push(html.trim().to_owned()),
                Event::SoftBreak | Event::HardBreak => read.text.push('\n'),
                Event::Start(Tag::Heading { .. }) => read.headings += 1,
                Event::Start(Tag::BlockQuote(_)) => read.quotes += 1,
                Event::Start(Tag::Link { dest_url, .. }) => links.push((dest_url.to_string(), read.text.len())),
                Event::Start(Tag::Image { dest_url, .. }) => {
                    in_image = true;
                    read.images.push(dest_url.to_string());
                }
                Event::End(TagEnd::Image) => in_image = false,
                Event::End(TagEnd::Link) => {
                    let (address, from) = links.pop().expect("a link that ends has begun");
                    read.links.push((address, read.text[from..].to_owned()));
                }
                Event::Start(Tag::Emphasis | Tag::Strikethrough | Tag::FootnoteDefinition(_))
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_) => panic!("{event:?} in {body}"),
                _ => {}
            }
        }
        read.runs.extend(Some(run).filter(|run| !run.is_empty()));
        read
    }

    /// Everything that is shown.
    pub(super) fn all(&self) -> String {
        format!("{}{}", self.text, self.code)
    }
}

/// A text without blanks, seen or not, and with what steers a screen replaced.
pub(super) fn normal(text: &str) -> String {
    text.chars()
        .filter(|&c| !c.is_whitespace() && c != '\u{200B}')
        .map(|c| if c.is_control() || turns_the_order(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// The addresses that a card has for its links and images, as they are written there.
pub(super) fn addresses(card: &Card) -> Vec<&str> {
    let images = card.blocks.iter().filter_map(|block| match block {
        Block::Image { url, .. } => Some(url.as_str()),
        _ => None,
    });
    let links = card.actions.iter().filter_map(|action| match action {
        Action::Link { url, .. } => Some(url.as_str()),
        _ => None,
    });
    images.chain(links).collect()
}

/// And as links have them.
pub(super) fn targets(card: &Card) -> Vec<String> {
    let written = |url: Url| url.as_str().replace('\\', "%5C").replace('`', "%60").replace('$', "%24");
    addresses(card).into_iter().filter_map(|url| Url::parse(url.trim()).ok()).map(written).collect()
}

/// Whether a tag is one that the renderer writes.
pub(super) fn is_ours(html: &str) -> bool {
    let summary = html.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>"));
    summary.is_some_and(|text| text.chars().all(|c| c.is_ascii_alphanumeric() || " ()".contains(c)))
        || ["<details>", "</details>", "<br>", "<sub>", "</sub>", "<span>", "</span>"].contains(&html)
}

/// What GitHub would make of a text: a name, a number, a commit. By the patterns of html-pipeline, and where those ask for
/// more around a word, without it.
pub(super) fn references(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or(' ');
    let before = |index: usize| index.checked_sub(1).map_or(' ', at);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for index in 0..characters.len() {
        let next = at(index + 1);
        let found = match at(index) {
            '@' => !is_word(before(index)) && next.is_ascii_alphanumeric(),
            '#' => next.is_ascii_digit(),
            'G' | 'g' => {
                "hH".contains(next) && at(index + 2) == '-' && at(index + 3).is_ascii_digit() && !is_word(before(index))
            }
            _ => false,
        };
        if found {
            return Some(characters[index..].iter().take(9).collect());
        }
    }
    let is_commit = |word: &&str| (7..=40).contains(&word.len()) && word.chars().all(|c| c.is_ascii_hexdigit());
    text.split(|c| !is_word(c)).find(is_commit).map(str::to_owned)
}
