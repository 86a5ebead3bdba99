//! Links that are pasted where one writes, as a person sees what comes below them.
//!
//! From Microsoft's page "Link unfurling". The list of which the one card is taken is that of a search.

use serde_json::{Value, json};

use super::delivery::Answer;
use super::press::{self, Shown, wrong};
use super::search;
use super::sender::{SendError, Sender};
use super::state::State;

/// The newest version of the card below a link: "Adaptive Cards version 1.3 and earlier".
const NEWEST_CARD: (u32, u32) = (1, 3);

impl Sender {
    /// The activity of a link that somebody pastes, ready to be sent. Teams sends it for domains of the manifest alone.
    ///
    /// # Errors
    /// When there is no such person or conversation, or the package does not ask for links of that domain.
    pub fn prepare_paste(&self, user: &str, place: &str, link: &str) -> Result<Value, SendError> {
        self.asked_for(link)?;
        self.invoke(user, place, "composeExtension/queryLink", &json!({ "url": link }))
    }

    /// The same of somebody who has not installed the app: Teams takes out who it is, and where.
    ///
    /// # Errors
    /// As [`Sender::prepare_paste`].
    pub fn prepare_anonymous_paste(&self, user: &str, place: &str, link: &str) -> Result<Value, SendError> {
        self.asked_for(link)?;
        let mut activity = self.invoke(user, place, "composeExtension/anonymousQueryLink", &json!({ "url": link }))?;
        let redacted = json!("redacted");
        activity["from"] = json!({ "id": redacted, "name": redacted });
        for name in ["tenantId", "id", "name"] {
            activity["conversation"][name] = redacted.clone();
        }
        activity["channelData"] = json!({ "tenant": { "id": redacted }, "source": { "name": "compose" } });
        Ok(activity)
    }

    /// Refuses a link of which Teams would not tell the bot.
    fn asked_for(&self, link: &str) -> Result<(), SendError> {
        let is_told = |state: &mut State| state.asked_for.as_ref().is_none_or(|asked| asked.tells_of(link));
        match self.world.change(|state, _| is_told(state)) {
            true => Ok(()),
            false => Err(SendError::LinkNotAskedFor(link.to_owned())),
        }
    }

    /// Pastes a link, and shows what comes below it.
    ///
    /// # Errors
    /// As [`Sender::prepare_paste`].
    pub async fn paste(&self, user: &str, place: &str, link: &str) -> Result<(Answer, Shown), SendError> {
        let answer = self.deliver(&self.prepare_paste(user, place, link)?).await;
        let shown = self.see_link(&answer);
        Ok((answer, shown))
    }

    /// What the person sees below the link: the first result, or nothing.
    pub fn see_link(&self, answer: &Answer) -> Shown {
        let shown = read(answer);
        if let Shown::Failure { why } = &shown {
            self.world.change(|state, now| state.records.violate(now, "invoke", "InvalidBotResponse", why.clone()));
        }
        shown
    }
}

fn read(answer: &Answer) -> Shown {
    if let Err(shown) = press::body(answer) {
        return shown;
    }
    let results = match search::read(answer) {
        Shown::Results { results: Value::Array(results) } => results,
        Shown::Failure { why } => return wrong(why),
        _ => return wrong("the type of the answer to a link is result"),
    };
    for result in &results {
        let version = result["content"]["version"].as_str().and_then(|text| text.split_once('.'));
        let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        if version.is_none_or(|version: (u32, u32)| version > NEWEST_CARD) {
            return wrong("the card below a link is of version 1.3 or earlier");
        }
    }
    // "If you respond with more than one card, only the first card response is used."
    match results.into_iter().next() {
        Some(first) => Shown::Results { results: json!([first]) },
        None => Shown::Nothing,
    }
}
