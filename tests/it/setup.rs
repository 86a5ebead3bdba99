//! The first start: with no configuration at all, and with a wrong one. What is wrong is named with its mend.

use crate::stage::run;
use crate::support::server::ServerPlan;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_configuration_it_starts_and_says_what_is_off() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let server = plan.start().await?;
    let said = server.greeting().await?;
    for part in [
        "off slack",
        "SLACK_SIGNING_SECRET",
        "SLACK_BOT_TOKEN",
        "on  terminal",
        "master.key",
        "admin.token",
        "ai-crm chat",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let second = run(&plan, &["serve"], "").await?;
    assert_eq!(second.code(), Some(1), "{second:?}");
    assert!(second.err.contains("a server runs on"), "{second:?}");
    let off = reqwest::Client::builder().no_proxy().build()?.post(format!("{}/slack/events", server.base_url()));
    assert_eq!(off.body("{}").send().await?.status().as_u16(), 503);
    let chat = run(&plan, &["chat", "--json", "task create \"Nothing was set up\""], "").await?;
    assert_eq!(chat.code(), Some(0), "{chat:?}");
    let piped = run(&plan, &["chat"], "task list\nhelp\n").await?;
    assert!(piped.out.contains("Nothing was set up") && piped.out.contains("What you may ask here"), "{piped:?}");
    let doctor = run(&plan, &["doctor"], "").await?;
    assert_eq!(doctor.code(), Some(0), "{doctor:?}");
    assert!(doctor.out.contains("slack: off: "), "{doctor:?}");
    assert!(server.stop().await?.success());

    // Without a server the same commands work on the data folder itself.
    let rotated = run(&plan, &["keys", "rotate"], "").await?;
    assert!(rotated.code() == Some(0) && rotated.out.contains("every value is sealed with it"), "{rotated:?}");
    let chat = run(&plan, &["chat", "task", "list"], "").await?;
    assert!(chat.code() == Some(0) && chat.out.contains("Nothing was set up"), "{chat:?}");
    // Options of the program may stand behind the words, as the data folder does here.
    let chat = run(&plan, &["chat", "task", "list", "--json"], "").await?;
    assert!(chat.code() == Some(0) && chat.json()?["cards"].is_array(), "{chat:?}");
    let slack = run(&plan, &["sim", "slack", "/ai-crm task list"], "").await?;
    assert!(slack.code() == Some(0) && slack.out.contains("Nothing was set up"), "{slack:?}");
    let listed = run(&plan, &["events", "list", "--json"], "").await?.json()?;
    assert!(listed["events"].as_array().is_some_and(|events| events.len() >= 5), "{listed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_up_wrongly_is_named_with_its_mend() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let file = folder.path().join("own.toml");
    let with_file = |text: &str| -> anyhow::Result<[String; 3]> {
        std::fs::write(&file, text)?;
        Ok(["serve".to_owned(), "--config".to_owned(), file.display().to_string()])
    };
    for (text, parts) in [
        ("[server]\nlisen = '127.0.0.1:0'\n", vec!["server.lisen", "server.listen", "own.toml:2"]),
        ("[ledger]\nin_flight = 'many'\n", vec!["ledger.in_flight"]),
        ("not toml at all", vec!["own.toml"]),
        ("[policy]\nfolder = '/nowhere/at/all'\n", vec!["policy.folder", "/nowhere/at/all"]),
        ("[channels.slack]\nsigning_secret = 'hush-hush'\n", vec!["slack is set up in part", "SLACK_BOT_TOKEN"]),
    ] {
        let words = with_file(text)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = run(&plan, &words, "").await?;
        assert_eq!(printed.code(), Some(1), "{text}: {printed:?}");
        for part in parts {
            assert!(printed.err.contains(part), "{part}: {}", printed.err);
        }
        assert!(!printed.err.contains("hush-hush"), "{printed:?}");
    }
    for (name, value, part) in [
        ("SLACK_BOT_TOKEN", "xoxb-alone", "SLACK_SIGNING_SECRET"),
        ("AI_CRM__SERVER__LISEN", "x", "AI_CRM__SERVER__LISTEN"),
        ("AI_CRM__SERVER__LISTEN", "everywhere", "server.listen"),
        ("AI_CRM_MASTER_KEY", "too-short", "base64 of 32 bytes"),
        ("AI_CRM_ADMIN_TOKEN", "env:NOBODY_SET_THIS", "NOBODY_SET_THIS"),
    ] {
        let printed = run(&plan.clone().with(name, value), &["serve"], "").await?;
        assert_eq!(printed.code(), Some(1), "{name}: {printed:?}");
        assert!(printed.err.contains(part), "{part}: {}", printed.err);
        assert!(!printed.err.contains("xoxb-alone") && !printed.err.contains("too-short"), "{printed:?}");
    }
    for wrong in
        [vec!["srve"], vec!["events", "list", "--state", "odd"], vec!["why"], vec!["policy", "explain"], vec![]]
    {
        let printed = run(&plan, &wrong, "").await?;
        assert_eq!(printed.code(), Some(2), "{wrong:?}: {printed:?}");
        assert!(!printed.err.is_empty());
    }
    for right in [vec!["--help"], vec!["--version"], vec!["events", "--help"], vec!["sim", "slack", "--help"]] {
        assert_eq!(run(&plan, &right, "").await?.code(), Some(0), "{right:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hardly_meant_is_said_at_the_start() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data")).with("SLACK_SIGNIN_SECRET", "hush-hush");
    let server = plan.start().await?;
    let said = server.greeting().await?;
    assert!(said.contains("warning: the variable SLACK_SIGNIN_SECRET is not used"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_looks_at_the_rest_where_nothing_starts() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data")).with("AI_CRM_ADMIN_TOKEN", "hush-1,hush-2");
    let well = run(&plan, &["doctor"], "").await?;
    assert_eq!(well.code(), Some(0), "{well:?}");
    for part in
        ["secrets: admin.token: plain text", "two values", "secrets: store.master_key: kept in", "disk: ", "clock: "]
    {
        assert!(well.out.contains(part), "{part}: {well:?}");
    }
    std::fs::remove_file(plan.data().join("master.key"))?;
    let ill = run(&plan, &["doctor"], "").await?;
    assert_eq!(ill.code(), Some(1), "{ill:?}");
    for part in [
        "BAD      store: ",
        "master.key is missing",
        "mend: ",
        "ok       disk: ",
        "ok       policy: ",
        "ok       clock: ",
    ] {
        assert!(ill.out.contains(part), "{part}: {ill:?}");
    }
    assert!(!format!("{well:?}{ill:?}").contains("hush"), "no value is told");
    let wrong = run(&plan.clone().with("AI_CRM__SERVER__LISEN", "x"), &["doctor", "--json"], "").await?;
    assert_eq!((wrong.code(), wrong.json()?["well"].clone()), (Some(1), false.into()), "{wrong:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_judged_by_the_command_line_and_nothing_is_made() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let own = folder.path().join("policies");
    std::fs::create_dir(&own)?;
    std::fs::write(own.join("bad.cedar"), "permit (principal, action == Action::\"task.crate\", resource);")?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let checked = run(&plan, &["policy", "check", "--json"], "").await?;
    assert_eq!((checked.code(), checked.json()?["files"]["valid"].clone()), (Some(0), true.into()), "{checked:?}");
    assert_eq!(run(&plan, &["policy", "test"], "").await?.code(), Some(0));
    let bad = plan.clone().with("AI_CRM__POLICY__FOLDER", &own.display().to_string());
    let checked = run(&bad, &["policy", "check", "--json"], "").await?;
    assert_eq!((checked.code(), checked.json()?["files"]["valid"].clone()), (Some(1), false.into()), "{checked:?}");
    let tested = run(&bad, &["policy", "test", "--json"], "").await?;
    assert!(tested.code() == Some(1) && tested.json()?["issues"].to_string().contains("bad.cedar"), "{tested:?}");
    assert!(!plan.data().exists(), "no data folder is made");

    // Beside a server whose policies are good, the files of this command line are judged all the same.
    let server = plan.start().await?;
    let checked = run(&bad, &["policy", "check", "--json"], "").await?;
    assert_eq!(checked.code(), Some(1), "{checked:?}");
    assert!(checked.json()?["in_use"].is_string(), "{checked:?}");
    let unknown = run(&plan, &["policy", "explain", "task.crate"], "").await?;
    assert!(unknown.code() == Some(1) && unknown.err.contains("`task.create`"), "{unknown:?}");
    let owner =
        run(&plan, &["policy", "explain", "task.create", "--person", "terminal:local/ada", "--json"], "").await?;
    assert_eq!(owner.json()?["subject"]["role"], "owner", "{owner:?}");
    assert!(server.stop().await?.success());
    Ok(())
}
