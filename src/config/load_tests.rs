//! Tests of the whole way from files and variables to a `Config`.

use std::path::PathBuf;

use super::*;

/// A folder with files, and the arguments that name them.
struct Case {
    folder: tempfile::TempDir,
    args: LoadArgs,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args = LoadArgs { folder: folder.path().join("config"), ..LoadArgs::default() };
        fs::create_dir(&args.folder).unwrap();
        Self { folder, args }
    }

    fn put(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn file(mut self, name: &str, text: &str) -> Self {
        self.args.files.push(self.put(name, text, 0o600));
        self
    }

    fn profile(mut self, name: &str, text: Option<&str>) -> Self {
        if let Some(text) = text {
            self.put(&format!("config/{name}.toml"), text, 0o600);
        }
        self.args.profile = Some(name.to_owned());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.args.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self) -> Config {
        Config::load(&self.args).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn errors(&self) -> Vec<String> {
        let errors = Config::load(&self.args).expect_err("mistakes were made");
        let folder = format!("{}/", self.folder.path().display());
        errors.0.iter().map(|issue| issue.to_string().replace(&folder, "")).collect()
    }
}

#[test]
fn with_no_configuration_at_all_the_defaults_hold() {
    let config = Case::new().load();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.max_body_bytes, 1024 * 1024);
    assert_eq!(config.store_folder(), PathBuf::from("data/store"));
    assert_eq!(config.master_key_file(), PathBuf::from("data/master.key"));
    assert_eq!(config.channels.slack.api_url.as_str(), "https://slack.com/api/");
    assert_eq!(config.channels.slack.is_on(), Ok(false));
    assert_eq!((&config.policy.channels, &config.policy.blocked_tools), (&None, &vec![]));
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    assert!(config.origins().values().all(|origin| *origin == Origin::Default));
}

#[test]
fn later_layers_win_and_origins_tell_which() {
    let cache = |mb: u32| format!("[store]\ncache_mb = {mb}\n");
    let (one, two) = (cache(1), cache(2));
    let base = || Case::new().profile("team", Some(&one));
    let files = || base().file("a.toml", &two).file("b.toml", &format!("\n{}", cache(3)));
    let variable = || files().env("AI_CRM__STORE__CACHE_MB", "4");
    let mut option = variable();
    option.args.options.push(("store.cache_mb", "5".to_owned()));
    let table = [
        (Case::new(), 64, "the defaults"),
        (base(), 1, "config/team.toml:2"),
        (base().file("a.toml", &two), 2, "a.toml:2"),
        (files(), 3, "b.toml:3"),
        (files().env("AI_CRM__STORE__CACHE_MB", ""), 3, "b.toml:3"),
        (variable(), 4, "the variable AI_CRM__STORE__CACHE_MB"),
        (option, 5, "the command line"),
    ];
    for (case, mb, origin) in table {
        let config = case.load();
        let told = config.origins()["store.cache_mb"].to_string();
        assert_eq!((config.store.cache_mb, told.ends_with(origin)), (mb, true), "{origin}, told {told}");
        assert_eq!(config.store.most_mb, 4096, "other keys stay");
    }
}

#[test]
fn the_data_folder_and_lists_are_replaced_whole() {
    let mut case = Case::new()
        .file(
            "a.toml",
            "data = '/a'\n[policy]\nchannels = ['C1', 'C2']\n[people.groups]\na = ['slack:T1/U1']\nb = []\n",
        )
        .env("AI_CRM__POLICY__CHANNELS", "C3")
        .env("AI_CRM__PEOPLE__GROUPS__A", "slack:T1/U2");
    assert_eq!(case.load().data, PathBuf::from("/a"));
    case.args.data = Some(PathBuf::from("/b"));
    let config = case.load();
    assert_eq!(config.data, PathBuf::from("/b"));
    assert_eq!(config.policy.channels, Some(vec!["C3".to_owned()]));
    assert_eq!(config.people.groups["a"][0].id, "U2");
    assert!(config.people.groups["b"].is_empty());
}

#[test]
fn an_empty_allowlist_is_not_an_absent_one() {
    let config = Case::new().file("a.toml", "[policy]\npeople = []").env("AI_CRM__POLICY__GROUPS", "[]").load();
    assert_eq!(
        (config.policy.people, config.policy.groups, config.policy.channels),
        (Some(vec![]), Some(vec![]), None)
    );
}

#[test]
fn an_empty_text_takes_a_value_back() {
    let case = Case::new()
        .file("a.toml", "[channels.slack]\nbot_token = 'x'\nsigning_secret = 'y'\ncommand = '/bot'")
        .file("b.toml", "[channels.slack]\nbot_token = ''\nsigning_secret = ' '\ncommand = ''");
    let config = case.load();
    assert_eq!((config.channels.slack.is_on(), config.channels.slack.command.as_str()), (Ok(false), "/ai-crm"));
}

#[test]
fn each_mistake_names_its_key_its_place_and_its_mend() {
    let table = [
        ("[server]\nlisten = 'here'", "server.listen in a.toml:2: expected an address and a port"),
        ("\n[server]\nlissten = 'x'", "server.lissten in a.toml:3: no such key; the nearest is server.listen"),
        ("[sever]\nlisten = 'x'", "sever in a.toml:1: no such section; the nearest is [server]"),
        ("[slack]\nbot_token = 'x'", "slack in a.toml:1: no such section; the nearest is [channels.slack]"),
        ("listen = 'x'", "listen in a.toml:1: no such key; the nearest is server.listen"),
        ("server = 'x'", "server in a.toml:1: this is a section"),
        (
            "[server]\nmax_connections = '9'",
            "server.max_connections in a.toml:2: expected a whole number from 1 to 1000000",
        ),
        ("[server]\nmax_connections = 0", "server.max_connections in a.toml:2: expected a whole number"),
        ("[ledger]\nin_flight = 1.5", "ledger.in_flight in a.toml:2: expected a whole number"),
        ("[ledger]\nin_flight = { a = 1 }", "ledger.in_flight in a.toml:2: expected a whole number"),
        ("[policy]\nchannels = 'C1'", "policy.channels in a.toml:2: expected a list of texts"),
        ("[policy]\nchannels = [1]", "policy.channels in a.toml:2: expected a list of texts"),
        ("[log]\nformat = 'xml'", "log.format in a.toml:2: expected `auto`, `human` or `json`"),
        ("[channels.slack]\nenabled = 'on'", "channels.slack.enabled in a.toml:2: expected `auto`, true or false"),
        ("[channels.slack]\nbot_token = 5", "channels.slack.bot_token in a.toml:2: expected a text in quotes"),
        ("[channels.slack]\napi_url = 'slack'", "channels.slack.api_url in a.toml:2: expected an address"),
        ("[channels.terminal]\nx = 1", "channels.terminal.x in a.toml:2: no such key"),
        ("[people]\nowners = ['U1']", "people.owners in a.toml:2: entry 1 is no user"),
        ("[people.groups]\nweb = ['slack:T/U', 'U']", "people.groups.web in a.toml:2: entry 2 is no user"),
        ("[people.groups.web]\na = []", "people.groups.web in a.toml:1: expected a list of texts"),
        ("[people]\ngroups = []", "people.groups in a.toml:2: this is a section"),
        ("[admin]\ntoken = 'a,b,c'", "admin.token in a.toml:2: at most two values"),
        ("[admin]\ntoken = 'env:NONE'", "admin.token in a.toml:2: the variable NONE is not set"),
        ("[ledger]\nbackoff_most_s = 1\nbackoff_first_ms = 2000", "ledger.backoff_first_ms: it is longer"),
        ("[server]\nlisten", "a.toml:2: this is not TOML"),
    ];
    for (text, expected) in table {
        let errors = Case::new().file("a.toml", text).errors();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{text}\n{errors:#?}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let mut case = Case::new()
        .file("a.toml", "[server]\nlisten = 'x'\npublic_url = 'y'\n[log]\nformat = 'z'\n[stroe]\n")
        .file("b.toml", "[server\n")
        .env("AI_CRM__LOG__LEVEL", "info")
        .env("SLACK_BOT_TOKEN", "file:/no/such/file")
        .profile("none", None);
    case.args.files.push(case.folder.path().join("c.toml"));
    let errors = case.errors().join("\n");
    for expected in [
        "server.listen",
        "server.public_url",
        "log.format",
        "stroe",
        "b.toml:1",
        "c.toml",
        "log.level",
        "bot_token",
        "`none`",
    ] {
        assert!(errors.contains(expected), "{expected} in\n{errors}");
    }
}

#[test]
fn no_mistake_shows_a_secret() {
    let texts = [
        "[channels.slack]\nbot_token = \"hush",
        "[channels.slack]\nbot_token = hush",
        "[channels.slack]\nbot_token = 'a'\nbot_token = 'hush'",
        "[channels.slack]\nbot_tokn = 'hush'",
        "[channels.slack]\nenabled = 'hush'\napi_url = 'hush'",
        "[server]\nlisten = 'hush'\nmax_connections = 'hush'\npublic_url = 'https://hush:hush@x/'",
        "[log]\nformat = 'hush'",
        "[people]\nowners = ['hush']",
        "[admin]\ntoken = 'hush,hush,hush'",
        "[channels.slack]\nbot_token = ['hush']",
        "[channels.slack]\nbot_token = { hidden = 'hush' }",
    ];
    for text in texts {
        let case = Case::new().file("a.toml", text);
        assert!(!case.errors().join("\n").contains("hush"), "{text}\n{:#?}", case.errors());
        let errors = Config::load(&case.args).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains("hush"), "{text}");
    }
    let config = Case::new().env("SLACK_BOT_TOKEN", "hush").env("SLACK_SIGNING_SECRET", "hush").load();
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn slack_is_on_with_all_secrets_and_refused_with_some() {
    let with = |pairs: &[(&str, &str)]| pairs.iter().fold(Case::new(), |case, (name, value)| case.env(name, value));
    let both = [("SLACK_SIGNING_SECRET", "s,t"), ("SLACK_BOT_TOKEN", "xoxb-1")];
    let config = with(&both).load();
    assert_eq!(config.channels.slack.is_on(), Ok(true));
    assert_eq!(config.channels.slack.signing_secrets().len(), 2);

    let errors = with(&both[..1]).errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("bot_token (SLACK_BOT_TOKEN) is missing"), "{errors:?}");
    assert!(with(&both[1..]).errors()[0].contains("SLACK_SIGNING_SECRET"));
    assert!(with(&[("AI_CRM__CHANNELS__SLACK__ENABLED", "true")]).errors()[0].contains("SLACK_BOT_TOKEN"));
    assert_eq!(
        with(&both[1..]).env("AI_CRM__CHANNELS__SLACK__ENABLED", "false").load().channels.slack.is_on(),
        Ok(false)
    );
    // A separator alone is no secret.
    assert_eq!(with(&[("SLACK_SIGNING_SECRET", ","), both[1]]).errors().len(), 1);
}

#[test]
fn a_variable_that_is_named_after_its_key_wins() {
    let case = Case::new()
        .env("AI_CRM__SERVER__PUBLIC_URL", "https://a.example")
        .env("AI_CRM_PUBLIC_URL", "https://b.example");
    assert_eq!(case.load().server.public_url.map(String::from).as_deref(), Some("https://a.example/"));
}

#[test]
fn an_overridden_secret_is_not_fetched() {
    let text = "[channels.slack]\nbot_token = 'env:NONE'\nsigning_secret = 'file:/no/such/file'";
    let case = Case::new().file("a.toml", text).env("SLACK_BOT_TOKEN", "x").env("SLACK_SIGNING_SECRET", "y");
    assert_eq!(case.load().channels.slack.is_on(), Ok(true));
}

#[test]
fn the_profile_sim_stays_on_this_machine() {
    let sim = || Case::new().profile("sim", None);
    let config = sim().load();
    assert_eq!(config.channels.slack.is_on(), Ok(true));
    assert_eq!(config.channels.slack.api_url.as_str(), "http://127.0.0.1:8090/api/");
    assert_eq!(config.origins()["channels.slack.bot_token"], Origin::Profile("sim".to_owned()));
    assert!(config.channels.slack.signing_secret.match_any(crate::config::slack::PUBLIC_SIGNING_SECRET));

    assert_eq!(config.channels.teams.is_on(), Ok(true));
    assert_eq!(config.channels.teams.login_url.as_str(), "http://127.0.0.1:8091/");
    assert!(config.channels.teams.app_password.match_any(crate::config::teams::PUBLIC_APP_PASSWORD));

    let github = &config.channels.github;
    assert_eq!((github.is_on(), github.api_url.as_str()), (Ok(true), "http://127.0.0.1:8092/"));
    assert!(github.webhook_secret.match_any(crate::config::github::PUBLIC_WEBHOOK_SECRET));

    let open = ("AI_CRM__SERVER__LISTEN", "0.0.0.0:8080");
    let mut option = sim();
    option.args.options.push(("server.listen", open.1.to_owned()));
    let copied =
        Case::new().env("SLACK_SIGNING_SECRET", "sim-signing-secret").env("SLACK_BOT_TOKEN", "x").env(open.0, open.1);
    let teams = Case::new()
        .env("MICROSOFT_APP_ID", "a")
        .env("MICROSOFT_APP_PASSWORD", "sim-app-password")
        .env("MICROSOFT_APP_TENANT_ID", "t")
        .env(open.0, open.1);
    let github = Case::new()
        .env("GITHUB_APP_ID", "1")
        .env("GITHUB_PRIVATE_KEY", "k")
        .env("GITHUB_WEBHOOK_SECRET", "sim-webhook-secret")
        .env(open.0, open.1);
    for case in [sim().env(open.0, open.1), option, copied, teams, github] {
        assert!(case.errors()[0].contains("loopback"), "{:?}", case.errors());
    }
    for loopback in ["127.0.0.1:1", "[::1]:1", "127.9.9.9:1", "[::ffff:127.0.0.1]:1"] {
        sim().env(open.0, loopback).load();
    }
}

#[test]
fn profiles_have_plain_names() {
    for name in ["../sim", "", "a/b", "a b"] {
        assert!(Case::new().profile(name, None).errors()[0].contains("only letters"), "{name}");
    }
    // The secrets of the profile that comes with the program are public, wherever its file lies.
    let copied = Case::new().profile("sim", Some(include_str!("../../config/sim.toml")));
    copied.put("config/sim.toml", include_str!("../../config/sim.toml"), 0o644);
    assert!(copied.load().warnings().is_empty());
    assert!(Case::new().profile("prod", None).errors()[0].contains("the program brings only: sim"));
}

#[test]
fn installation_by_oauth_needs_an_address() {
    let case =
        Case::new().env("SLACK_SIGNING_SECRET", "y").env("SLACK_CLIENT_ID", "1.2").env("SLACK_CLIENT_SECRET", "hush");
    let errors = case.errors().join("\n");
    assert!(errors.contains("AI_CRM_PUBLIC_URL") && errors.contains("/slack/oauth/redirect"), "{errors}");
    assert!(!errors.contains("hush"), "{errors}");
    case.env("AI_CRM_PUBLIC_URL", "https://bot.example.com").load();
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let case = Case::new()
        .env("SLACK_BOT_TOKEN", "x")
        .env("SLACK_SIGNING_SECRET", "y")
        .env("SLACK_API_URL", "http://slack.example/api")
        .env("SLACK_SIGNING_SECRETS", "z")
        .env("AI_CRM__STORE__RETENTION_MB", "9999");
    let warnings = case.load().warnings().join("\n");
    assert!(!warnings.contains("hush"), "{warnings}");
    for expected in ["api_url is http", "SLACK_SIGNING_SECRETS is not used", "store.retention_mb"] {
        assert!(warnings.contains(expected), "{expected} in\n{warnings}");
    }
    let open = Case::new().file("a.toml", "[admin]\ntoken = 'hush'");
    assert!(open.load().warnings().is_empty());
    open.put("a.toml", "[admin]\ntoken = 'hush'", 0o644);
    let warnings = open.load().warnings().join("\n");
    assert!(
        warnings.contains("admin.token") && warnings.contains("chmod 600") && !warnings.contains("hush"),
        "{warnings}"
    );
}

/// Every field of every struct is a key of `config/default.toml` and the other way round. serde lists the
/// fields of a struct where it meets one that it does not know.
#[test]
fn keys_and_fields_are_the_same() {
    let mut fields: Vec<String> = Vec::new();
    let sections: Vec<&str> = std::iter::once("").chain(KEYS.sections()).collect();
    for section in sections.iter().filter(|section| **section != "people.groups") {
        let mut table = nested(&defaults());
        let path = section.split('.').filter(|part| !part.is_empty());
        section_of(&mut table, path).insert("qqq".to_owned(), Value::Boolean(true));
        let error = Value::Table(table).try_into::<Config>().unwrap_err();
        let (_, known) = error.message().split_once("expected").unwrap_or_default();
        for field in known.split('`').skip(1).step_by(2) {
            let key = if section.is_empty() { field.to_owned() } else { format!("{section}.{field}") };
            if !KEYS.is_section(std::slice::from_ref(&key)) || key == "people.groups" {
                fields.push(key);
            }
        }
    }
    fields.sort();
    let keys: Vec<&str> = KEYS.all().map(|(key, _)| key).collect();
    assert_eq!(fields, keys);
}

#[test]
fn every_secret_is_shown_as_one_in_the_defaults() {
    let shown =
        crate::config::keys::DEFAULT_TEXT.lines().filter(|line| line.starts_with('#') && line.contains(" = \"env:"));
    let mut shown: Vec<String> =
        shown.filter_map(|line| line[1..].split_once(' ').map(|(key, _)| key.to_owned())).collect();
    let mut known: Vec<String> = KEYS
        .all()
        .filter(|(key, _)| is_secret(key))
        .filter_map(|(key, _)| key.rsplit('.').next().map(str::to_owned))
        .collect();
    shown.sort();
    known.sort();
    assert_eq!(shown, known);
}

#[test]
fn what_is_told_of_secrets_is_how_they_were_given_and_no_value() {
    let case = Case::new()
        .env("SLACK_BOT_TOKEN", "env:TOKEN_OF_OURS")
        .env("TOKEN_OF_OURS", "hush-1")
        .env("SLACK_SIGNING_SECRET", "hush-2, hush-3")
        .file("a.toml", "[admin]\ntoken = 'hush-4,env:TOKEN_OF_OURS'");
    let told: Vec<String> = case.load().secrets().iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for part in [
        "channels.slack.bot_token: env: in the variable SLACK_BOT_TOKEN",
        "channels.slack.signing_secret: plain text in the variable SLACK_SIGNING_SECRET, two values",
        "admin.token: plain text and env: in ",
        "a.toml:2, two values",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn what_is_kept_the_same_with_an_issue_can_be_set_and_a_mistake_is_told_with_the_nearest_key() {
    use crate::domain::sync::{Flow, Rule, Table};
    assert_eq!(Case::new().load().sync.table(), Table::default(), "the file and the code say the same");
    let set = "[sync]\nlabels = \"from_github\"\nconflicts = \"task\"\ncompleted = \"in-review\"\nbounces = 5\n";
    let table = Case::new().file("a.toml", set).load().sync.table();
    assert_eq!((table.labels, table.rule, table.breaker.times), (Flow::FromGithub, Rule::Task, 5));
    for (wrong, expected) in [
        ("lables = \"both\"", "sync.labels"),
        ("labels = \"sideways\"", "unknown variant `sideways`"),
        ("bounces = 0", "expected a whole number from 1 to 20"),
        ("not_planned = \"done\"", "could not be told apart"),
        ("reopened = \"cancelled\"", "which stands for a closed issue"),
        ("completed = \"todo\"", "what every task begins with"),
        ("not_planned = \"todo\"", "sync.not_planned"),
    ] {
        let errors = Case::new().file("a.toml", &format!("[sync]\n{wrong}\n")).errors();
        assert!(errors.iter().any(|error| error.contains(expected)), "{wrong}: {errors:?}");
    }
}
