//! The agent's own page: password, logins, profile.

use parlor::domain::agent::Role;

use super::{AGENT, NASTY, profile_form, with};
use crate::auth_browser::{Browser, OWNER, PASSWORD, agent, app, count};

#[test]
fn a_changed_password_ends_the_other_logins_and_renews_this_one() {
    let app = app();
    let (here, there) = (
        Browser::signed_in(&app, OWNER),
        Browser::signed_in(&app, OWNER),
    );
    let before = here.cookie();
    let change = |current: &str, new: &str| {
        let form = [("current_password", current), ("password", new)];
        here.post("/settings/profile/password", &form)
    };

    assert!(
        change("wrong password", "a fine long one")
            .body
            .contains("That is not your current password.")
    );
    assert!(
        change(PASSWORD, "owner@example.org")
            .body
            .contains("This is too close to a name")
    );
    let done = change(PASSWORD, "a fine long one");

    assert_eq!(done.location(), "/settings/profile?done=password");
    assert_ne!(here.cookie(), before);
    assert_eq!(here.get("/").status, 200);
    assert_eq!(there.get("/").status, 302);
    here.set_cookie(before);
    assert_eq!(here.get("/").status, 302);
    assert_eq!(Browser::new(&app).log_in(OWNER, PASSWORD).status, 422);
    assert_eq!(
        Browser::new(&app).log_in(OWNER, "a fine long one").status,
        303
    );
}

#[test]
fn logins_are_listed_and_ended_one_by_one_or_all_at_once() {
    let app = app();
    agent(&app, AGENT, Role::Agent);
    let other = Browser::signed_in(&app, AGENT);
    let here = Browser::signed_in(&app, OWNER);
    let others: Vec<Browser> = (0..3).map(|_| Browser::signed_in(&app, OWNER)).collect();
    let page = here.get("/settings/profile").body;
    assert_eq!(page.matches("This browser").count(), 1);
    assert_eq!(
        page.matches(">Log out</button>").count(),
        3 + 1,
        "and the one of the rail"
    );
    let newest = count(app.db(), "select max(id) from logins");
    let end = format!("/settings/profile/logins/{newest}/end");

    assert_eq!(other.post(&end, &[]).status, 404, "not theirs");
    assert_eq!(here.post(&end, &[]).status, 303);
    assert_eq!(here.post(&end, &[]).status, 404);
    assert_eq!(others[2].get("/").status, 302);
    assert_eq!(others[1].get("/").status, 200);
    here.post("/settings/profile/logins/end", &[]);

    assert!(others.iter().all(|browser| browser.get("/").status == 302));
    assert_eq!(here.get("/").status, 200);
    assert_eq!(other.get("/").status, 200);
}

#[test]
fn a_profile_saves_and_an_address_needs_the_password() {
    let app = app();
    agent(&app, AGENT, Role::Agent);
    let owner = Browser::signed_in(&app, OWNER);
    let mut form = with(profile_form(OWNER), "name", NASTY);
    form = with(form, "job_title", NASTY);
    form = with(form, "theme", "dark");
    form = with(form, "status", "away");

    assert_eq!(
        owner.post("/settings/profile", &form).location(),
        "/settings/profile?done=saved"
    );
    let page = owner.get("/settings/profile").body;
    let moved = owner.post("/settings/profile", &profile_form("new@example.org"));
    let mine = with(
        profile_form("new@example.org"),
        "current_password",
        PASSWORD,
    );
    let taken = with(profile_form(AGENT), "current_password", PASSWORD);

    assert!(page.contains("data-theme=\"dark\"") && page.contains("data-sound=\"off\""));
    assert!(!page.contains("<script>alert"), "{page}");
    assert_eq!(moved.status, 422);
    assert!(moved.body.contains("That is not your current password."));
    assert!(
        owner
            .post("/settings/profile", &taken)
            .body
            .contains("Another agent has this address.")
    );
    assert_eq!(owner.post("/settings/profile", &mine).status, 303);
    assert_eq!(
        Browser::new(&app)
            .log_in("new@example.org", PASSWORD)
            .status,
        303
    );
    assert_eq!(Browser::new(&app).log_in(OWNER, PASSWORD).status, 422);
    let wrong = with(
        with(profile_form("new@example.org"), "theme", "pink"),
        "status",
        "asleep",
    );
    let wrong = owner.post("/settings/profile", &wrong).body;
    assert!(wrong.contains("id=\"theme-error\"") && wrong.contains("id=\"status-error\""));
}
