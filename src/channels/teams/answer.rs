//! Answers of connectors and of Entra, read to their end: what each says of whether a call was carried out, and what helps
//! against a refusal.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;

use crate::channels::DeliverError;
use crate::channels::http::{self, ReadError};

/// What 429 means where Teams does not say how long: its limits are by the second and by the half minute
/// (learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit).
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// Teams' code where a stream may not begin, or not go on.
const NO_STREAM: &str = "ContentStreamNotAllowed";
/// Teams' code for a part of a stream that came too late.
const OUT_OF_ORDER: &str = "ContentStreamSequenceOrderPreConditionFailed";
/// No answer that is read here comes near it.
const LARGEST_ANSWER: usize = 1 << 20;

/// What came back, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) async fn of(call: RequestBuilder) -> Result<Self, DeliverError> {
        let broken = |error: reqwest::Error| {
            let (is_builder, is_connect) = (error.is_builder(), error.is_connect());
            let reason = http::words(error);
            match () {
                () if is_builder => DeliverError::Rejected { reason },
                () if is_connect => DeliverError::Unavailable { reason },
                () => DeliverError::UnknownOutcome { reason },
            }
        };
        let mut response = call.send().await.map_err(broken)?;
        let body = http::body(&mut response, LARGEST_ANSWER).await.map_err(|error| match error {
            ReadError::Broken(error) => broken(error),
            ReadError::TooLong => DeliverError::UnknownOutcome { reason: "an answer of more than 1 MiB".to_owned() },
        })?;
        Ok(Self { status: response.status(), headers: response.headers().clone(), body })
    }

    pub(super) fn into_success(self) -> Result<Self, DeliverError> {
        if self.status.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The id of what was made.
    pub(super) fn into_id(self) -> Result<String, DeliverError> {
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        let answer = self.into_success()?;
        // It was done, whatever its answer looks like.
        Ok(serde_json::from_slice::<Made>(&answer.body).map(|made| made.id).unwrap_or_default())
    }

    /// Whether it only says that messages for one person are not taken there: such messages are not to be had everywhere,
    /// and which code says so is not documented.
    pub(super) fn takes_none_for_one(&self) -> bool {
        let unknown_code = mend_of(&self.code()).is_none();
        match self.status {
            StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => unknown_code,
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => unknown_code,
            _ => false,
        }
    }

    /// Whether it is a refusal of all that is asked of this conversation.
    pub(super) fn is_about_the_conversation(&self) -> bool {
        is_shut(&self.code())
    }

    /// Whether it says that the person has pressed Stop under a stream: 403 `ContentStreamNotAllowed`, "Content stream was
    /// canceled by user." (learn.microsoft.com/microsoftteams/platform/bots/streaming-ux, "stop streaming"). The other
    /// reasons have the same code.
    pub(super) fn is_stopped_by_person(&self) -> bool {
        #[derive(Deserialize)]
        struct Refused {
            error: Words,
        }
        #[derive(Deserialize)]
        struct Words {
            message: String,
        }
        let words = serde_json::from_slice::<Refused>(&self.body).map(|refused| refused.error.message);
        let is_canceled = words.is_ok_and(|words| words.to_ascii_lowercase().contains("cancel"));
        self.status == StatusCode::FORBIDDEN && self.code() == NO_STREAM && is_canceled
    }

    /// Whether it refuses a stream to the person or the bot, for whatever reason.
    pub(super) fn allows_no_stream(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.code() == NO_STREAM
    }

    /// Whether a call of a stream was dropped, although it was taken (the same page, "success codes" and "error codes").
    pub(super) fn is_dropped(&self) -> bool {
        #[derive(Deserialize)]
        struct Dropped {
            code: String,
        }
        let code = serde_json::from_slice::<Dropped>(&self.body).map(|dropped| dropped.code);
        code.is_ok_and(|code| code == OUT_OF_ORDER) || self.code() == OUT_OF_ORDER
    }

    /// Teams' code for a refusal.
    fn code(&self) -> String {
        #[derive(Deserialize)]
        struct Refused {
            error: Code,
        }
        #[derive(Deserialize)]
        struct Code {
            code: String,
        }
        let code = serde_json::from_slice::<Refused>(&self.body).ok().map(|refused| refused.error.code);
        code.unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric()).take(60).collect()
    }

    /// What an answer other than success says. Of Teams' refusals these are tried again: 412, 429, 502, 503 and 504.
    fn failure(&self) -> DeliverError {
        let code = self.code();
        let mend = mend_of(&code).map(|mend| format!("; {mend}")).unwrap_or_default();
        let reason = format!("{}{mend}", format!("HTTP {} {code}", self.status.as_u16()).trim_end());
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => DeliverError::RateLimited { after: self.retry_after() },
            StatusCode::PRECONDITION_FAILED
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            // A token that was asked for a moment ago: it is Entra's trouble or the app's, and nothing was done.
            | StatusCode::UNAUTHORIZED => DeliverError::Unavailable { reason },
            _ if is_shut(&code) => DeliverError::OutOfReach { reason },
            _ => DeliverError::Rejected { reason },
        }
    }

    pub(super) fn retry_after(&self) -> Duration {
        http::retry_after(&self.headers).unwrap_or(DEFAULT_WAIT)
    }
}

/// What helps against a refusal, by Teams' code for it.
fn mend_of(code: &str) -> Option<&'static str> {
    match code {
        "BotNotInConversationRoster" => Some("add the bot to that chat or team, and drop or replay what was owed"),
        "BotDisabledByAdmin" => Some("an administrator of Teams has to permit the app again"),
        "ConversationBlockedByUser" => Some("the person has blocked the bot and can unblock it in Teams"),
        "ConversationNotFound" => Some(
            "the chat or channel is gone, or was moved: let somebody write to the bot there, and replay what was owed",
        ),
        "MessageSizeTooBig" => Some("report it: cards are split below Teams' limit"),
        _ => None,
    }
}

/// Whether Teams' code for a refusal is about the conversation, and so about all that could be said there.
fn is_shut(code: &str) -> bool {
    matches!(
        code,
        "BotNotInConversationRoster" | "BotDisabledByAdmin" | "ConversationBlockedByUser" | "ConversationNotFound"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_of_the_conversation_is_told_from_one_of_the_message() {
        for (status, code, is_shut) in [
            (403, "BotNotInConversationRoster", true),
            (403, "BotDisabledByAdmin", true),
            (403, "ConversationBlockedByUser", true),
            (404, "ConversationNotFound", true),
            (404, "ActivityNotFoundInConversation", false),
            (403, "NotEnoughPermissions", false),
            (413, "MessageSizeTooBig", false),
            (404, "", false),
        ] {
            let body = json!({"error": {"code": code}}).to_string().into_bytes();
            let status = StatusCode::from_u16(status).unwrap();
            let failure = Answer { status, headers: HeaderMap::new(), body }.failure();
            assert_eq!(matches!(&failure, DeliverError::OutOfReach { .. }), is_shut, "{code}: {failure}");
            assert_eq!(matches!(&failure, DeliverError::Rejected { .. }), !is_shut, "{code}: {failure}");
            assert!(failure.to_string().contains(code), "{failure}");
        }
    }
}
