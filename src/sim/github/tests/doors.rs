//! Who is let in, and to what: the App, its tokens, what people may do in a repository.

use super::*;

#[tokio::test]
async fn the_app_proves_itself_and_takes_tokens_that_end_after_an_hour() {
    let stage = Stage::set().await;
    let app = stage.by(&stage.jwt(), "GET", "app", Value::Null).await;
    assert_eq!((&app.body["slug"], &app.body["id"]), (&json!("ai-crm"), &json!(seed::APP_ID)));
    let of = stage.by(&stage.jwt(), "GET", "repos/ACME/shop/installation", Value::Null).await;
    assert_eq!((of.status, &of.body["id"]), (200, &json!(seed::INSTALLATION)));
    let all = stage.by(&stage.jwt(), "GET", "app/installations", Value::Null).await;
    assert_eq!(all.body[0]["account"]["login"], "acme");
    let absent = stage.by(&stage.jwt(), "GET", "repos/globex/site/installation", Value::Null).await;
    assert_eq!((absent.status, absent.message()), (404, "Not Found"));

    assert_eq!(stage.get("repos/acme/shop").await.status, 200);
    let with_token = stage.by(&stage.token, "GET", "app", Value::Null).await;
    assert_eq!((with_token.status, with_token.message()), (401, "A JSON web token could not be decoded"));
    assert_eq!(stage.by("ghs_none", "GET", "repos/acme/shop", Value::Null).await.message(), "Bad credentials");
    let bare = stage.sent(stage.request("GET", "repos/acme/shop"), Value::Null).await;
    assert_eq!((bare.status, bare.message()), (401, "Requires authentication"));
    let anonymous = reqwest::Client::builder().no_proxy().build().unwrap();
    let nobody = anonymous.get(format!("{}app", stage.sim.api_url())).bearer_auth(stage.jwt()).send().await.unwrap();
    assert_eq!(nobody.status(), 403, "a User-Agent is needed");
    let before = broken(&stage);
    assert_eq!(before, ["unauthorized", "unauthorized", "unauthorized", "forbidden"]);

    stage.clock.advance(3_599_000);
    assert_eq!(stage.get("repos/acme/shop").await.status, 200);
    stage.clock.advance(1000);
    let ended = stage.get("repos/acme/shop").await;
    assert_eq!((ended.status, ended.message()), (401, "Bad credentials"));
    assert_eq!(ended.body["documentation_url"], "https://docs.github.com/rest/repos/repos#get-a-repository");
    assert_eq!(broken(&stage), before, "that a token ends is no breach");
}

#[tokio::test]
async fn a_token_sees_and_does_what_it_may_and_the_rest_is_not_there() {
    let stage = Stage::set().await;
    let issue = json!({"title": "x"});
    for (verb, path, status, message) in [
        ("GET", "repos/acme/attic", 404, "Not Found"),
        ("GET", "repos/acme/none", 404, "Not Found"),
        ("GET", "repos/globex/site", 200, ""),
        ("POST", "repos/globex/site/issues", 403, "Resource not accessible by integration"),
        ("POST", "repos/acme/attic/issues", 404, "Not Found"),
        ("POST", "repos/acme/vault/issues", 201, ""),
        ("GET", "nothing/at/all", 404, "Not Found"),
        ("GET", "repos/acme/shop/issues/0", 404, "Not Found"),
        ("GET", "repos/acme/shop/issues/x", 404, "Not Found"),
        ("GET", "users/nobody", 404, "Not Found"),
    ] {
        let answer = stage.call(verb, path, issue.clone()).await;
        assert_eq!((answer.status, answer.message()), (status, message), "{verb} {path}");
    }
    let narrow =
        stage.new_token(json!({"repositories": ["shop"], "permissions": {"issues": "read", "metadata": "read"}})).await;
    assert_eq!(stage.by(&narrow, "GET", "repos/acme/vault/issues", Value::Null).await.status, 404);
    assert_eq!(stage.by(&narrow, "POST", "repos/acme/shop/issues", issue).await.status, 403);
    let seen = stage.by(&narrow, "GET", "installation/repositories", Value::Null).await;
    assert_eq!((&seen.body["total_count"], &seen.body["repositories"][0]["name"]), (&json!(1), &json!("shop")));
    let path = format!("app/installations/{}/access_tokens", seed::INSTALLATION);
    for body in [
        json!({"permissions": {"administration": "write"}}),
        json!({"permissions": {"contents": "write"}}),
        json!({"repositories": ["attic"]}),
        json!({"repository_ids": [1]}),
    ] {
        assert_eq!(stage.by(&stage.jwt(), "POST", &path, body.clone()).await.status, 422, "{body}");
    }
    stage.act("ann", json!({"do": "suspend", "suspended": true}));
    for (proof, verb, at) in [(stage.token.clone(), "GET", "repos/acme/shop"), (stage.jwt(), "POST", path.as_str())] {
        let suspended = stage.by(&proof, verb, at, Value::Null).await;
        assert_eq!((suspended.status, suspended.message()), (403, "This installation has been suspended"));
    }
    stage.act("ann", json!({"do": "suspend", "suspended": false}));
    stage.act("ann", json!({"do": "uninstall"}));
    assert_eq!(stage.get("repos/acme/shop").await.status, 401, "tokens end with the installation");
}

#[tokio::test]
async fn permissions_are_those_of_each_repository() {
    let stage = Stage::set().await;
    let permission = async |repository: &str, login: &str| {
        let answer = stage.get(&format!("repos/acme/{repository}/collaborators/{login}/permission")).await;
        let word = |field: &str| answer.body[field].as_str().unwrap_or_default().to_owned();
        (answer.status, word("permission"), word("role_name"))
    };
    for (repository, login, old, role) in [
        ("shop", "ann", "admin", "admin"),
        ("shop", "MIA", "write", "maintain"),
        ("shop", "bob", "write", "write"),
        ("shop", "cleo", "read", "triage"),
        ("shop", "dan", "read", "read"),
        ("shop", "eve", "read", "read"),
        ("vault", "eve", "none", "none"),
    ] {
        assert_eq!(permission(repository, login).await, (200, old.to_owned(), role.to_owned()), "{repository} {login}");
    }
    assert_eq!(permission("shop", "nobody").await.0, 404);
    stage.act("ann", json!({"do": "permit", "login": "eve", "role": "triage"}));
    assert_eq!(permission("shop", "eve").await.2, "triage");
    stage.world().put_account(77, "zoë", Kind::User);
    assert!(stage.world().set_role("acme/shop", "zoë", Role::Write));
    let by_id = stage.get("user/77").await;
    assert_eq!((by_id.status, &by_id.body["type"]), (200, &json!("User")));
    for (who, act, part) in [
        ("dan", json!({"do": "permit", "login": "dan", "role": "admin"}), "it takes the role admin"),
        ("dan", json!({"do": "label", "number": 1, "labels": ["bug"]}), "they have read"),
        ("cleo", json!({"do": "push", "files": {"a": "b"}}), "it takes the role write"),
        ("nobody", json!({"do": "ping"}), "no user nobody"),
        ("ann", json!({"do": "comment", "number": 9, "text": "x"}), "no issue or pull request 9"),
        ("ann", json!({"do": "edit_comment", "id": 9, "text": "x"}), "no comment 9"),
    ] {
        let why = stage.refused(who, act);
        assert!(why.contains(part), "{why}");
    }
}
