//! Joins the layers into a [`Config`].
//!
//! Owns the order of the layers and the gathering of mistakes: a value that does not fit is noted and the
//! one below it taken, so that one run finds all. Reading each layer stands in `layers.rs` and
//! `environment.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_path_to_error::Segment;
use toml::{Table, Value};

use crate::config::errors::{ConfigErrors, ConfigIssue, Origin};
use crate::config::keys::KEYS;
use crate::config::layers::{self, Entry, Layer, file_of};
use crate::config::references::{self, Readers, is_secret};
use crate::config::secrets::{Given, Secrets};
use crate::config::{Config, LoadArgs, checks, environment};

/// The value of each key that wins, and who gave it.
type Chosen = BTreeMap<Vec<String>, (Value, Origin)>;

/// See [`Config::load`].
pub(super) fn load(args: &LoadArgs) -> Result<Config, ConfigErrors> {
    let mut issues = Vec::new();
    let mut chosen = defaults();
    for layer in read_layers(args) {
        issues.extend(layer.issues);
        layer.entries.into_iter().for_each(|entry| choose(&mut chosen, entry));
    }
    let exposed = exposed_secrets(&chosen, &args.folder);
    let secrets = fetch_secrets(&mut chosen, &args.env, &mut issues);
    let Some(mut config) = assemble(&mut chosen, &mut issues) else {
        return Err(ConfigErrors(issues));
    };
    if issues.is_empty() {
        issues = checks::mistakes(&config, args.profile.as_deref());
    }
    if !issues.is_empty() {
        return Err(ConfigErrors(issues));
    }
    if let Some(data) = args.data.as_ref().filter(|data| !data.as_os_str().is_empty()) {
        // As it was given: a path need not be Unicode, a value of the configuration is.
        config.data.clone_from(data);
    }
    config.warnings = checks::warnings(&config, &args.env);
    config.warnings.extend(exposed);
    config.secrets = secrets;
    config.origins = chosen.into_iter().map(|(path, (_, origin))| (path.join("."), origin)).collect();
    Ok(config)
}

/// All layers over the defaults, the weakest first.
fn read_layers(args: &LoadArgs) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    layers.extend(args.profile.as_ref().map(|name| layers::profile(name, &args.folder)));
    layers.extend(args.files.iter().map(|path| layers::file(path)));
    layers.push(environment::read(&args.env));
    let mut options = Layer::default();
    for (key, text) in &args.options {
        let path = key.split('.').map(str::to_owned).collect();
        environment::take_text(&mut options, path, text, Origin::CommandLine);
    }
    if let Some(data) = &args.data {
        let value = Value::String(data.display().to_string());
        options.take(vec!["data".to_owned()], value, Origin::CommandLine);
    }
    layers.push(options);
    layers
}

fn defaults() -> Chosen {
    let declared = KEYS.all().filter_map(|(path, key)| Some((path, key.default.clone()?)));
    declared.map(|(path, value)| (path.split('.').map(str::to_owned).collect(), (value, Origin::Default))).collect()
}

/// An entry replaces what stands there. An empty text takes it back to the default.
fn choose(chosen: &mut Chosen, entry: Entry) {
    let empty = entry.value.as_str().is_some_and(|text| text.trim().is_empty());
    if empty {
        back_to_default(chosen, &entry.path)
    } else {
        drop(chosen.insert(entry.path, (entry.value, entry.origin)))
    }
}

fn back_to_default(chosen: &mut Chosen, path: &[String]) {
    match KEYS.find(path).and_then(|key| key.default.clone()) {
        Some(value) => drop(chosen.insert(path.to_vec(), (value, Origin::Default))),
        None => drop(chosen.remove(path)),
    }
}

/// Warnings of secrets that stand in files which others can read. Those of the profile `sim` are public.
fn exposed_secrets(chosen: &Chosen, profiles: &Path) -> Vec<String> {
    let public = profiles.join(checks::PUBLIC_PROFILE).with_extension("toml");
    let mut found = Vec::new();
    for (path, (value, origin)) in chosen.iter().filter(|(path, _)| is_secret(&path.join("."))) {
        let literal =
            value.as_str().is_some_and(|text| !["env:", "file:", "cred:"].iter().any(|p| text.starts_with(p)));
        let open = |file: &Path| {
            let mode = fs::metadata(file).map_or(0, |about| about.permissions().mode());
            references::refuse_readers(file, mode, Readers::Group).err()
        };
        let private = file_of(origin).filter(|file| literal && **file != public);
        if let Some(complaint) = private.and_then(|file| open(file)) {
            found.push(format!("{} stands in a file that others can read; {complaint}", path.join(".")));
        }
    }
    found
}

/// Puts the secrets in the place of what names them, and says of each how it was given.
fn fetch_secrets(chosen: &mut Chosen, env: &[(String, String)], issues: &mut Vec<ConfigIssue>) -> Vec<Given> {
    let mut given = Vec::new();
    let secrets: Vec<Vec<String>> = chosen.keys().filter(|path| is_secret(&path.join("."))).cloned().collect();
    for path in secrets {
        let Some((Value::String(written), origin)) = chosen.get_mut(&path) else {
            continue;
        };
        let kinds = references::kinds(written);
        match references::fetch(&path.join("."), written, env) {
            Ok(fetched) => {
                let values = Secrets::read(&fetched).map_or(1, |secrets| secrets.as_slice().len());
                given.push(Given { key: path.join("."), kinds, values, origin: origin.clone() });
                *written = fetched;
            }
            Err(what) => {
                issues.push(ConfigIssue::at(path.join("."), origin, what));
                chosen.remove(&path);
            }
        }
    }
    given
}

/// Makes the structs. A value that they refuse is noted and replaced by its default, and they are made
/// anew, until the rest fits.
fn assemble(chosen: &mut Chosen, issues: &mut Vec<ConfigIssue>) -> Option<Config> {
    loop {
        let error = match serde_path_to_error::deserialize::<_, Config>(Value::Table(nested(chosen))) {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let path: Vec<String> = error.path().iter().map_while(word).collect();
        let what = error.inner().message().to_owned();
        let Some(given) = (0..=path.len()).rev().map(|end| &path[..end]).find(|path| chosen.contains_key(*path)) else {
            issues.push(ConfigIssue::together(path.join("."), what));
            return None;
        };
        let given = given.to_vec();
        let (_, origin) = &chosen[&given];
        issues.push(ConfigIssue::at(given.join("."), origin, what));
        if *origin == Origin::Default {
            return None;
        }
        back_to_default(chosen, &given);
    }
}

fn word(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Map { key } => Some(key.clone()),
        _ => None,
    }
}

/// The chosen values as a tree, with all sections, also those without a value.
fn nested(chosen: &Chosen) -> Table {
    let mut root = Table::new();
    for section in KEYS.sections() {
        section_of(&mut root, section.split('.'));
    }
    for (path, (value, _)) in chosen {
        if let Some((last, section)) = path.split_last() {
            let table = section_of(&mut root, section.iter().map(String::as_str));
            table.insert(last.clone(), value.clone());
        }
    }
    root
}

fn section_of<'t, 'p>(root: &'t mut Table, path: impl Iterator<Item = &'p str>) -> &'t mut Table {
    path.fold(root, |table, name| {
        let entry = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
        entry.as_table_mut().expect("invariant: no key has the name of a section, since both are declared in one file")
    })
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
