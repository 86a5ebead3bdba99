//! Which agents suit a piece of work, and why.
//!
//! Owns the scoring. What an agent is good for stands in its own file (keywords, situations, file
//! globs) and, where no single file can know it, in `subject.rs`. A new agent needs no change here;
//! a new kind of evidence is a step in `Fit::score`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::catalog::Catalog;
use crate::domain::agent::Agent;
use crate::pm::Brief;
use crate::pm::shape::Shape;
use crate::pm::stem::stem;
use crate::pm::subject::{CATEGORY_WORDS, NAME_FILLERS, SUBJECTS, WHEN_NOTHING_TELLS, usual};
use crate::pm::text::{Phrase, Text, is_filler, phrases};

/// The most agents that are recommended.
pub const MOST_RECOMMENDED: usize = 3;
/// The lowest and the highest confidence in percent. Words alone never make sure.
pub const CONFIDENCE: (u8, u8) = (35, 95);
/// From this confidence on, a recommendation is worth following without a second look.
pub const SURE_ENOUGH: u8 = 60;

/// An agent that suits a piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Its name.
    pub agent: String,
    /// How sure this is, in percent, within [`CONFIDENCE`].
    pub confidence: u8,
    /// What led to it, the strongest first.
    pub reasons: Vec<String>,
}

impl fmt::Display for Recommendation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} %)", self.agent, self.confidence)
    }
}

const KEYWORD: f64 = 3.0;
/// Each further word of a phrase makes it less likely to be there by chance.
const FURTHER_WORD: f64 = 1.0;
const LABEL: f64 = 3.0;
const NAMED: f64 = 8.0;
const FIRST_FILE: f64 = 3.5;
const FURTHER_FILE: f64 = 0.5;
const LANGUAGE_OF_FILE: f64 = 0.5;
const MOST_FROM_FILES: f64 = 5.5;
const SITUATION: f64 = 2.5;
const PURPOSE_WORD: f64 = 0.7;
const NAME_WORD: f64 = 1.5;
const CATEGORY: f64 = 0.8;
/// What stands in the first line counts more than what is said in passing.
const FIRST_LINE: f64 = 1.25;
/// Less than this is chance.
const LEAST_SCORE: f64 = 1.2;
/// A recommendation that is so much weaker than the first is none.
const LEAST_OF_FIRST: f64 = 0.2;
/// The score at which confidence has come two thirds of its way.
const CONVINCING: f64 = 6.0;
/// The most words that are quoted for one reason.
const MOST_QUOTED: usize = 4;
/// The most files that are looked at.
const MOST_FILES: usize = 500;

/// A catalogue, prepared for being asked.
pub struct Fit {
    catalog: Arc<Catalog>,
    profiles: Vec<Profile>,
    /// In how many agents' keywords a phrase stands.
    keyword_use: BTreeMap<String, usize>,
    /// In how many agents' situations and purposes a word stands.
    word_use: BTreeMap<String, usize>,
}

/// An agent, prepared for being asked.
struct Profile {
    /// Without its prompt.
    agent: Agent,
    keywords: Vec<(Phrase, String)>,
    situations: Vec<(BTreeSet<String>, String)>,
    purpose: BTreeSet<String>,
    name: Phrase,
    name_words: Vec<String>,
}

/// Files by the names of the agents whose work they are.
type Files<'f> = BTreeMap<String, Vec<&'f str>>;

/// What speaks for an agent.
#[derive(Default)]
struct Score {
    sum: f64,
    reasons: Vec<(f64, String)>,
}

impl Score {
    fn add(&mut self, weight: f64, reason: String) {
        self.sum += weight;
        self.reasons.push((weight, reason));
    }
}

impl Fit {
    /// Prepares a catalogue.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let profiles: Vec<Profile> = catalog.all().iter().map(Profile::of).collect();
        let mut keyword_use = BTreeMap::new();
        let mut word_use = BTreeMap::new();
        for profile in &profiles {
            for (phrase, _) in &profile.keywords {
                *keyword_use.entry(phrase.as_str().to_owned()).or_insert(0) += 1;
            }
            let situations = profile.situations.iter().flat_map(|(words, _)| words);
            for word in situations.chain(&profile.purpose).collect::<BTreeSet<_>>() {
                *word_use.entry(word.clone()).or_insert(0) += 1;
            }
        }
        Self { catalog, profiles, keyword_use, word_use }
    }

    /// Whether there is an agent of that name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.profiles.iter().any(|profile| profile.agent.name == name)
    }

    /// The agents that suit a brief, the best first. Never empty unless the catalogue is.
    #[must_use]
    pub fn recommend(&self, text: &Text, brief: &Brief, shape: Option<Shape>) -> Vec<Recommendation> {
        let labels: Vec<Phrase> = brief.labels.iter().map(|label| Phrase::new(label)).collect();
        let files = self.whose_files(text, brief);
        let mut scores: Vec<(Score, &str)> = Vec::new();
        for profile in &self.profiles {
            let score = self.score(profile, text, &labels, &files, shape);
            scores.push((score, profile.agent.name.as_str()));
        }
        // Names break ties, so that the same brief always has the same answer.
        scores.sort_by(|a, b| b.0.sum.total_cmp(&a.0.sum).then_with(|| a.1.cmp(b.1)));
        let first = scores.first().map_or(0.0, |(score, _)| score.sum);
        let second = scores.get(1).map_or(0.0, |(score, _)| score.sum);
        if first < LEAST_SCORE {
            return self.fallback(shape);
        }
        let kept = scores
            .into_iter()
            .take(MOST_RECOMMENDED)
            .take_while(|(score, _)| score.sum >= LEAST_SCORE && score.sum >= first * LEAST_OF_FIRST);
        kept.enumerate()
            .map(|(place, (score, agent))| {
                let standing = if place == 0 { 0.8 + 0.2 * (first - second) / first } else { 0.75 * score.sum / first };
                let confidence = confidence(score.sum, standing);
                Recommendation { agent: agent.to_owned(), confidence, reasons: in_order(score.reasons) }
            })
            .collect()
    }

    /// The files of the brief and of its text, by the agents whose work they are.
    fn whose_files<'f>(&self, text: &'f Text, brief: &'f Brief) -> Files<'f> {
        let mut whose = Files::new();
        let named = brief.files.iter().take(MOST_FILES).chain(text.files()).map(String::as_str);
        for file in named.collect::<BTreeSet<_>>() {
            for agent in self.catalog.whose_file(file) {
                whose.entry(agent.name.clone()).or_default().push(file);
            }
        }
        whose
    }

    fn score(
        &self,
        profile: &Profile,
        text: &Text,
        labels: &[Phrase],
        files: &Files<'_>,
        shape: Option<Shape>,
    ) -> Score {
        let mut score = Score::default();
        self.score_keywords(profile, text, labels, &mut score);
        self.score_prose(profile, text, &mut score);
        let name = profile.agent.name.as_str();
        score_files(profile, files.get(name).map_or(&[], Vec::as_slice), &mut score);
        for (agent, weight, table) in SUBJECTS {
            let words = if *agent == name { text.mentioned(table) } else { Vec::new() };
            if !words.is_empty() {
                score.add(*weight, format!("its subject: {}", quote(&words)));
            }
        }
        if let Some((usual, weight, why)) = shape.map(usual)
            && let Some(place) = usual.iter().position(|usual| *usual == name)
        {
            score.add(weight / (1.0 + place as f64 * 0.5), why.to_owned());
        }
        if score.sum > 0.0 {
            let hint = CATEGORY_WORDS.iter().find(|(category, _)| *category == profile.agent.category);
            let words = hint.map_or_else(Vec::new, |(_, table)| text.mentioned(table));
            if !words.is_empty() {
                score.add(CATEGORY, format!("{} work: {}", profile.agent.category, quote(&words)));
            }
        }
        score
    }

    fn score_keywords(&self, profile: &Profile, text: &Text, labels: &[Phrase], score: &mut Score) {
        if profile.name.words() > 1 && text.find(&profile.name).is_some() {
            score.add(NAMED, format!("the text names `{}`", profile.agent.name));
        }
        let mut found: Vec<(usize, &str)> = Vec::new();
        let mut weight = 0.0;
        for (phrase, keyword) in &profile.keywords {
            let Some(at) = text.find(phrase) else { continue };
            let shared = *self.keyword_use.get(phrase.as_str()).unwrap_or(&1) as f64;
            let length = phrase.words().saturating_sub(1) as f64;
            let place = if at < text.first_line_words() { FIRST_LINE } else { 1.0 };
            // The fourth keyword of an agent says less than the first.
            let fading = 1.0 / (1.0 + found.len() as f64 * 0.35);
            weight += (KEYWORD + FURTHER_WORD * length) * place * fading / shared.sqrt();
            found.push((at, keyword));
        }
        if !found.is_empty() {
            found.sort_unstable();
            let words: Vec<&str> = found.into_iter().map(|(_, keyword)| keyword).collect();
            score.add(weight, format!("mentions {}", quote(&words)));
        }
        let is_label = |phrase: &Phrase| labels.contains(phrase);
        let labelled =
            profile.keywords.iter().filter(|(phrase, _)| is_label(phrase)).map(|(_, keyword)| keyword.as_str());
        let labelled: Vec<&str> = labelled.collect();
        if !labelled.is_empty() {
            score.add(LABEL, format!("labelled {}", quote(&labelled)));
        } else if is_label(&profile.name) {
            score.add(NAMED, format!("labelled `{}`", profile.agent.name));
        }
    }

    fn score_prose(&self, profile: &Profile, text: &Text, score: &mut Score) {
        let rarity = |word: &String| 1.0 / (*self.word_use.get(word).unwrap_or(&1) as f64).sqrt();
        let best = profile.situations.iter().map(|(words, situation)| {
            let found: Vec<&String> = words.iter().filter(|word| text.has_stem(word)).collect();
            let whole: f64 = words.iter().map(rarity).sum();
            let weight = if found.len() < 2 { 0.0 } else { found.iter().map(|word| rarity(word)).sum::<f64>() / whole };
            (weight, situation.as_str())
        });
        let best = best.fold((0.0, ""), |best, next| if next.0 > best.0 { next } else { best });
        if best.0 >= 0.25 {
            score.add(best.0 * SITUATION, format!("meant for: {}", best.1));
        }
        let name_words: Vec<&str> =
            profile.name_words.iter().map(String::as_str).filter(|word| text.has_stem(&stem(word))).collect();
        if !name_words.is_empty() {
            score.add(NAME_WORD, format!("says {}", quote(&name_words)));
        }
        let purpose: f64 = profile.purpose.iter().filter(|word| text.has_stem(word)).map(rarity).sum();
        if purpose > 0.0 {
            score.add(purpose.min(2.0) * PURPOSE_WORD, format!("its purpose: {}", profile.agent.purpose));
        }
    }

    fn fallback(&self, shape: Option<Shape>) -> Vec<Recommendation> {
        let usual = shape.map_or(WHEN_NOTHING_TELLS, |shape| usual(shape).0);
        let candidates = usual.iter().chain(WHEN_NOTHING_TELLS).copied().find(|name| self.knows(name));
        // An operator's own catalogue may have none of ours; the least harmful agent is then the choice.
        let any =
            || self.profiles.iter().min_by_key(|profile| profile.agent.risk).map(|profile| profile.agent.name.as_str());
        let Some(agent) = candidates.or_else(any) else {
            return Vec::new();
        };
        let why = "no word of the text matches an agent, so this is only a usual choice; say more or name one";
        vec![Recommendation { agent: agent.to_owned(), confidence: CONFIDENCE.0, reasons: vec![why.to_owned()] }]
    }
}

impl Profile {
    fn of(agent: &Agent) -> Self {
        let all_name_words =
            agent.name.split('-').filter(|word| word.len() > 1 && !phrases(NAME_FILLERS).any(|filler| filler == *word));
        Self {
            agent: Agent { prompt: String::new(), ..agent.clone() },
            keywords: agent.keywords.iter().map(|keyword| (Phrase::new(keyword), keyword.clone())).collect(),
            situations: agent.when_to_use.iter().map(|text| (meaning(text), text.clone())).collect(),
            purpose: meaning(&agent.purpose),
            name: Phrase::new(&agent.name),
            name_words: all_name_words.map(str::to_owned).collect(),
        }
    }
}

fn score_files(profile: &Profile, its: &[&str], score: &mut Score) {
    if its.is_empty() {
        return;
    }
    // The language of a file says more about the work on it than its folder.
    let by_language = if profile.agent.category == "languages" { LANGUAGE_OF_FILE } else { 0.0 };
    let weight = FIRST_FILE + by_language + (its.len() - 1) as f64 * FURTHER_FILE;
    score.add(weight.min(MOST_FROM_FILES), format!("its files: {}", quote(its)));
}

/// The stems of the words of a sentence that carry meaning.
fn meaning(sentence: &str) -> BTreeSet<String> {
    Text::read(sentence).content().iter().filter(|word| !is_filler(word)).cloned().collect()
}

fn confidence(score: f64, standing: f64) -> u8 {
    let evidence = 1.0 - (-score / CONVINCING).exp();
    let (least, most) = (f64::from(CONFIDENCE.0) + 3.0, f64::from(CONFIDENCE.1));
    // Within the bounds, which fit the type.
    (least + (most - least) * evidence * standing).round().clamp(least, most) as u8
}

fn in_order(mut reasons: Vec<(f64, String)>) -> Vec<String> {
    reasons.sort_by(|a, b| b.0.total_cmp(&a.0));
    reasons.into_iter().map(|(_, reason)| reason).collect()
}

fn quote(words: &[&str]) -> String {
    let shown: Vec<String> = words.iter().take(MOST_QUOTED).map(|word| format!("`{word}`")).collect();
    let more = words.len().saturating_sub(MOST_QUOTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}
