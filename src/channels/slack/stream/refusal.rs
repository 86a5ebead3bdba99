//! Refusals to stream: which of them hold for all messages of a workspace, and which for one.
//!
//! Owns the list alone. What is done about a refusal, and for how long, is not known here. A further code that any message
//! would meet is a line in it.

/// Refusals of the method, of the token or of the application, which any message of the workspace would meet
/// (docs.slack.dev/reference/methods/chat.startStream, "errors"; where there is no such method, `unknown_method` or
/// 404), and those for want of a recipient, which a workspace of an organisation has none of. All others are of one message or its place: they say
/// nothing of the next one.
const REFUSED_TO_ALL: [&str; 11] = [
    "HTTP 404",
    "accesslimited",
    "deprecated_endpoint",
    "enterprise_is_restricted",
    "method_deprecated",
    "missing_recipient_team_id",
    "missing_recipient_user_id",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "unknown_method",
];

/// Whether a refusal is one of all streams in the workspace.
pub(super) fn is_to_all(reason: &str) -> bool {
    // Behind the code of a missing scope stands which one.
    let code = reason.split_once(" (").map_or(reason, |(code, _)| code);
    REFUSED_TO_ALL.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_method_or_the_token_is_one_of_all_and_another_is_not() {
        for (reason, expected) in [
            ("unknown_method", true),
            ("HTTP 404", true),
            ("missing_scope", true),
            ("missing_scope (the token needs chat:write)", true),
            ("HTTP 400", false),
            ("invalid_thread_ts", false),
            ("channel_not_found", false),
            ("user_not_found", false),
            ("invalid_blocks", false),
            ("", false),
        ] {
            assert_eq!(is_to_all(reason), expected, "{reason}");
        }
    }
}
