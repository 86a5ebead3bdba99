//! What each place of a Markdown text is, as pulldown-cmark reads GitHub's dialect.
//!
//! Owns which parts of a text are looked at for commands, and what of them is read how. It knows no commands. Footnotes
//! are not asked for: they make the parser slow on hostile texts (pulldown-cmark#1076), and hide no line of a writer.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

/// A piece of a paragraph; what is between two is marks of Markdown.
pub(super) struct Piece<'t> {
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
    /// How it is read.
    pub(super) reads: Reads<'t>,
    /// Whether it stands in a list.
    pub(super) is_in_list: bool,
}

/// How a piece is read.
pub(super) enum Reads<'t> {
    /// As these words.
    As(CowStr<'t>),
    /// As the address to which it leads.
    Address(CowStr<'t>),
    /// As it stands there.
    AsTyped,
    /// Nobody sees it.
    AsNothing,
}

/// The pieces of all paragraphs in their order, those of lists among them, but not those of quotes, tables, headings,
/// code and HTML.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_GFM;
    let mut reader = Reader::default();
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.take(event, range);
    }
    reader.pieces
}

#[derive(Default)]
struct Reader<'t> {
    pieces: Vec<Piece<'t>>,
    /// How deep it is in something that is not looked at.
    barred: usize,
    /// How deep it is in lists.
    lists: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, event: Event<'t>, range: Range<usize>) {
        match event {
            Event::Start(_) if self.barred > 0 => self.barred += 1,
            Event::End(_) if self.barred > 0 => self.barred -= 1,
            _ if self.barred > 0 => {}
            Event::Start(tag) => self.enter(tag, range),
            Event::End(TagEnd::List(_)) => self.lists -= 1,
            Event::End(_) | Event::Rule => {}
            Event::Text(read) => self.push(range, Reads::As(read)),
            Event::SoftBreak | Event::HardBreak => self.push(range, Reads::AsNothing),
            // Comments, instructions and declarations.
            Event::InlineHtml(html) if html.starts_with("<!") || html.starts_with("<?") => {
                self.push(range, Reads::AsNothing);
            }
            _ => self.push(range, Reads::AsTyped),
        }
    }

    fn enter(&mut self, tag: Tag<'t>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::Item | Tag::Emphasis | Tag::Strong | Tag::Strikethrough => {}
            Tag::List(_) => self.lists += 1,
            Tag::Link { link_type: LinkType::Autolink, dest_url, .. } => {
                self.barred = 1;
                // GitHub reads entities there too; that of `&` is the one that addresses have.
                self.push(range, Reads::Address(dest_url.replace("&amp;", "&").into()));
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.barred = 1;
                self.push(range, address(dest_url));
            }
            _ => self.barred = 1,
        }
    }

    fn push(&mut self, range: Range<usize>, reads: Reads<'t>) {
        self.pieces.push(Piece { range, reads, is_in_list: self.lists > 0 });
    }
}

/// The address, not the label, so that nobody is led elsewhere than it says; that of a mail without its scheme.
fn address(target: CowStr<'_>) -> Reads<'_> {
    if target.is_empty() {
        return Reads::AsTyped;
    }
    match target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")) {
        Some(bare) => Reads::Address(bare.to_owned().into()),
        None => Reads::Address(target),
    }
}
