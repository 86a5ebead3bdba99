//! Signed requests as Slack sends them, made before the clock runs, whole with their heads.

use ai_crm::domain::time::Timestamp;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The signing secret of the runs.
pub(crate) const SECRET: &str = "a-signing-secret-of-the-benchmark";
/// The workspace.
pub(crate) const TEAM: &str = "T0BENCH01";
/// The bot.
pub(crate) const BOT: &str = "U0BOT0001";
/// Second of the first message; messages are told apart by the microseconds after it.
const EPOCH: u64 = 1_700_000_000;
/// People who write.
const PEOPLE: u64 = 50;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Something that is not for the bot: stored, and found to ask nothing.
    Chatter,
    /// `@bot task list`: answered by a card.
    Mention,
}

/// How requests look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// What is said in them.
    pub(crate) said: Said,
    /// Over how many Slack channels they are spread.
    pub(crate) channels: u64,
    /// In how many threads they are; none: each message is its own.
    pub(crate) threads: Option<u64>,
    /// Bytes of text besides.
    pub(crate) padding: usize,
}

impl Shape {
    /// Messages of a usual length over a hundred channels.
    pub(crate) fn usual(said: Said) -> Self {
        Self { said, channels: 100, threads: None, padding: 0 }
    }

    /// The body of a message.
    pub(crate) fn body(&self, number: u64) -> String {
        let user = format!("U0MEMB{:03}", number % PEOPLE);
        let channel = format!("C0BENCH{:03}", number % self.channels);
        let (kind, text) = match self.said {
            Said::Chatter => ("message", "has anybody looked at the numbers of last week?".to_owned()),
            Said::Mention => ("app_mention", format!("<@{BOT}> task list")),
        };
        let ts = ts(number);
        let thread = self
            .threads
            .map_or_else(String::new, |threads| format!(r#""thread_ts":"{}","#, self::ts(number % threads)));
        let more = if self.padding == 0 { String::new() } else { words(number, self.padding) };
        format!(
            r#"{{"token":"XXYYZZ","team_id":"{TEAM}","context_team_id":"{TEAM}","context_enterprise_id":null,"api_app_id":"A0BENCH01","event":{{"user":"{user}","type":"{kind}","ts":"{ts}","client_msg_id":"6b6a7a5e-0000-4000-8000-{number:012}","text":"{text}","team":"{TEAM}",{thread}"blocks":[{{"type":"rich_text","block_id":"q1WzE","elements":[{{"type":"rich_text_section","elements":[{{"type":"user","user_id":"{BOT}"}},{{"type":"text","text":" {text}{more}"}}]}}]}}],"channel":"{channel}","event_ts":"{ts}","channel_type":"channel"}},"type":"event_callback","event_id":"Ev{number:011}","event_time":{EPOCH},"authorizations":[{{"enterprise_id":null,"team_id":"{TEAM}","user_id":"{BOT}","is_bot":true,"is_enterprise_install":false}}],"is_ext_shared_channel":false,"event_context":"4-eyJldCI6Im1lc3NhZ2UiLCJ0aWQiOiJUMEJFTkNIMDEiLCJhaWQiOiJBMEJFTkNIMDEifQ"}}"#
        )
    }
}

/// The id that a message has in its channel.
fn ts(number: u64) -> String {
    format!("{}.{:06}", EPOCH + number / 1_000_000, number % 1_000_000)
}

/// The number of a message, by the id that it has in its channel.
pub(crate) fn number_of(ts: &str) -> Option<u64> {
    let (seconds, micros) = ts.split_once('.')?;
    Some((seconds.parse::<u64>().ok()?.checked_sub(EPOCH)?) * 1_000_000 + micros.parse::<u64>().ok()?)
}

/// Text that packs about as well as what people write.
pub(crate) fn words(seed: u64, bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "release",
        "customer",
        "dashboard",
        "latency",
        "review",
        "the",
        "of",
        "meeting",
        "deploy",
        "quarter",
        "which",
        "because",
        "billing",
        "rollback",
        "we",
        "staging",
    ];
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push(' ');
        text.push_str(WORDS[usize::try_from(state % 16).unwrap_or(0)]);
        if state.is_multiple_of(5) {
            text.push_str(&format!(" {:x}", state >> 40));
        }
    }
    text
}

/// Whole requests, one behind the other.
#[derive(Default)]
pub(crate) struct Pool {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Pool {
    /// Makes and signs `count` requests; their numbers begin at `first`.
    pub(crate) fn new(shape: &Shape, first: u64, count: usize) -> Self {
        let now = ai_crm::actors::clock::system().now();
        let mut pool = Self { bytes: Vec::with_capacity(count * (1500 + shape.padding)), ends: Vec::new() };
        for number in first..first + count as u64 {
            let body = shape.body(number);
            pool.add(&body, now);
        }
        pool
    }

    fn add(&mut self, body: &str, now: Timestamp) {
        let at = now.as_seconds();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("invariant: any key will do");
        mac.update(format!("v0:{at}:{body}").as_bytes());
        let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
        let length = body.len();
        let head = format!(
            "POST /slack/events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             x-slack-request-timestamp: {at}\r\nx-slack-signature: v0={signature}\r\ncontent-length: {length}\r\n\r\n"
        );
        self.push(&head, body);
    }

    /// Adds a request, made elsewhere.
    pub(crate) fn push(&mut self, head: &str, body: &str) {
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// A request.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}
