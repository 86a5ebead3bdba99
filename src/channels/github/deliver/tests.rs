//! Comments, their marks, what is found again, and how people stand, against a GitHub of the tests (`testing.rs`).

use serde_json::{Value, json};

use super::*;
use crate::channels::github::testing::{
    APP, Hub, NOW, Odd, Ticking, address, call, channel, channel_at, delivery, start,
};
use crate::domain::card::Card;
use crate::domain::principal::Standing;

const COMMENTS: &str = "POST /repos/Acme/Shop/issues/7/comments";

fn card() -> Card {
    Card::new("Created T-1")
}

/// A card that no single comment holds.
fn long() -> Card {
    let card = (0..60).fold(card(), |card, _| card.text("word ".repeat(500)));
    assert!(bodies(&delivery(card.clone())).len() > 2);
    card
}

fn body(hub: &Hub, index: usize) -> String {
    hub.comments.lock().unwrap()[index]["body"].as_str().unwrap().to_owned()
}

fn somebodys(id: u64, body: &str) -> Value {
    json!({ "id": id, "body": body, "user": { "login": "ann", "type": "User" } })
}

#[tokio::test]
async fn a_card_is_a_comment_with_its_key_and_is_found_again() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let mut delivery = delivery(card());
    delivery.to.quotes = Some("/ai-crm task create It breaks".to_owned());
    assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
    let delivered = channel.deliver(&delivery).await.unwrap();
    assert_eq!(delivered, Delivered { platform_id: "issue_comment/1000".to_owned(), via: "comment" });
    let mark = markdown::marker("default/e-17.0@1");
    assert!(body(&hub, 0).starts_with(&format!("{mark}\n> ")), "{}", body(&hub, 0));
    assert!(body(&hub, 0).contains("\n\n") && body(&hub, 0).contains("T-1"));
    assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::Done(delivered)));
    let asked = hub.all("GET /repos/Acme/Shop/issues/7/comments");
    assert_eq!(asked[0].query, "per_page=50&page=1&since=2018-07-12T18%3A31%3A58Z", "five minutes before");
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_found_and_not_posted_again() {
    let (hub, url) = start().await;
    let (first_process, delivery) = (channel(&url), delivery(card()));
    hub.oddly(COMMENTS, Odd::Loses);
    assert!(matches!(first_process.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
    let found = channel(&url).look_up(&delivery).await.unwrap();
    assert_eq!(found, Lookup::Done(Delivered { platform_id: "issue_comment/1000".to_owned(), via: "comment" }));
    hub.oddly(COMMENTS, Odd::Answers(201, vec![], "in no known form".to_owned()));
    let delivered = first_process.deliver(&delivery).await.unwrap();
    assert_eq!(delivered.platform_id, delivered.via, "it was done, and has no id that we know");
}

#[tokio::test]
async fn each_part_of_a_long_card_is_posted_once_whatever_breaks() {
    let (hub, url) = start().await;
    let delivery = delivery(long());
    let parts = bodies(&delivery).len();
    // The first is posted, the second is posted and its answer lost.
    hub.oddly_after(1, COMMENTS, Odd::Loses);
    let lost = channel(&url).deliver(&delivery).await;
    assert!(matches!(lost, Err(DeliverError::UnknownOutcome { .. })), "{lost:?}");
    assert_eq!(hub.comments.lock().unwrap().len(), 2);
    let restarted = channel(&url);
    assert_eq!(restarted.look_up(&delivery).await, Ok(Lookup::NotDone));
    let first = Delivered { platform_id: "issue_comment/1000".to_owned(), via: "comment" };
    assert_eq!(restarted.deliver(&delivery).await, Ok(first.clone()));
    assert_eq!(hub.comments.lock().unwrap().len(), parts);
    assert_eq!(restarted.look_up(&delivery).await, Ok(Lookup::Done(first)));
    assert!(body(&hub, 1).starts_with(&markdown::marker("default/e-17.0@1#2")));
}

#[tokio::test]
async fn a_limit_in_the_middle_of_a_long_card_goes_on_where_it_stopped() {
    let (hub, url) = start().await;
    let clock = Arc::new(Ticking::at(NOW));
    let (channel, delivery) = (channel_at(&url, clock.clone()), delivery(long()));
    hub.oddly_after(1, COMMENTS, Odd::Answers(403, vec![("retry-after", "7".to_owned())], String::new()));
    let after = Duration::from_secs(7);
    assert_eq!(channel.deliver(&delivery).await, Err(DeliverError::RateLimited { after }));
    clock.set(NOW.after(after));
    assert_eq!(channel.deliver(&delivery).await.unwrap().platform_id, "issue_comment/1000");
    assert_eq!(hub.comments.lock().unwrap().len(), bodies(&delivery).len());
}

#[tokio::test]
async fn a_mark_is_looked_for_over_pages_and_only_what_the_app_wrote_counts() {
    let (hub, url) = start().await;
    let (channel, delivery) = (channel(&url), delivery(card()));
    let mark = markdown::marker(&delivery.idempotency_key);
    let ours = |id: u64, body: String| json!({ "id": id, "body": body, "performed_via_github_app": { "id": APP } });
    let strangers = [
        somebodys(1, &format!("{mark}\nI was here")),
        json!({ "id": 2, "body": format!("{mark}\nx"), "performed_via_github_app": { "id": 5 },
                "user": { "login": "ai-crm[bot]" } }),
        ours(3, format!("> {mark}\nquoted")),
        json!({ "id": 4, "body": null }),
    ];
    hub.comments.lock().unwrap().extend(strangers);
    for id in 5..=120 {
        hub.comments.lock().unwrap().push(somebodys(id, "words"));
    }
    assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
    // As it stands after somebody has edited it in a browser.
    hub.comments.lock().unwrap().push(ours(121, format!("{mark}\r\nCreated T-1\r\n")));
    let found = Delivered { platform_id: "issue_comment/121".to_owned(), via: "comment" };
    assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::Done(found)));
    let pages: Vec<String> =
        hub.all("GET /repos/Acme/Shop/issues/7/comments").iter().map(|seen| seen.query[12..18].to_owned()).collect();
    assert_eq!(pages, ["page=1", "page=2", "page=3", "page=1", "page=2", "page=3"]);

    // By an older server, which names no app.
    let by_login = json!({ "id": 9, "body": format!("{mark}\nx"), "user": { "login": "ai-crm[bot]" } });
    *hub.comments.lock().unwrap() = vec![by_login];
    assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::Done(_))));

    *hub.comments.lock().unwrap() = (0..1001).map(|id| somebodys(id, "words")).collect();
    assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::CannotTell(_))));
}

#[tokio::test]
async fn a_comment_is_changed_in_place_and_posted_anew_where_it_is_gone() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    channel.deliver(&delivery(card())).await.unwrap();
    let replaces = Some("issue_comment/1000".to_owned());
    let mut change =
        Delivery { idempotency_key: "default/e-18.0@1".to_owned(), replaces, ..delivery(Card::new("Done T-1")) };
    let changed = Delivered { platform_id: "issue_comment/1000".to_owned(), via: "update" };
    assert_eq!(channel.deliver(&change).await, Ok(changed.clone()));
    assert!(body(&hub, 0).contains("Done T-1"));
    assert_eq!(hub.comments.lock().unwrap().len(), 1);

    // What does not fit is counted in the one comment.
    change.card = long();
    assert_eq!(channel.deliver(&change).await, Ok(changed));
    let shown = body(&hub, 0);
    assert!(shown.chars().count() < 65_536 && shown.chars().count() > 40_000, "{}", shown.chars().count());
    assert_eq!(hub.comments.lock().unwrap().len(), 1);

    hub.comments.lock().unwrap().clear();
    change.card = card();
    hub.oddly(COMMENTS, Odd::Loses);
    assert!(matches!(channel.deliver(&change).await, Err(DeliverError::UnknownOutcome { .. })));
    assert!(matches!(channel.look_up(&change).await, Ok(Lookup::Done(_))), "the one that was posted anew");

    change.replaces = Some("1000".to_owned());
    assert!(matches!(channel.deliver(&change).await, Err(DeliverError::Rejected { .. })));
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    for (status, message, expected) in [
        (404, "Not Found", "out of reach: HTTP 404"),
        (410, "This issue was deleted", "out of reach: HTTP 410"),
        (403, "Unable to create comment because issue is locked.", "out of reach: HTTP 403 Unable to create comment"),
        (422, "Validation Failed", "rejected: HTTP 422"),
        (500, "Server Error", "no answer, so it may have been done: HTTP 500"),
        (503, "Unavailable", "unavailable: HTTP 503"),
    ] {
        hub.refuses(COMMENTS, status, message);
        let failed = channel.deliver(&delivery(card())).await.unwrap_err().to_string();
        assert!(failed.starts_with(expected), "{failed}");
    }
    for (place, thread) in [("Acme", Some("7")), ("Acme/..", Some("7")), ("Acme/Shop", None), ("Acme/Shop", Some("0"))]
    {
        let to = Address { place: place.to_owned(), thread: thread.map(str::to_owned), ..address() };
        let failed = channel.deliver(&Delivery { to, ..delivery(card()) }).await.unwrap_err();
        assert!(matches!(failed, DeliverError::Rejected { .. }), "{failed}");
    }
    // The owner of the App is known since, and is the only one.
    channel.accounts.learn(Some("other"));
    let failed = channel.deliver(&delivery(card())).await.unwrap_err().to_string();
    assert!(failed.contains("out of reach: Acme/Shop is of an account that is not this team's"), "{failed}");
    let failed = channel.call(&call("github.reopen", json!({}))).await.unwrap_err().to_string();
    assert!(failed.contains("not this team's"), "{failed}");
    assert_eq!(hub.comments.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn people_stand_in_a_repository_as_its_permissions_say() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let user = PlatformUser { channel: ChannelName::GitHub, realm: "github.com".to_owned(), id: "21031067".to_owned() };
    let person = json!({ "id": 21_031_067, "login": "ann", "type": "User" });
    for (person, role, private, standing) in [
        (person.clone(), "admin", true, Standing::Member),
        (person.clone(), "maintain", false, Standing::Member),
        (person.clone(), "write", false, Standing::Member),
        (person.clone(), "triage", false, Standing::Member),
        (person.clone(), "read", true, Standing::Guest),
        (person.clone(), "read", false, Standing::Stranger),
        (person.clone(), "none", false, Standing::Stranger),
        (json!({ "login": "dependabot[bot]", "type": "Bot" }), "write", false, Standing::Bot),
        (json!({ "login": "ann", "type": "User", "suspended_at": "2018" }), "admin", false, Standing::Deactivated),
    ] {
        hub.answers("GET /user/21031067", person.clone());
        let permission = json!({ "permission": "x", "role_name": role });
        hub.answers("GET /repos/Acme/Shop/collaborators/ann/permission", permission);
        hub.answers("GET /repos/Acme/Shop", json!({ "private": private }));
        let profile = channel.profile("77", &user, Some(&address())).await.unwrap().unwrap();
        let name = person["login"].as_str().unwrap();
        assert_eq!((&*profile.name, profile.standing), (name, standing), "{role} {private}");
    }
    // Whoever has installed the App too may do nothing here, whatever they may do there.
    hub.answers("GET /user/21031067", person);
    let theirs = Address { place: "Evil/Shop".to_owned(), ..address() };
    hub.answers("GET /repos/Evil/Shop/collaborators/ann/permission", json!({ "role_name": "admin" }));
    let profile = channel.profile("77", &user, Some(&theirs)).await.unwrap().unwrap();
    assert_eq!(profile.standing, Standing::Stranger);

    hub.answers.lock().unwrap().clear();
    assert_eq!(channel.profile("77", &user, Some(&address())).await, Ok(None));
    assert!(channel.profile("77", &user, None).await.is_err());
    assert!(channel.describes_by_place() && channel.standing_by_place());
}
