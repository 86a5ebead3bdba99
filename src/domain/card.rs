//! A rich message without a platform: authored once, rendered whole by every channel.
//!
//! Texts in a card are plain: no platform mark-up. A renderer escapes them for its platform, so
//! no input can mention a channel or forge a link. What a channel cannot show it degrades in its
//! renderer, in one place.

use serde::{Deserialize, Serialize};

/// The mood of a card: colour in the terminal, an emoji or accent elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Neutral,
    /// It worked.
    Good,
    /// Look here.
    Warning,
    /// It did not work.
    Bad,
}

/// Who sees a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody in the conversation.
    #[default]
    Everyone,
    /// The person who asked, where the platform can do that.
    Asker,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Card {
    /// One line.
    pub title: String,
    /// Its mood.
    #[serde(default)]
    pub tone: Tone,
    /// What follows the title, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Buttons and menus, below the blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Small print: where it came from, how to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// It is one message on every channel, since its buttons put another card in its place: what does not fit is left
    /// out, and its length told. Others are as many messages as it takes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undivided: bool,
    /// The signed token by which a platform that shows a card to each person anew asks how it is for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// Who reads it alone may see it grow from its headline on, where the platform can show that; see [`Card::states`].
    /// What it ends as is the same either way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfolds: bool,
}

/// A part of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph; line breaks are kept.
    Text {
        /// The paragraph.
        text: String,
    },
    /// A heading within the card.
    Heading {
        /// One line.
        text: String,
    },
    /// Pairs of a label and a value, shown in columns where there is room.
    Facts {
        /// The pairs, in order.
        facts: Vec<Fact>,
    },
    /// A list.
    List {
        /// Its items, each one line.
        items: Vec<String>,
    },
    /// A table; every row has as many cells as there are columns.
    Table {
        /// The head.
        columns: Vec<String>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
    /// Text in which every character counts: usage lines, commands.
    Code {
        /// The text.
        text: String,
    },
    /// A text in the notation of the one platform that it goes to, written by those who run the bot: Slack's mrkdwn, or
    /// Markdown. What it was filled with is escaped already, so that it says nothing but itself.
    Markup {
        /// The text.
        text: String,
    },
    /// An image by its address.
    Image {
        /// An https address.
        url: String,
        /// What it shows, for those who do not see it.
        alt: String,
    },
    /// A line across.
    Divider,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The label.
    pub label: String,
    /// The value.
    pub value: String,
}

/// Something that a person can do on the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// A button.
    Button {
        /// What it says.
        label: String,
        /// The signed token that comes back with the press.
        token: String,
        /// How it looks.
        #[serde(default)]
        style: ButtonStyle,
    },
    /// A menu from which one entry is chosen.
    Menu {
        /// What it says while nothing is chosen.
        label: String,
        /// The signed token that comes back with the choice.
        token: String,
        /// The entries.
        options: Vec<Choice>,
    },
    /// A link.
    Link {
        /// What it says.
        label: String,
        /// An https address.
        url: String,
    },
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonStyle {
    /// As any other.
    #[default]
    Plain,
    /// The one most people press.
    Primary,
    /// Takes something away.
    Danger,
}

/// An entry of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the person reads.
    pub label: String,
    /// What comes back.
    pub value: String,
}

impl Card {
    /// A card with a title only.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Sets the mood.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Adds a paragraph; an empty one adds nothing.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.trim().is_empty() {
            self.blocks.push(Block::Text { text });
        }
        self
    }

    /// Adds any part.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds pairs of label and value; pairs without a value are left out.
    #[must_use]
    pub fn facts<L: Into<String>, V: Into<String>>(mut self, pairs: impl IntoIterator<Item = (L, V)>) -> Self {
        let facts: Vec<Fact> = pairs
            .into_iter()
            .map(|(label, value)| Fact { label: label.into(), value: value.into() })
            .filter(|fact| !fact.value.is_empty())
            .collect();
        if !facts.is_empty() {
            self.blocks.push(Block::Facts { facts });
        }
        self
    }

    /// Adds a button or a menu.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Makes it one message, whose buttons put another card in its place.
    #[must_use]
    pub fn undivided(self) -> Self {
        Self { undivided: true, ..self }
    }

    /// Lets it unfold.
    #[must_use]
    pub fn unfolding(self) -> Self {
        Self { unfolds: true, ..self }
    }

    /// The card as it grows, in at most `most` steps: each begins with all of the one before, and the last is the whole.
    /// The first ends before the first heading, each further one before the next; buttons and small print come with the
    /// whole. A card without a heading in it is whole at once.
    #[must_use]
    pub fn states(&self, most: usize) -> Vec<Self> {
        let begins = |index: &usize| *index > 0 && matches!(self.blocks[*index], Block::Heading { .. });
        let ends = (0..self.blocks.len()).filter(begins).take(most.saturating_sub(1));
        let part = |end: usize| Self {
            title: self.title.clone(),
            tone: self.tone,
            blocks: self.blocks[..end].to_vec(),
            undivided: self.undivided,
            ..Self::default()
        };
        ends.map(part).chain([self.clone()]).collect()
    }

    /// Sets the small print.
    #[must_use]
    pub fn footer(mut self, text: impl Into<String>) -> Self {
        self.footer = Some(text.into());
        self
    }

    /// The card as one paragraph, for notifications and screen readers.
    #[must_use]
    pub fn summary(&self) -> String {
        let first = self.blocks.iter().find_map(|block| match block {
            Block::Text { text } | Block::Markup { text } => text.lines().next(),
            _ => None,
        });
        match first {
            Some(line) if self.title.is_empty() => line.to_owned(),
            Some(line) => format!("{}: {line}", self.title),
            None => self.title.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapters(count: usize) -> Card {
        let heading = |number: usize| Block::Heading { text: format!("Chapter {number}") };
        let begun = Card::new("A book").facts([("Pages", "3")]).tone(Tone::Good);
        (0..count).fold(begun, |card, number| card.block(heading(number)).text("words")).footer("the end")
    }

    #[test]
    fn a_card_grows_by_its_headings_and_ends_whole() {
        for (count, most, blocks) in
            [(3, 4, vec![1, 3, 5, 7]), (3, 2, vec![1, 7]), (9, 4, vec![1, 3, 5, 19]), (0, 4, vec![1]), (3, 1, vec![7])]
        {
            let card = chapters(count);
            let states = card.states(most);
            assert_eq!(states.iter().map(|state| state.blocks.len()).collect::<Vec<_>>(), blocks, "{count} in {most}");
            assert_eq!(states.last(), Some(&card));
            for state in &states {
                assert_eq!((state.title.as_str(), state.tone), ("A book", Tone::Good));
                assert_eq!(state.blocks[..], card.blocks[..state.blocks.len()]);
                assert!(state == &card || state.footer.is_none());
            }
        }
        let from_a_heading = Card::new("").block(Block::Heading { text: "One".into() }).text("words");
        assert_eq!(from_a_heading.states(4).len(), 1, "nothing stands before it");
    }
}
