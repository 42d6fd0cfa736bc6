//! Whatever ends a login also ends the sockets that stand on it, at once.

use std::time::{Duration, Instant};

use parlor::App;
use parlor::domain::agent::Role;

use crate::auth_browser::{Browser, OWNER, PASSWORD, agent, app, count};
use crate::dashboard_room::Live;

const AGENT: &str = "agent@example.org";
const NEW: &str = "a fine long one";

async fn socket(app: &App, browser: &Browser) -> Live {
    let answer = browser.post_with("/live/ticket", &[], &[("sec-fetch-site", "same-origin")]);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let ticket = body["ticket"].as_str().expect("a ticket");
    let cookie = format!("__Host-sid={}", browser.cookie().expect("signed in"));
    Live::connect(&app.url(), &app.url(), &cookie, ticket)
        .await
        .expect("the handshake succeeds")
}

async fn ends_by(what: &str, end: impl Fn(&Browser, &Browser, i64)) {
    let app = app();
    let id = agent(&app, AGENT, Role::Agent).0;
    let owner = Browser::signed_in(&app, OWNER);
    let (own, other) = (
        Browser::signed_in(&app, AGENT),
        Browser::signed_in(&app, AGENT),
    );
    let mut live = socket(&app, &own).await;
    let start = Instant::now();

    // `other` is the same agent in another browser, signed in last.
    end(
        if what.starts_with("owner") {
            &owner
        } else {
            &other
        },
        &own,
        id,
    );

    assert_eq!(live.ended().await, 4001, "{what}");
    // Hashing a new password takes its own time; the rest is milliseconds.
    assert!(start.elapsed() < Duration::from_secs(3), "{what}");
    assert_eq!(own.get("/").status, 302, "{what}");
    assert_eq!(
        count(app.db(), "select count(*) from agent_connections"),
        0,
        "{what}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_a_login_ends_its_sockets() {
    ends_by("logout", |_, own, _| {
        let cookie = own.cookie();
        assert_eq!(own.post("/logout", &[]).status, 303);
        own.set_cookie(cookie);
    })
    .await;
    ends_by("elsewhere", |other, _, _| {
        assert_eq!(other.post("/settings/profile/logins/end", &[]).status, 303);
    })
    .await;
    ends_by("password", |other, _, _| {
        let form = [("current_password", PASSWORD), ("password", NEW)];
        assert_eq!(other.post("/settings/profile/password", &form).status, 303);
    })
    .await;
    for (what, act, form) in [
        ("owner ends logins", "logins/end", vec![]),
        ("owner changes role", "role", vec![("role", "admin")]),
        ("owner takes access away", "deactivation", vec![]),
    ] {
        ends_by(what, |owner, _, id| {
            let path = format!("/settings/agents/{id}/{act}");
            assert_eq!(owner.post(&path, &form).status, 303);
        })
        .await;
    }
}
