//! Modals that are updated and typed in.

use super::*;

const ADA: &str = "U0ADA0001";

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

/// A modal with a title that dispatches on Enter, a menu, and a note.
fn modal(note: &str) -> Value {
    let config = json!({"trigger_actions_on": ["on_enter_pressed"]});
    let text = json!({"type": "plain_text_input", "action_id": "t", "dispatch_action_config": config});
    let option = |value: &str| json!({"text": plain(value), "value": value});
    let menu = json!({"type": "static_select", "action_id": "m", "initial_option": option("low"),
        "option_groups": [{"label": plain("All"), "options": [option("low"), option("high")]}]});
    let input = |name: &str, element: &Value| {
        json!({"type": "input", "block_id": name, "label": plain(name),
        "element": element})
    };
    let mut title = input("title", &text);
    title["dispatch_action"] = json!(true);
    let blocks = [title, input("priority", &menu), json!({"type": "section", "block_id": "n", "text": plain(note)})];
    json!({"type": "modal", "title": plain("Task"), "submit": plain("Save"), "blocks": blocks})
}

/// An open modal of Ada's: its id and its hash.
async fn opened(stage: &Stage, sender: &Sender) -> (String, String) {
    let trigger_id = sender.prepare_slash(ADA, "C0GENERAL", "/ai-crm", "x").unwrap().trigger_id;
    let opened = stage.json("views.open", json!({"trigger_id": trigger_id, "view": modal("first")})).await;
    let text = |name: &str| opened["view"][name].as_str().unwrap().to_owned();
    (text("id"), text("hash"))
}

fn sender(stage: &Stage) -> Sender {
    Sender::new(stage.world().clone(), SenderConfig::new("http://127.0.0.1:9", "secret")).unwrap()
}

#[tokio::test]
async fn an_update_takes_the_place_of_the_version_that_it_names() {
    let stage = Stage::set().await;
    let (id, hash) = opened(&stage, &sender(&stage)).await;
    let update = |arguments: Value| stage.json("views.update", arguments);
    let second = update(json!({"view_id": id, "hash": hash, "view": modal("second")})).await;
    assert_eq!((&second["ok"], &second["view"]["id"]), (&json!(true), &json!(id)));
    assert_ne!(second["view"]["hash"], json!(hash));
    let mut named = modal("third");
    named["external_id"] = json!("mine");
    assert_eq!(update(json!({"view_id": id, "view": named})).await["ok"], true, "without a hash it always is");
    assert_eq!(update(json!({"external_id": "mine", "view": named})).await["ok"], true);
    let (other, _) = opened(&stage, &sender(&stage)).await;

    let section = json!({"type": "section", "text": plain(&"x".repeat(2500))});
    let with = |name: &str, value: Value| {
        let mut view = modal("x");
        view[name] = value;
        view
    };
    let large = with("blocks", vec![section; 100].into());
    for (arguments, error) in [
        (json!({"view_id": id, "hash": hash, "view": modal("late")}), "hash_conflict"),
        (json!({"view_id": "V0", "view": modal("x")}), "not_found"),
        (json!({"external_id": "theirs", "view": modal("x")}), "not_found"),
        (json!({"view_id": id, "view": large}), "view_too_large"),
        (json!({"view_id": other, "view": named}), "duplicate_external_id"),
        (json!({"view": modal("x")}), "invalid_arguments"),
        (json!({"view_id": id, "external_id": "mine", "view": modal("x")}), "invalid_arguments"),
        (json!({"view_id": id}), "invalid_arguments"),
        (json!({"view_id": id, "view": home(1)}), "invalid_arguments"),
        (json!({"view_id": id, "view": with("blocks", json!([]))}), "invalid_arguments"),
    ] {
        assert_eq!(update(arguments.clone()).await["error"], error, "{arguments}");
    }
    let mut odd = modal("x");
    odd["blocks"][0]["element"]["dispatch_action_config"] = json!({"trigger_actions_on": ["on_blur"]});
    assert_eq!(update(json!({"view_id": id, "view": odd})).await["error"], "invalid_arguments");
    assert_eq!(stage.world().views()[0].view["external_id"], "mine");
}

#[tokio::test]
async fn what_is_filled_in_stays_where_its_input_comes_again() {
    let stage = Stage::set().await;
    let sender = sender(&stage);
    let (id, _) = opened(&stage, &sender).await;
    let request = sender.enter(&id, "title", "Fix it").unwrap();
    let body: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let payload: Value = serde_json::from_str(&body["payload"]).unwrap();
    assert_eq!((&payload["type"], &payload["view"]["id"]), (&json!("block_actions"), &json!(id)));
    let action = &payload["actions"][0];
    assert_eq!((&action["block_id"], &action["value"]), (&json!("title"), &json!("Fix it")));
    let values = &payload["view"]["state"]["values"];
    assert_eq!(values["title"]["t"], json!({"type": "plain_text_input", "value": "Fix it"}));
    assert_eq!(values["priority"]["m"]["selected_option"]["value"], "low", "what nobody has touched is there too");
    let refused = sender.enter(&id, "priority", "high");
    assert_eq!(refused, Err(sender::SendError::NoDispatch("priority".to_owned())));

    let mut next = modal("second");
    next["blocks"][0]["element"]["initial_value"] = json!("not this");
    assert_eq!(stage.json("views.update", json!({"view_id": id, "view": next})).await["ok"], true);
    let read = || sender.fill_in(&id, &Default::default()).unwrap();
    assert_eq!(read()["title"]["t"]["value"], "Fix it");
    assert_eq!(read()["priority"]["m"]["selected_option"]["value"], "high");
    let shown = show::modal(&stage.world().views()[0], &stage.world().names(), 80);
    assert!(shown.contains("[ Fix it ]") && shown.contains("[ high ]") && shown.contains("second"), "{shown}");

    let mut renamed = modal("third");
    renamed["blocks"][0]["element"]["action_id"] = json!("another");
    stage.json("views.update", json!({"view_id": id, "view": renamed})).await;
    assert_eq!(read()["title"]["another"]["value"], Value::Null, "another input begins anew");
    assert_eq!(read()["priority"]["m"]["selected_option"]["value"], "high");
}
