//! Answers in JSON: as they are, or as a body that tells when it is with the connection; and texts in pages.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::channels::inline::InlineAnswer;

/// An answer of 200.
pub(super) fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.into()).into_response()
}

/// What was put at the seat of who waits; who has put it there hears when it is with the connection.
pub(super) fn inline(answer: InlineAnswer) -> Response {
    json(axum::body::Body::new(WrittenBody::new(answer.body, answer.written)))
}

/// A text as HTML that shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Bytes, and who wants to know that they were taken.
pub struct WrittenBody {
    bytes: Full<Bytes>,
    written: Option<oneshot::Sender<()>>,
    taken: bool,
}

impl WrittenBody {
    /// `written` is told when the connection has taken all bytes, and dropped when it never does.
    #[must_use]
    pub fn new(bytes: Bytes, written: oneshot::Sender<()>) -> Self {
        Self { bytes: Full::new(bytes), written: Some(written), taken: false }
    }
}

impl Body for WrittenBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.bytes).poll_frame(cx);
        self.taken |= matches!(frame, Poll::Ready(Some(_)));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}

impl Drop for WrittenBody {
    /// The connection drops a body after it has copied it to its buffer.
    fn drop(&mut self) {
        if self.taken
            && let Some(written) = self.written.take()
        {
            // Who waited may have ended with the process's shutdown.
            let _ = written.send(());
        }
    }
}
