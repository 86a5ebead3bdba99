//! The app package that `ai-crm manifest teams` writes, opened by another program's zip and checked by Microsoft's
//! schema, which `tests/teams_manifest.mjs` reads from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::stage::run;
use crate::support::judge::{heard, root};
use crate::support::server::ServerPlan;

/// How to get what this test needs.
const INSTALL: &str = "npm install --prefix target/node @microsoft/app-manifest@1.1.2 (or set \
                       AI_CRM_TEST_NODE_MODULES to a node_modules that has it)";

/// The bot's app.
const APP: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// What Microsoft's schema finds in a manifest; nothing where it takes it.
fn findings(manifest: &Value) -> anyhow::Result<String> {
    let modules = std::env::var_os("AI_CRM_TEST_NODE_MODULES")
        .map_or_else(|| root().join("target/node/node_modules"), PathBuf::from);
    let schemas = modules.join("@microsoft/app-manifest/build/json-schemas/teams");
    ensure!(schemas.is_dir(), "{} is not there; run: {INSTALL}", schemas.display());
    let mut checker = Command::new("node");
    let output = heard(checker.arg(root().join("tests/teams_manifest.mjs")), [manifest.clone()])
        .context("node does not start; run: apt-get install nodejs npm")?;
    let found = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() == found.is_empty(), "{}: {found}", output.status);
    Ok(found)
}

/// Takes a package apart by Python's zip.
fn unpack(package: &Path, folder: &Path) -> anyhow::Result<()> {
    let output = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(package).arg(folder).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Width and height in a PNG's head.
fn size(file: &Path) -> anyhow::Result<(u32, u32)> {
    let bytes = std::fs::read(file)?;
    ensure!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{} is no PNG", file.display());
    let number = |at: usize| -> anyhow::Result<u32> {
        Ok(u32::from_be_bytes(bytes.get(at..at + 4).context("the file ends in its head")?.try_into()?))
    };
    Ok((number(16)?, number(20)?))
}

#[tokio::test]
async fn the_package_is_one_that_teams_takes() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let package = folder.path().join("bot.zip");
    let words = ["manifest", "teams", "--out", package.to_str().context("the path is text")?];
    let plan = ServerPlan::new(&folder.path().join("data"))
        .with("MICROSOFT_APP_ID", APP)
        .with("MICROSOFT_APP_PASSWORD", "hush-hush")
        .with("MICROSOFT_APP_TENANT_ID", "11111111-2222-3333-4444-555555555555")
        .with("AI_CRM_PUBLIC_URL", "https://bot.example.com");
    let printed = run(&plan, &words, "").await?;
    assert_eq!((printed.code(), printed.err.as_str()), (Some(0), ""), "{printed:?}");
    for part in [
        "--endpoint https://bot.example.com/api/messages",
        "--tenant-id 11111111-2222-3333-4444-555555555555",
        "Upload a custom app",
    ] {
        assert!(printed.out.contains(part), "{part}: {}", printed.out);
    }
    assert!(!printed.out.contains("hush-hush"), "{printed:?}");

    let unpacked = folder.path().join("unpacked");
    unpack(&package, &unpacked)?;
    let manifest: Value = serde_json::from_slice(&std::fs::read(unpacked.join("manifest.json"))?)?;
    assert_eq!(findings(&manifest)?, "");
    assert_eq!((&manifest["id"], &manifest["bots"][0]["botId"]), (&json!(APP), &json!(APP)));
    for (icon, side) in [("color", 192), ("outline", 32)] {
        let file = unpacked.join(manifest["icons"][icon].as_str().context("an icon has a name")?);
        assert_eq!(size(&file)?, (side, side), "{icon}");
    }

    // Made again, it is the same to the byte, and takes the place of the first.
    let first = std::fs::read(&package)?;
    assert_eq!(run(&plan, &words, "").await?.code(), Some(0));
    assert!(std::fs::read(&package)? == first);
    let shown = run(&plan, &["manifest", "teams", "--json"], "").await?;
    assert_eq!(shown.json()?, manifest);
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_told_with_its_mend() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let none = run(&plan, &["manifest", "teams", "--json"], "").await?;
    assert_eq!((none.code(), none.out.as_str()), (Some(1), ""), "{none:?}");
    for part in ["MICROSOFT_APP_ID", "--app-id", "az ad app create", "Client secret"] {
        assert!(none.err.to_lowercase().contains(&part.to_lowercase()), "{part}: {none:?}");
    }
    let wrong = run(&plan, &["manifest", "teams", "--app-id", "my-bot"], "").await?;
    assert!(wrong.code() == Some(2) && wrong.err.contains("GUID"), "{wrong:?}");
    // Neither secrets nor an address are needed for a package, which Teams takes as well.
    let early = run(&plan, &["manifest", "teams", "--json", "--app-id", APP], "").await?;
    assert!(early.code() == Some(0) && early.err.contains("AI_CRM_PUBLIC_URL"), "{early:?}");
    assert_eq!(findings(&early.json()?)?, "");

    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "a letter")?;
    let kept = file.to_str().context("the path is text")?;
    let refused = run(&plan, &["manifest", "teams", "--app-id", APP, "--out", kept], "").await?;
    assert!(refused.code() == Some(1) && refused.err.contains("no package of this app"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file)?, "a letter");
    Ok(())
}

#[tokio::test]
async fn the_schema_would_find_what_is_wrong() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let manifest = run(&plan, &["manifest", "teams", "--json", "--app-id", APP], "").await?.json()?;
    for (path, value) in [
        ("/name/short", json!("x".repeat(31))),
        ("/bots/0/scopes/0", json!("group")),
        ("/bots/0/commandLists/0/commands", json!(vec![json!({ "title": "a", "description": "b" }); 11])),
        ("/composeExtensions/0/commands/0/title", json!("x".repeat(33))),
        ("/composeExtensions/0/commands/0/context/0", json!("chat")),
        ("/composeExtensions/0/commands/0/type", json!("search")),
        ("/composeExtensions/0/commands/0/parameters/0/inputType", json!("words")),
        ("/id", json!("ai-crm")),
    ] {
        let mut wrong = manifest.clone();
        *wrong.pointer_mut(path).with_context(|| path.to_owned())? = value;
        assert!(findings(&wrong)?.contains(path), "{path}");
    }
    Ok(())
}
