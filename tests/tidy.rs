//! Holds what no compiler holds: who may import whom, how long things are, what stands in which table.
//!
//! Each rule is a function from the sources to its findings, a test that runs it over the repository
//! and says how to mend what it finds, and a case at the foot that shows that it bites. Reading the
//! sources is `tidy/source.rs`. A rule that must be broken gets an exception beside it, with a reason;
//! an exception that nothing needs any more fails too.

#[path = "tidy/source.rs"]
mod source;

use std::path::Path;

use source::{Source, files, sources};

/// Which parts of the crate a part may import: the list of `ARCHITECTURE.md`, "Arrows".
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("store", &["domain", "config"]),
    ("policy", &["domain", "config"]),
    ("pm", &["domain", "config"]),
    ("workflow", &["domain", "config", "store", "policy"]),
    ("channels", &["domain", "config"]),
    ("sim", &["domain"]),
    ("ledger", &["domain", "config", "store"]),
    ("tools", &["domain", "config", "policy", "pm", "store"]),
    ("commands", &["domain", "config", "policy", "pm", "store", "tools"]),
    ("actors", &["domain", "config", "policy", "pm", "store", "workflow", "ledger", "channels", "tools", "commands"]),
    ("web", &["domain", "config", "policy", "pm", "store", "workflow", "ledger", "channels", "tools", "commands"]),
    ("cli", EVERYTHING),
    ("app", EVERYTHING),
    ("main", EVERYTHING),
];
const EVERYTHING: &[&str] = &[
    "domain", "config", "store", "policy", "pm", "workflow", "channels", "sim", "ledger", "tools", "commands",
    "actors", "web", "cli", "app",
];

/// Parts whose folders are siblings that do not know each other.
const SIBLINGS: &[&str] = &["channels", "sim"];

/// Crates that only some files name.
const CRATES: &[(&str, &[&str])] = &[
    ("crc32fast", &["src/store/ahead/log.rs"]),
    ("sled", &["src/store/sled.rs"]),
    ("zstd", &["src/store/pack.rs"]),
    ("chacha20", &["src/store/cipher.rs"]),
    (
        "ring",
        &[
            "src/store/cipher.rs",
            "src/channels/teams/certificate.rs",
            "src/channels/teams/keys.rs",
            "src/sim/github/keys.rs",
            "src/sim/teams/keys.rs",
            "src/app.rs",
        ],
    ),
    ("cedar_policy", &["src/policy/"]),
    ("miette", &["src/policy/"]),
    ("granit_parser", &["src/workflow/yaml.rs", "src/workflow/yaml/"]),
    ("slack_morphism", &["src/channels/slack/"]),
    ("pulldown_cmark", &["src/channels/github/"]),
    ("octocrab", &["src/channels/github/"]),
    ("png", &["src/channels/teams/manifest/icon.rs"]),
    ("zip", &["src/channels/teams/manifest/package.rs", "src/sim/teams/package.rs"]),
    ("ractor", &["src/actors/", "src/app.rs"]),
    ("tokio_tungstenite", &["src/channels/slack/socket/connection.rs"]),
];

/// Words that belong to a platform, and where that platform may be known.
const PLATFORM_WORDS: &[(&str, &[&str])] = &[("slack.com", &["src/channels/slack/", "src/sim/"])];

/// Parts that decide: nothing in them waits or touches the outside world.
const DECIDING: &[&str] = &["domain", "policy", "pm", "workflow", "tools", "commands"];
/// What waiting and touching look like.
const WAITING: &[&str] =
    &[".await", "async ", "tokio::", "reqwest::", "std::fs::", "std::net::", "std::process::", "std::thread::"];

/// Lines of a file without its tests, of which this is one too many.
const MOST_LINES: usize = 450;
/// Lines of a function, of which this is one too many.
const MOST_FUNCTION_LINES: usize = 70;
/// `file` or `file::function`, and why it may be longer.
const MAY_BE_LONGER: &[(&str, &str)] =
    &[("src/app.rs::start", "the composition: each part is made once and handed on, without a branch to part it at")];

/// What no file of `src/` says: work that is left undone, or words for it.
const UNDONE: &[&str] = &["todo!", "unimplemented!", "TODO", "FIXME", "for now", "in a real"];
/// Names of files and folders that say nothing of what is in them.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "misc"];
/// Ends of the names of types that say nothing either.
const EMPTY_SUFFIXES: &[&str] = &["Manager", "Helper", "Util", "Service", "Processor"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the crate that are compiled into the program.
fn production() -> Vec<Source> {
    let all = sources(root(), &["src"]);
    assert!(all.len() > 20, "only {} sources under src/: the scan looks in the wrong place", all.len());
    all.into_iter().filter(|source| !source.is_test).collect()
}

/// Fails with the findings and with the way to mend them.
#[track_caller]
fn none(findings: &[String], mend: &str) {
    assert!(findings.is_empty(), "\n{}\n\n{} to mend. {mend}\n", findings.join("\n"), findings.len());
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

fn arrows(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in all.iter().filter(|source| source.part() != "lib") {
        let part = source.part();
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == part) else {
            found.push(format!("{}: `{part}` has no line in ARROWS", source.path));
            continue;
        };
        for (line, path) in source.paths_within() {
            let target = path[0].as_str();
            let is_part = ARROWS.iter().any(|(name, _)| *name == target);
            if is_part && target != part && !allowed.contains(&target) {
                found.push(format!("{}:{line}: {part} → {}", source.path, path.join("::")));
            }
        }
    }
    found
}

#[test]
fn imports_follow_the_arrows() {
    let mend = "Nouns that two parts need belong into `domain`; what a lower part needs of a higher one is handed to it \
                as an argument or a trait. The arrows stand in ARCHITECTURE.md; a new folder gets a line in ARROWS there \
                and here.";
    none(&arrows(&production()), mend);
}

fn siblings(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in all.iter().filter(|source| SIBLINGS.contains(&source.part())) {
        let part = source.part();
        let folder = |path: &str| path.split('/').nth(2).map(|name| name.trim_end_matches(".rs").to_owned());
        let folders: Vec<String> = all
            .iter()
            .filter(|other| other.part() == part && other.path.matches('/').count() > 2)
            .filter_map(|other| folder(&other.path))
            .collect();
        let Some(own) = folder(&source.path).filter(|own| folders.contains(own)) else { continue };
        for (line, path) in source.paths_within() {
            if let [first, second] = &path[..]
                && first == part
                && folders.contains(second)
                && *second != own
            {
                found.push(format!("{}:{line}: {part}/{own} → {part}/{second}", source.path));
            }
        }
    }
    found
}

#[test]
fn siblings_do_not_know_each_other() {
    let mend = "What two platforms share is a noun of `domain` or stands in the folder's own `mod.rs`.";
    none(&siblings(&production()), mend);
}

fn reexports(all: &[Source]) -> Vec<String> {
    let lib = all.iter().filter(|source| source.path == "src/lib.rs");
    lib.flat_map(|lib| lib.code.match_indices("pub use").map(|(at, _)| format!("src/lib.rs:{}", lib.line_of(at))))
        .collect()
}

#[test]
fn lib_exports_modules_only() {
    none(&reexports(&production()), "A `pub use` in lib.rs hides an arrow: name the path in full where it is used.");
}

fn crates(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, places) in CRATES {
        for source in all.iter().filter(|source| !is_in(&source.path, places)) {
            let lines = source.lines_naming_crate(name);
            found.extend(
                lines.iter().map(|line| format!("{}:{line}: `{name}` is for {}", source.path, places.join(", "))),
            );
        }
    }
    found
}

#[test]
fn a_crate_is_named_where_it_is_owned() {
    let mend = "Ask the owner for what you need, in its own nouns: the crate can then be replaced in one place.";
    none(&crates(&production()), mend);
}

fn platform_words(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (word, places) in PLATFORM_WORDS {
        for source in all.iter().filter(|source| !is_in(&source.path, places)) {
            // Within literals only: `slack.command` is a field of ours.
            let hits = source.told.match_indices(word).filter(|(at, _)| source.code.as_bytes()[*at] == b' ');
            found.extend(hits.map(|(at, _)| format!("{}:{}: `{word}`", source.path, source.line_of(at))));
        }
    }
    found
}

#[test]
fn a_platform_is_known_in_its_own_folder() {
    let mend = "Move it to `channels/<platform>/` and give it a name there, such as `settings::DEFAULT_API`.";
    none(&platform_words(&production()), mend);
}

fn waits(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in all.iter().filter(|source| DECIDING.contains(&source.part())) {
        for word in WAITING {
            let hits = source.code.match_indices(word);
            found.extend(hits.map(|(at, _)| format!("{}:{}: `{word}`", source.path, source.line_of(at))));
        }
    }
    found
}

#[test]
fn what_decides_does_not_wait() {
    let mend = "A handler reads the store and returns an Outcome. What it needs of the outside world is an effect, \
                whose result comes back as an event; files are read by `config` or `app` and handed in.";
    none(&waits(&production()), mend);
}

fn too_long(all: &[Source]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in all {
        let lines = source.lines_without_tests();
        if lines >= MOST_LINES {
            found.push((source.path.clone(), format!("{}: {lines} lines without tests", source.path)));
        }
        for function in source.functions().iter().filter(|function| function.lines >= MOST_FUNCTION_LINES) {
            let said = format!("{}:{}: `{}` has {} lines", source.path, function.line, function.name, function.lines);
            found.push((format!("{}::{}", source.path, function.name), said));
        }
    }
    found
}

#[test]
fn files_and_functions_stay_short() {
    let long = too_long(&production());
    let is_excused = |name: &str| MAY_BE_LONGER.iter().any(|(excused, _)| *excused == name);
    let findings: Vec<String> =
        long.iter().filter(|(name, _)| !is_excused(name)).map(|(_, said)| said.clone()).collect();
    let mend = format!(
        "A file stays under {MOST_LINES} lines without its tests, a function under {MOST_FUNCTION_LINES}. What grows past \
         that has a second noun in it: find it and give it a file or a function."
    );
    none(&findings, &mend);
    let stale = MAY_BE_LONGER.iter().filter(|(excused, _)| long.iter().all(|(name, _)| name != excused));
    let stale: Vec<String> = stale.map(|(name, _)| (*name).to_owned()).collect();
    none(&stale, "These are short again: take them off MAY_BE_LONGER.");
}

fn headless(all: &[Source]) -> Vec<String> {
    all.iter().filter(|source| !source.text.starts_with("//!")).map(|source| source.path.clone()).collect()
}

#[test]
fn every_file_says_what_it_owns() {
    let mend = "Open the file with `//!`: what it owns, what it does not, and how to add to it.";
    none(&headless(&sources(root(), &["src", "tests", "benches"])), mend);
}

fn undone(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in all {
        for (line, text) in source.text.lines().enumerate() {
            let low = text.to_lowercase();
            let says = |word: &&&str| if word.contains(' ') { low.contains(**word) } else { text.contains(**word) };
            found.extend(UNDONE.iter().filter(says).map(|word| format!("{}:{}: `{word}`", source.path, line + 1)));
        }
    }
    found
}

#[test]
fn nothing_is_left_undone() {
    let mend = "Do it, or leave it out and say in ARCHITECTURE.md, \"What it does not do\", that it is not there.";
    none(&undone(&sources(root(), &["src"])), mend);
}

fn empty_names(all: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in all {
        let mut names = source.path.split('/').map(|name| name.trim_end_matches(".rs"));
        if names.any(|name| EMPTY_NAMES.contains(&name)) {
            found.push(source.path.clone());
        }
        for (at, kind) in ["struct ", "enum ", "trait "].iter().flat_map(|kind| source.code.match_indices(kind)) {
            let rest = source.code[at + kind.len()..].chars();
            let name: String = rest.take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if EMPTY_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
                found.push(format!("{}:{}: `{name}`", source.path, source.line_of(at)));
            }
        }
    }
    found
}

#[test]
fn names_say_what_is_in_them() {
    none(&empty_names(&sources(root(), &["src", "tests", "benches"])), "Name the noun that it is about.");
}

/// Files of a folder that declare a constant of the folder's table without standing in it.
fn missing_in_table(all: &[Source], folder: &str, constant: &str) -> Vec<String> {
    let table = format!("src/{folder}/mod.rs");
    let Some(owner) = all.iter().find(|source| source.path == table) else { return Vec::new() };
    let declares = |source: &&Source| source.part() == folder && source.code.contains(&format!("const {constant}:"));
    let is_absent = |source: &&Source| !owner.table().contains(&format!("{}::{constant}", source.stem()));
    all.iter().filter(declares).filter(is_absent).map(|source| source.path.clone()).collect()
}

fn missing_channels(all: &[Source]) -> Vec<String> {
    let Some(owner) = all.iter().find(|source| source.path == "src/channels/mod.rs") else { return Vec::new() };
    let folders = all.iter().filter_map(|source| source.path.strip_prefix("src/channels/")?.strip_suffix("/mod.rs"));
    let folders = folders.filter(|folder| !folder.contains('/'));
    folders.filter(|folder| !owner.table().contains(&format!(" {folder}::"))).map(ToOwned::to_owned).collect()
}

#[test]
fn tables_are_complete() {
    let all = production();
    none(&missing_in_table(&all, "commands", "SPEC"), "Add `<file>::SPEC` to TABLE in src/commands/mod.rs.");
    none(&missing_in_table(&all, "tools", "TOOL"), "Add `<file>::TOOL` to TABLE in src/tools/mod.rs.");
    none(&missing_channels(&all), "Add a `ChannelSpec` of each of these folders to TABLE in src/channels/mod.rs.");
}

/// Paths that are somebody's machine. They are put together here, so that this file does not hold them.
fn machine_paths(text: &str) -> Vec<usize> {
    let roots = ["work", "root", "farm"].map(|name| format!("/{name}/"));
    let begins = |line: &str, at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}*".contains(c));
    let says = |line: &&str| roots.iter().any(|root| line.match_indices(root.as_str()).any(|(at, _)| begins(line, at)));
    text.lines().enumerate().filter(|(_, line)| says(line)).map(|(number, _)| number + 1).collect()
}

/// What belongs to the repository, as far as a walk can tell: not what is built or kept.
fn belongs(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_kept = path.starts_with("data/") && path != "data/README.md";
    !(path == "target" || name == ".git" || name == "__pycache__" || name.ends_with(".log") || is_kept)
}

#[test]
fn nothing_names_a_machine() {
    let mut found = Vec::new();
    for path in files(root(), &belongs) {
        let bytes = std::fs::read(root().join(&path)).expect("a file of the repository is readable");
        let lines = machine_paths(&String::from_utf8_lossy(&bytes));
        found.extend(lines.iter().map(|line| format!("{path}:{line}")));
    }
    none(&found, "Write paths relative to the repository, or take them as an argument.");
}

fn unexplained_dependencies(manifest: &str) -> Vec<String> {
    let (mut in_section, mut is_explained, mut found) = (false, false, Vec::new());
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            in_section = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if in_section && line.contains('=') && !line.starts_with('#') && !is_explained && !line.contains("# ") {
            found.push(format!("Cargo.toml:{}: {line}", number + 1));
        }
        is_explained = line.starts_with('#');
    }
    found
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is readable");
    none(&unexplained_dependencies(&manifest), "Write above it, or behind it on its line, what it is for.");
}

/// Paths in backticks that begin with a folder of the repository: `src/store/`, `tests/it/power_cut.rs`.
fn paths_named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        let is_path = |word: &&str| {
            let mut steps = word.split('/');
            matches!(steps.next(), Some("src" | "tests" | "config" | "deploy" | "docs" | "benches" | ".ci"))
                && word.contains('/')
                && !word.contains(['<', '*', '{', ' ', '…'])
        };
        found.extend(quoted.filter(is_path).map(|word| (number + 1, word.to_owned())));
    }
    found
}

#[test]
fn documents_name_what_is_there() {
    let mut found = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "STYLE.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect("the document is there");
        let gone = paths_named(&text).into_iter().filter(|(_, path)| !root().join(path).exists());
        found.extend(gone.map(|(line, path)| format!("{document}:{line}: `{path}`")));
    }
    none(&found, "These paths lead nowhere: say where it stands today.");

    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let parts: std::collections::BTreeSet<String> = sources(root(), &["src"])
        .iter()
        .filter(|source| source.path.matches('/').count() > 1)
        .map(|source| format!("`{}/`", source.part()))
        .collect();
    let missing: Vec<String> = parts.into_iter().filter(|part| !map.contains(part.as_str())).collect();
    none(&missing, "Give each of these folders a row in the code map of ARCHITECTURE.md.");
}

mod bite {
    //! Each rule finds what it is there to find, and leaves alone what is right.

    use super::*;

    fn one(path: &str, text: &str) -> Vec<Source> {
        vec![Source::of(path, text)]
    }

    #[test]
    fn arrows_that_point_up_or_sideways() {
        for (path, text, count) in [
            ("src/domain/task.rs", "use crate::store::View;", 1),
            ("src/domain/task.rs", "use crate::domain::ids::TaskId;", 0),
            ("src/web/api.rs", "use crate::actors::board::Board;", 1),
            ("src/actors/mod.rs", "use crate::web;", 1),
            ("src/pm/fit.rs", "use crate::{domain::agent, store};", 1),
            ("src/commands/help.rs", "use crate::tools::Context;", 0),
            ("src/tools/why.rs", "use crate::commands::help;", 1),
            ("src/tools/why.rs", "#[cfg(test)]\nmod tests { use crate::commands::help; }", 0),
            ("src/sim/mod.rs", "use crate::channels::slack;", 1),
            ("src/app.rs", "use crate::actors::tree;", 0),
            ("src/main.rs", "use ai_crm::cli;", 0),
            ("src/novel/mod.rs", "", 1),
        ] {
            assert_eq!(arrows(&one(path, text)).len(), count, "{path}: {text}");
        }
    }

    #[test]
    fn channels_that_know_each_other() {
        let with = |text| {
            vec![
                Source::of("src/channels/slack/mod.rs", text),
                Source::of("src/channels/terminal/mod.rs", ""),
                Source::of("src/channels/mod.rs", "use crate::channels::slack;"),
            ]
        };
        assert_eq!(siblings(&with("use crate::channels::terminal::ABOUT;")).len(), 1);
        assert_eq!(siblings(&with("use super::terminal;")).len(), 1);
        assert_eq!(siblings(&with("use crate::channels::{Channel, slack::text};")).len(), 0);
    }

    #[test]
    fn crates_and_platforms_out_of_place() {
        assert_eq!(crates(&one("src/store/open.rs", "use sled::Db;")).len(), 1);
        assert_eq!(crates(&one("src/store/open.rs", "use crate::store::sled::{Sled};\n// sled::Db")).len(), 0);
        assert_eq!(crates(&one("src/web/api.rs", "fn f(x: ractor::ActorRef<u8>) {}")).len(), 1);
        assert_eq!(platform_words(&one("src/cli/doctor.rs", "const A: &str = \"https://slack.com/api\";")).len(), 1);
        assert_eq!(platform_words(&one("src/cli/doctor.rs", "fn f() { slack.command() } // slack.com")).len(), 0);
        assert_eq!(waits(&one("src/tools/why.rs", "async fn f() { g().await }")).len(), 2);
        assert_eq!(reexports(&one("src/lib.rs", "pub use domain::ids;")).len(), 1);
    }

    #[test]
    fn what_is_long_headless_undone_or_empty() {
        let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(MOST_FUNCTION_LINES - 2));
        assert_eq!(too_long(&one("src/a.rs", &long)).len(), 1);
        assert_eq!(too_long(&one("src/a.rs", &long.replacen("    g();\n", "", 1))).len(), 0);
        assert_eq!(too_long(&one("src/a.rs", &"\n".repeat(MOST_LINES))).len(), 1);
        assert_eq!(too_long(&one("src/a.rs", &format!("#[cfg(test)]\n{}", "\n".repeat(MOST_LINES)))).len(), 0);
        assert_eq!(headless(&one("src/a.rs", "use x;\n")).len(), 1);
        assert_eq!(undone(&one("src/a.rs", "// For now this does.\nlet x = 1; // TODO")).len(), 2);
        assert_eq!(undone(&one("src/a.rs", "// Statuses: todo, done.")).len(), 0);
        assert_eq!(empty_names(&one("src/store/helpers.rs", "")).len(), 1);
        assert_eq!(empty_names(&one("src/store/open.rs", "pub struct StoreManager;")).len(), 1);
    }

    #[test]
    fn tables_with_holes() {
        let with = |table: &str| {
            vec![
                Source::of("src/tools/mod.rs", &format!("pub const TABLE: &[ToolSpec] = &[\n    {table}\n];\n")),
                Source::of("src/tools/why.rs", "pub const TOOL: ToolSpec = x;"),
                Source::of("src/tools/people.rs", "pub fn find() {}"),
            ]
        };
        assert_eq!(missing_in_table(&with("// why::TOOL,"), "tools", "TOOL"), ["src/tools/why.rs"]);
        assert_eq!(missing_in_table(&with("why::TOOL,"), "tools", "TOOL").len(), 0);
        let channels =
            [Source::of("src/channels/mod.rs", "TABLE: = [x(slack::A)];"), Source::of("src/channels/irc/mod.rs", "")];
        assert_eq!(missing_channels(&channels), ["irc"]);
    }

    #[test]
    fn paths_of_machines_and_bare_dependencies() {
        let (machine, address) = (["cd /wo", "rk/x"].concat(), ["https://a.example/wo", "rk/x"].concat());
        assert_eq!(machine_paths(&machine), [1]);
        assert_eq!(machine_paths(&address).len(), 0);
        let manifest = "[package]\nname = \"a\"\n[dependencies]\n# Why.\nb = \"1\"\nc = \"1\"\nd = \"1\" # Why.\n";
        assert_eq!(unexplained_dependencies(manifest), ["Cargo.toml:6: c = \"1\""]);
        assert_eq!(paths_named("see `src/store/` and `src/<x>/` and `x/y`"), [(1, "src/store/".to_owned())]);
    }
}
