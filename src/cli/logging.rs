//! Sets up the log: lines for eyes on a terminal, JSON elsewhere, always on standard error.
//!
//! Owns the form of a line and the names of its fields. What is logged is said where it happens. A new
//! field that several places log is a line in [`FIELDS`].

use std::env;
use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::log::LogFormat;

/// The fields of the log, one name for one thing, with what each holds.
pub const FIELDS: &[(&str, &str)] = &[
    ("event", "the accepted event, as e-17"),
    ("effect", "the effect that is owed"),
    ("tenant", "the owner of the data"),
    ("channel", "the platform: slack, terminal, api, internal"),
    ("actor", "the part of the actor tree that speaks"),
    ("lane", "the unit of order: a conversation or a task"),
    ("incident", "the id that a user saw with a fault"),
];

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error("log.filter cannot be read; expected a level such as info, or levels by part: info,ai_crm::store=debug")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process logs already.
    #[error("the log is set up already")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sets up the log of this process on `stderr`.
///
/// # Errors
/// Where the filter cannot be read, and where it was called before.
pub fn init(format: LogFormat, filter: &str, stderr: &io::Stderr) -> Result<(), LoggingError> {
    let terminal = stderr.is_terminal();
    // no-color.org: any value but an empty one.
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !terminal,
    };
    let subscriber = subscriber(json, filter, terminal && !plain, io::stderr)?;
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

fn subscriber<W>(
    json: bool,
    filter: &str,
    color: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(color);
    if json {
        Ok(Box::new(lines.json().flatten_event(true).with_current_span(true).with_span_list(false).finish()))
    } else {
        Ok(Box::new(lines.compact().finish()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(json: bool, filter: &str) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(json, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("handle", event = "e-17").entered();
            tracing::info!(tenant = "default", "done");
            tracing::debug!("detail");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_on_top() {
        let text = written(true, "info");
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["message"], &line["tenant"], &line["level"]),
            (&"done".into(), &"default".into(), &"INFO".into())
        );
        assert_eq!(line["span"]["event"], "e-17");
    }

    #[test]
    fn eyes_get_lines_without_braces() {
        let text = written(false, "info");
        assert!(text.contains("done") && text.contains("e-17") && !text.contains('{'), "{text}");
    }

    #[test]
    fn the_filter_chooses() {
        assert_eq!(written(true, "debug").lines().count(), 2);
        assert_eq!(written(true, "info,ai_crm=error").lines().count(), 0);
        assert!(matches!(subscriber(true, "loud=very", false, io::sink), Err(LoggingError::Filter(_))));
    }
}
