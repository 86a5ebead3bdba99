//! Comments, their marks, what is found again, and how people stand, against a GitHub of the tests (`testing.rs`).

use serde_json::{Value, json};

use super::*;
use crate::channels::github::comments::bodies;
use crate::channels::github::markdown;
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
    let numbers: Vec<String> = (1000..1000 + parts).map(|number| number.to_string()).collect();
    let first = Delivered { platform_id: format!("issue_comment/{}", numbers.join("+")), via: "comment" };
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
    assert!(channel.deliver(&delivery).await.unwrap().platform_id.starts_with("issue_comment/1000+1001"));
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
    assert_eq!(channel.deliver(&change).await, Ok(changed));
    assert!(body(&hub, 0).contains("Done T-1"));
    assert_eq!(hub.comments.lock().unwrap().len(), 1);

    hub.comments.lock().unwrap().clear();
    change.card = card();
    hub.oddly(COMMENTS, Odd::Loses);
    assert!(matches!(channel.deliver(&change).await, Err(DeliverError::UnknownOutcome { .. })));
    assert!(matches!(channel.look_up(&change).await, Ok(Lookup::Done(_))), "the one that was posted anew");

    change.replaces = Some("1000".to_owned());
    assert!(matches!(channel.deliver(&change).await, Err(DeliverError::Rejected { .. })));
}

/// Of a card in place of another, what the receipt names, and the words of each comment that is there then.
async fn changed_to(channel: &GitHubChannel, hub: &Hub, key: &str, replaces: &str, card: Card) -> (String, Vec<u64>) {
    let replaces = Some(replaces.to_owned());
    let change = Delivery { idempotency_key: key.to_owned(), replaces, ..delivery(card) };
    let delivered = channel.deliver(&change).await.unwrap();
    assert_eq!(
        channel.look_up(&change).await.unwrap(),
        Lookup::Done(Delivered { via: "comment", ..delivered.clone() })
    );
    let ids = hub.comments.lock().unwrap().iter().filter_map(|comment| comment["id"].as_u64()).collect();
    (delivered.platform_id, ids)
}

#[tokio::test]
async fn a_card_that_is_changed_has_as_many_comments_as_it_needs() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let first = channel.deliver(&delivery(card())).await.unwrap();
    let parts = u64::try_from(bodies(&delivery(long())).len()).unwrap();
    let (id, ids) = changed_to(&channel, &hub, "k2", &first.platform_id, long()).await;
    assert_eq!(ids, (1000..1000 + parts).collect::<Vec<_>>());
    let all = ids.iter().map(u64::to_string).collect::<Vec<_>>().join("+");
    assert_eq!(id, format!("issue_comment/{all}"));
    let (id, ids) = changed_to(&channel, &hub, "k3", &id, Card::new("Done T-1")).await;
    assert_eq!((id.as_str(), ids), ("issue_comment/1000", vec![1000]), "what is left over is taken away");
    assert!(body(&hub, 0).contains("Done T-1"));
}

#[tokio::test]
async fn behind_a_comment_that_somebody_has_deleted_all_are_written_anew_in_order() {
    let (hub, url) = start().await;
    let channel = channel(&url);
    let first = channel.deliver(&delivery(long())).await.unwrap();
    let parts = bodies(&delivery(long())).len();
    hub.comments.lock().unwrap().remove(1);
    let (_, ids) = changed_to(&channel, &hub, "k2", &first.platform_id, long()).await;
    assert_eq!((ids.len(), ids[0]), (parts, 1000));
    assert!(ids.is_sorted() && ids[1..].iter().all(|id| *id >= 1000 + parts as u64), "{ids:?}");
}

#[tokio::test]
async fn a_change_of_several_comments_that_breaks_off_goes_on_after_a_restart() {
    let (hub, url) = start().await;
    let first = channel(&url).deliver(&delivery(long())).await.unwrap();
    let replaces = Some(first.platform_id.clone());
    let card = (0..60).fold(Card::new("Other"), |card, _| card.text("words ".repeat(500)));
    let change = Delivery { idempotency_key: "k2".to_owned(), replaces, ..delivery(card) };
    hub.oddly_after(1, "PATCH ", Odd::Loses);
    assert!(matches!(channel(&url).deliver(&change).await, Err(DeliverError::UnknownOutcome { .. })));
    let restarted = channel(&url);
    assert_eq!(restarted.look_up(&change).await, Ok(Lookup::NotDone), "two of them are changed");
    let before = hub.calls().len();
    let replaces = Some(restarted.deliver(&change).await.unwrap().platform_id);
    let written = hub.calls()[before..].iter().filter(|call| !call.starts_with("GET ")).count();
    assert_eq!(written, bodies(&change).len() - 2, "what is changed is not changed again");
    assert_eq!(hub.comments.lock().unwrap().len(), bodies(&change).len());
    // What was left over and is still there is taken away by the next try.
    let short = Delivery { idempotency_key: "k3".to_owned(), replaces, card: Card::new("Short"), ..change };
    hub.oddly("DELETE ", Odd::Loses);
    assert!(matches!(channel(&url).deliver(&short).await, Err(DeliverError::UnknownOutcome { .. })));
    let restarted = channel(&url);
    assert_eq!(restarted.look_up(&short).await, Ok(Lookup::NotDone));
    assert_eq!(restarted.deliver(&short).await.unwrap().platform_id, "issue_comment/1000");
    assert_eq!(hub.comments.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_comment_of_a_topic_is_found_by_its_mark_where_nobody_remembers_it() {
    let (hub, url) = start().await;
    let of = |topic: &str, key: &str, card: Card| {
        let (topic, key) = (Some(topic.to_owned()), key.to_owned());
        Delivery { topic, idempotency_key: key, ..delivery(card) }
    };
    hub.oddly(COMMENTS, Odd::Loses);
    let lost = channel(&url).deliver(&of("triage/2", "k1", card())).await;
    assert!(matches!(lost, Err(DeliverError::UnknownOutcome { .. })), "{lost:?}");
    // Who wrote it has given up. What is said of the topic next goes on in it.
    let said = channel(&url).deliver(&of("triage/2", "k2", Card::new("Said later"))).await.unwrap();
    assert_eq!(said, Delivered { platform_id: "issue_comment/1000".to_owned(), via: "update" });
    assert!(body(&hub, 0).contains("Said later"));
    let other = channel(&url).deliver(&of("triage/3", "k3", card())).await.unwrap();
    assert_eq!(other.platform_id, "issue_comment/1001", "another topic");
    // A mark that somebody else has written is none.
    let marks = markdown::marker("k") + &markdown::topic_marker("1#free");
    hub.comments.lock().unwrap().push(somebodys(7, &format!("{marks}\nhello")));
    let own = channel(&url).deliver(&of("free", "k4", card())).await.unwrap();
    assert_ne!(own.platform_id, "issue_comment/7");
    hub.comments.lock().unwrap().clear();
    channel(&url).deliver(&of("triage/2", "k5", card())).await.unwrap();
    assert_eq!(hub.comments.lock().unwrap().len(), 1, "it was deleted, and is written anew");
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
