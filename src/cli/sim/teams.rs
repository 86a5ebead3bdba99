//! `sim teams`: does what a person in Microsoft Teams does and shows what that person would see. Where no server runs, the
//! bot and the stand-in run in this process for as long as the line takes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::super::access::Running;
use super::super::{Global, print};
use super::stage::BotHere;
use super::visit::{self, PATIENCE, Seen, Visit};
use crate::actors::clock;
use crate::config::teams::TeamsSettings;
use crate::sim::teams::{App, Manner, TeamsSim, TeamsWorld, dialog, search, seed};

/// Where `sim up` listens, and the profile `sim` looks for it.
const STAND_IN: &str = "http://127.0.0.1:8091/";
/// How long to look for messages behind an answer that is shown already.
const BEHIND_AN_ANSWER: Duration = Duration::from_secs(1);

/// The search among tasks and what is typed into it, as the bot's manifest names them.
const SEARCH: &str = "task_search";
const PARAMETER: &str = "words";

#[derive(Args)]
pub(super) struct TeamsArgs {
    /// What is said. Outside of one's own chat with the bot, the bot is mentioned where the words do not do so
    #[arg(required_unless_present_any = ["press", "dialog", "search", "paste", "look", "upload", "meeting"])]
    words: Option<String>,
    /// Who: ada, grace, linus (members), guest, stranger (of another tenant), anonymous
    #[arg(long, default_value = "ada")]
    user: String,
    /// Where: channel (that is general), dev, group, meeting, personal, …
    #[arg(long, visible_alias = "in", default_value = "channel")]
    channel: String,
    /// In the thread of which message of a channel
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Press this button (its title, id or verb) of the last card that has it, instead
    #[arg(long, value_name = "LABEL", conflicts_with = "words")]
    press: Option<String>,
    /// The message of --press
    #[arg(long, value_name = "ID", requires = "press")]
    message: Option<String>,
    /// What is filled in before --press: a value for the first list, or ID=VALUE for any input; may be given again
    #[arg(long, value_name = "VALUE", requires = "press")]
    choose: Vec<String>,
    /// Press as an old client does, which sends Action.Submit instead of Action.Execute
    #[arg(long, requires = "press")]
    submit: bool,
    /// Open this form of the bot as a dialog, instead: task.create
    #[arg(long, value_name = "FORM", conflicts_with_all = ["words", "press"])]
    dialog: Option<String>,
    /// Fill in a field of --dialog, and send it: FIELD=VALUE; may be given again
    #[arg(long, value_name = "FIELD=VALUE", requires = "dialog")]
    fill: Vec<String>,
    /// Type this into the bot's search among tasks, instead; nothing ("") is what is seen before anything is typed
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["words", "press", "dialog"])]
    search: Option<String>,
    /// Paste this link where one writes, instead, and see what comes below it: a link to a task, with server.public_url set
    #[arg(long, value_name = "URL", conflicts_with_all = ["words", "press", "dialog", "search"])]
    paste: Option<String>,
    /// Do nothing but look at the last messages of the bot there, as in somebody's own chat with it: --channel
    /// personal-grace. A card that the bot refreshes is refreshed, and shown as this person sees it
    #[arg(long, conflicts_with_all = ["words", "press", "dialog", "search", "paste"])]
    look: bool,
    /// Upload this app package and put the bot where --channel says, instead; the stand-in reads the package as Teams does
    #[arg(long, value_name = "FILE", conflicts_with_all = ["words", "press", "dialog", "search", "paste", "look"])]
    upload: Option<PathBuf>,
    /// Begin or end a meeting there, of which Teams tells the bot: --channel meeting
    #[arg(
        long,
        value_parser = ["start", "end"],
        conflicts_with_all = ["words", "press", "dialog", "search", "paste", "look", "upload"]
    )]
    meeting: Option<String>,
    /// How the activity goes: wrong-signature and stale (a token that ended six minutes ago) are to be refused; retry is
    /// a repeat of what never arrived; twice is the same activity again
    #[arg(long = "as", value_name = "MANNER", default_value = "genuine", value_parser = Manner::WORDS)]
    manner: String,
}

impl TeamsArgs {
    /// The conversation, by a word that the stand-in knows.
    fn place(&self) -> &str {
        if self.channel == "channel" { "general" } else { &self.channel }
    }
}

/// The application as the stand-in is to know it: what is configured, else that of the profile `sim`.
pub(super) fn app(settings: &TeamsSettings) -> App {
    let is_set = !settings.app_password.is_empty() || settings.app_certificate.is_some();
    let Some(id) = settings.app_id.clone().filter(|_| is_set) else { return App::default() };
    // Of the key, which stands beside them, Entra is told nothing.
    let certificates = settings.app_certificate.iter().flat_map(|pem| {
        let found = CertificateDer::pem_slice_iter(pem.expose().as_bytes());
        found.filter_map(Result::ok).map(|der| der.to_vec()).collect::<Vec<_>>()
    });
    let certificates = certificates.collect();
    let passwords = settings.app_password.as_slice().iter().map(|secret| secret.expose().to_owned()).collect();
    App { id, passwords, certificates, tenant: settings.tenant_id.clone() }
}

/// A stand-in and a server to send to.
struct Ends {
    stand_in: String,
    app_url: String,
}

pub(super) async fn run(global: &Global, args: &TeamsArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    let Some(running) = Running::find(&config.data).await else {
        drop(config);
        return in_this_process(global, args).await;
    };
    let login = &config.channels.teams.login_url;
    // Microsoft's own address, which is https, has no stand-in behind it.
    let stand_in = if login.scheme() == "http" { login.as_str() } else { STAND_IN };
    let ends = Ends { stand_in: stand_in.to_owned(), app_url: format!("http://{}", running.address) };
    play(&ends, args, global.json).await
}

/// Nothing runs: the stand-in and the bot run here, on the data folder, while the line takes.
async fn in_this_process(global: &Global, args: &TeamsArgs) -> anyhow::Result<ExitCode> {
    let sim = TeamsSim::start("127.0.0.1:0", TeamsWorld::new(App::default(), clock::system())).await?;
    let options = vec![
        ("channels.teams.enabled", "true".to_owned()),
        ("channels.teams.app_id", seed::APP_ID.to_owned()),
        ("channels.teams.app_password", seed::APP_PASSWORD.to_owned()),
        ("channels.teams.tenant_id", seed::TENANT.to_owned()),
        ("channels.teams.login_url", sim.login_url()),
        ("channels.teams.openid_metadata_url", sim.metadata_url()),
        ("channels.teams.service_hosts", sim.service_host()),
    ];
    let bot = BotHere::start(global, options).await?;
    let ends = Ends { stand_in: sim.login_url(), app_url: bot.url.clone() };
    let played = play(&ends, args, global.json).await;
    bot.stop().await?;
    sim.stop().await;
    played
}

async fn play(ends: &Ends, args: &TeamsArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let which = [("conversation", args.place()), ("viewer", args.user.as_str())];
    if let Some(file) = &args.upload {
        let package = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let taken = visit::tell(&ends.stand_in, "_sim/app", |request| request.body(package)).await?;
        print::remark(format!("Teams' stand-in has taken the package, for {}", taken["scopes"]));
    }
    let by_bot = |message: &Value| message["by_bot"] == true;
    let visit = Visit::begin(&ends.stand_in, visit::MESSAGES, &which, by_bot).await?;
    if args.look {
        let scene = json!({ "app_url": ends.app_url, "user": args.user, "conversation": args.place() });
        visit.act(scene, json!({ "do": "look" })).await?;
        let visit = Visit::begin(&ends.stand_in, visit::MESSAGES, &which, by_bot).await?;
        return Ok(visit::print_looked(&visit.last(), args.place(), "id", as_json));
    }
    let scene = json!({
        "app_url": ends.app_url, "user": args.user, "conversation": args.place(), "as": args.manner,
    });
    let outcome = visit.act(scene, action(args)).await?;
    if visit::is_to_be_refused(&args.manner) {
        return Ok(visit::print_refused(&outcome, as_json));
    }
    if outcome["told"] == false {
        bail!(
            "the bot is not in {}, so Teams tells it nothing: name a place where it is, such as --channel group",
            args.place()
        );
    }
    // That a meeting begins and ends, people see for themselves.
    let is_answered = taken(&outcome)? || args.meeting.is_some();
    // What is said of a form that was taken is not yet what came of it.
    let is_sent = args.dialog.is_some() && outcome["result"]["shown"] == "text";
    // A search or a link says nothing in the conversation.
    let says_nothing = args.search.is_some() || args.paste.is_some();
    let messages = match says_nothing {
        true => Vec::new(),
        false => visit.shown(if is_answered && !is_sent { BEHIND_AN_ANSWER } else { PATIENCE }).await?,
    };
    let of_meeting = args.meeting.as_ref().map(|phase| format!("the bot is told of the meeting: {phase}"));
    let at_once = of_meeting.or_else(|| at_once(&outcome["result"], args));
    let (outcome, messages, place) = (&outcome, messages.as_slice(), args.place());
    Ok(visit::print_seen(&Seen { outcome, at_once, is_answered, messages, place, id: "id" }, as_json))
}

/// Fails where the server did not take what was sent; says whether its answer is something that people see.
fn taken(outcome: &Value) -> anyhow::Result<bool> {
    let answers = outcome["answers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_taken = |answer: &&Value| answer["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
    let shown = outcome["result"]["shown"].as_str();
    match answers.iter().find(|answer| !is_taken(answer)) {
        Some(answer) => bail!(
            "teams shows that the app could not be reached (the server answered {}: {})",
            answer["status"],
            print::text(answer, "body").trim()
        ),
        None if shown == Some("failure") => {
            bail!("teams shows that something went wrong: {}", print::text(&outcome["result"], "why"))
        }
        None => Ok(shown.is_some_and(|shown| shown != "nothing")),
    }
}

/// What a press, a dialog or a search makes appear that is no message.
fn at_once(result: &Value, args: &TeamsArgs) -> Option<String> {
    match result["shown"].as_str()? {
        "results" => Some(search::text(&result["results"], visit::columns()).trim_end().to_owned()),
        "text" if args.search.is_some() => Some(format!("in the search: {}", print::text(result, "text"))),
        "text" if args.dialog.is_some() => Some(format!("in the dialog: {}", print::text(result, "text"))),
        "text" => Some(format!("under the card: {}", print::text(result, "text"))),
        "error" => Some(format!("under the card, as an error: {}", print::text(result, "message"))),
        "dialog" => Some(dialog::text(&result["task"], visit::columns()).trim_end().to_owned()),
        _ => None,
    }
}

fn action(args: &TeamsArgs) -> Value {
    if let Some(link) = &args.paste {
        return json!({ "do": "paste", "link": link });
    }
    if args.upload.is_some() {
        return json!({ "do": "install" });
    }
    if let Some(phase) = &args.meeting {
        let event = if phase == "start" { "meetingStart" } else { "meetingEnd" };
        return json!({ "do": "meeting", "event": event });
    }
    if let Some(words) = &args.search {
        return json!({ "do": "search", "command": SEARCH, "parameter": PARAMETER, "words": words });
    }
    match (&args.press, &args.dialog) {
        (Some(label), _) => json!({
            "do": "press", "label": label, "message": args.message, "fill": args.choose, "submit": args.submit,
        }),
        (None, Some(form)) => json!({ "do": "dialog", "form": form, "fill": args.fill }),
        (None, None) => {
            let words = args.words.as_deref().unwrap_or_default();
            let alone = args.channel.starts_with("personal");
            let text =
                if alone || mentions_bot(words) { words.to_owned() } else { format!("@{} {words}", seed::BOT_NAME) };
            json!({ "do": "say", "text": text, "thread": args.thread })
        }
    }
}

fn mentions_bot(words: &str) -> bool {
    words.to_lowercase().contains(&format!("@{}", seed::BOT_NAME.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;
    use crate::config::{Config, LoadArgs};

    const PEM: &str = include_str!("../../../tests/data/teams-app-certificate.pem");

    #[test]
    fn the_stand_in_knows_the_app_that_is_configured_and_of_a_certificate_no_key() {
        let known = |variables: &[(&str, &str)]| {
            let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            app(&Config::load(&LoadArgs { env, ..LoadArgs::default() }).unwrap().channels.teams)
        };
        assert_eq!(known(&[]), App::default());
        let ids = [("MICROSOFT_APP_ID", "a-1"), ("MICROSOFT_APP_TENANT_ID", "t-1")];
        let by_secret = known(&[ids[0], ids[1], ("MICROSOFT_APP_PASSWORD", "new,old")]);
        assert_eq!((by_secret.passwords.len(), by_secret.certificates.len()), (2, 0));
        let by_certificate = known(&[ids[0], ids[1], ("MICROSOFT_APP_CERTIFICATE", PEM)]);
        assert_eq!((by_certificate.id.as_str(), by_certificate.passwords.len()), ("a-1", 0));
        let uploaded: Vec<String> = by_certificate.certificates.iter().map(|der| BASE64.encode(der)).collect();
        let (key, certificate) = PEM.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        assert!(certificate.replace('\n', "").starts_with(&uploaded[0]) && uploaded.len() == 1);
        assert!(!key.replace('\n', "").contains(&uploaded[0]));
    }
}
