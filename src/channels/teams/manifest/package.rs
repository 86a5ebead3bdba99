//! The app package that is uploaded to Teams: manifest and icons in one zip.
//!
//! Owns the names in it. The same manifest gives the same bytes, on every machine and at every time, so that an
//! operator sees whether a package differs from the one that was uploaded.

use std::io::{Cursor, Read as _, Write as _};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::icon;

/// The manifest's name in the package, which Teams sets.
const MANIFEST: &str = "manifest.json";
/// The name of the icon in colour, by which the manifest refers to it.
pub(super) const COLOR_ICON: &str = "color.png";
/// The name of the white icon, by which the manifest refers to it.
pub(super) const OUTLINE_ICON: &str = "outline.png";

/// A package is some ten kilobytes; what is larger than this many bytes is none of ours.
pub const MOST_BYTES: u64 = 1024 * 1024;

/// The package of an app.
#[must_use]
pub fn package(manifest: &Value) -> Vec<u8> {
    let text = format!("{manifest:#}\n");
    let files = [(MANIFEST, text.into_bytes()), (COLOR_ICON, icon::color()), (OUTLINE_ICON, icon::outline())];
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, options).expect("invariant: the names are short and differ");
        zip.write_all(&bytes).expect("invariant: a vector takes what is written");
    }
    zip.finish().expect("invariant: a vector takes what is written").into_inner()
}

/// The id of the app whose package this is; nothing where it is no package.
#[must_use]
pub fn app_of(package: &[u8]) -> Option<String> {
    let mut zip = ZipArchive::new(Cursor::new(package)).ok()?;
    let mut text = String::new();
    zip.by_name(MANIFEST).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    let manifest: Value = serde_json::from_str(&text).ok()?;
    Some(manifest["id"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_has_its_three_files_at_the_top_and_is_the_same_each_time() {
        let made = package(&json!({ "id": "x" }));
        assert_eq!(made, package(&json!({ "id": "x" })));
        let mut zip = ZipArchive::new(Cursor::new(&made)).unwrap();
        let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, [MANIFEST, COLOR_ICON, OUTLINE_ICON]);
        for name in names {
            let modified = zip.by_name(&name).unwrap().last_modified().unwrap();
            assert_eq!((modified.year(), modified.month(), modified.hour()), (1980, 1, 0));
        }
        assert!((made.len() as u64) < MOST_BYTES / 10, "{}", made.len());
    }

    #[test]
    fn a_package_says_whose_it_is() {
        assert_eq!(app_of(&package(&json!({ "id": "x" }))).as_deref(), Some("x"));
        assert_eq!(app_of(&package(&json!({ "name": "x" }))), None);
        assert_eq!(app_of(b"a letter"), None);
    }
}
