//! Settings → API keys and Canned replies over HTTP, and the page that describes the API.

use parlor::domain::agent::Role;

use super::{AGENT, NASTY};
use crate::auth_browser::{Browser, OWNER, agent, app, count};

const KEY: &[(&str, &str)] = &[
    ("name", "Helper"),
    ("scope_chats_read", "on"),
    ("scope_chats_write", "on"),
    ("lifetime", "30"),
    ("acts_as", "new"),
    ("bot_name", "Tea Bot"),
];

/// The same form with one field changed.
fn but(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let rest = KEY.iter().filter(|(field, _)| *field != name);
    rest.copied().chain([(name, value)]).collect()
}

#[test]
fn a_key_is_shown_once_listed_and_revoked() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    assert!(owner.get("/settings/keys").body.contains("No program"));

    let made = owner.post("/settings/keys/new", &but("name", NASTY));

    assert_eq!(made.status, 200, "{}", made.body);
    assert!(made.body.contains("parlor_") && !made.body.contains("<script>alert"));
    let secret = made.body.split("<pre id=\"key\"").nth(1).unwrap();
    let secret = secret.split('>').nth(1).unwrap().split('<').next().unwrap();
    assert!(secret.starts_with("parlor_"), "{secret}");
    let id = count(app.db(), "select id from api_keys");
    let one = format!("/settings/keys/{id}");
    for page in [owner.get("/settings/keys"), owner.get(&one)] {
        assert_eq!(page.status, 200);
        assert!(page.body.contains("Tea Bot") && !page.body.contains(secret));
        assert!(!page.body.contains("<script>alert"), "names are text");
    }
    let bots = "select count(*) from agents where is_bot = 1 and status = 'not_accepting'";
    assert_eq!(count(app.db(), bots), 1);
    let people = owner.get("/settings/agents");
    assert!(people.body.contains("Tea Bot"), "{}", people.body);

    let revocation = format!("{one}/revocation");
    assert_eq!(owner.post(&revocation, &[]).status, 303);
    assert_eq!(owner.post(&revocation, &[]).status, 404, "it has ended");
    assert_eq!(owner.get("/settings/keys/77").status, 404);
    assert_eq!(owner.get("/settings/keys/x").status, 404);
}

#[test]
fn what_is_wrong_with_a_key_is_said_and_makes_none() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let no_scope: Vec<_> = KEY
        .iter()
        .filter(|(field, _)| !field.starts_with("scope"))
        .copied()
        .collect();
    for form in [
        no_scope,
        but("name", " "),
        but("bot_name", ""),
        but("acts_as", "77"),
        but("lifetime", "31"),
        but("scope_web_tracking_sdk", "on"),
    ] {
        let refused = owner.post("/settings/keys/new", &form);
        assert_eq!(refused.status, 422, "{form:?}");
    }
    assert_eq!(count(app.db(), "select count(*) from api_keys"), 0);
    assert_eq!(
        count(app.db(), "select count(*) from agents where is_bot = 1"),
        0
    );
}

#[test]
fn a_canned_reply_is_written_changed_offered_and_deleted() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let path = "/settings/canned-replies";
    let reply = [("shortcut", "hi"), ("text", NASTY)];

    assert_eq!(owner.post(path, &reply).status, 303);

    assert_eq!(
        owner.post(path, &reply).status,
        422,
        "the shortcut is taken"
    );
    for bad in [
        [("shortcut", ""), ("text", "x")],
        [("shortcut", "two words"), ("text", "x")],
        [("shortcut", "bye"), ("text", " ")],
    ] {
        assert_eq!(owner.post(path, &bad).status, 422, "{bad:?}");
    }
    assert!(!owner.get(path).body.contains("<script>alert"));
    let offered = owner.get("/canned-replies.json");
    let offered: serde_json::Value = serde_json::from_str(&offered.body).unwrap();
    assert_eq!(offered["items"][0]["text"], NASTY);
    let id = count(app.db(), "select id from canned_replies");
    let one = format!("{path}/{id}");
    let changed = owner.post(&one, &[("shortcut", "hello"), ("text", "Good morning")]);
    assert_eq!(changed.status, 303);
    assert!(owner.get(&one).body.contains("Good morning"));
    let deletion = format!("{one}/deletion");
    assert_eq!(owner.post(&deletion, &[]).status, 303);
    assert_eq!(owner.post(&deletion, &[]).status, 404);
    assert_eq!(owner.get(&one).status, 404);
}

#[test]
fn agents_use_replies_and_make_neither_keys_nor_replies() {
    let app = app();
    agent(&app, AGENT, Role::Agent);
    let plain = Browser::signed_in(&app, AGENT);

    assert_eq!(plain.get("/canned-replies.json").status, 200);
    for path in [
        "/settings/keys",
        "/settings/keys/new",
        "/settings/canned-replies",
    ] {
        assert_eq!(plain.get(path).status, 403, "{path}");
    }
    assert_eq!(plain.post("/settings/keys/new", KEY).status, 403);
    let reply = [("shortcut", "hi"), ("text", "Hi")];
    assert_eq!(plain.post("/settings/canned-replies", &reply).status, 403);
    let made = "select (select count(*) from api_keys) + (select count(*) from canned_replies)";
    assert_eq!(count(app.db(), made), 0);
}

#[test]
fn the_page_about_the_api_has_every_operation() {
    let app = app();
    let reader = Browser::new(&app);
    let described = reader.get("/openapi.json");
    let described: serde_json::Value = serde_json::from_str(&described.body).unwrap();

    let page = reader.get("/api/docs");

    assert_eq!(page.status, 200);
    let mut operations = 0;
    let paths = described["paths"].as_object().unwrap();
    for (_, path) in paths
        .iter()
        .filter(|(path, _)| path.starts_with("/api/agent"))
    {
        for operation in path.as_object().unwrap().values() {
            let Some(summary) = operation["summary"].as_str() else {
                continue;
            };
            operations += 1;
            let shown = summary.replace('\'', "&#39;");
            assert!(page.body.contains(&shown), "{summary}");
        }
    }
    assert!(operations > 40, "{operations}");
    assert!(!page.body.contains("src=\"http"), "no foreign scripts");
}
