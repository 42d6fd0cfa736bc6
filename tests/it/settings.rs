//! The settings pages over HTTP: who may do what, what is saved, and that nothing typed is ever more than text.

mod greetings;
mod groups;
mod profile;
mod programs;

use parlor::App;
use parlor::domain::agent::Role;
use parlor::domain::ids::SiteId;
use parlor::domain::site::SiteSettings;
use parlor::store::sites::{self, NewSite};

use crate::auth_browser::{Answer, Browser, OWNER, PASSWORD, agent, app, count, write};

const ADMIN: &str = "admin@example.org";
const AGENT: &str = "agent@example.org";
const NASTY: &str = "\"'><script>alert(1)</script>&amp;";

const SITE_FORM: &[(&str, &str)] = &[
    ("name", "Tea Shop"),
    ("origins", ""),
    ("accent", "#0f766e"),
    ("position", "bottom_right"),
    ("offset_px", "16"),
    ("headline", ""),
    ("welcome", ""),
    ("away", ""),
    ("language", ""),
    ("session_idle_min", "30"),
    ("retention_days", "45"),
    ("vanish_after_s", "60"),
    ("max_connected_visitors", "0"),
    ("close_silent_after_min", "240"),
    ("chats_wait_while_offline", "on"),
];

fn profile_form(email: &str) -> Vec<(&str, &str)> {
    vec![
        ("name", "Olive Owner"),
        ("job_title", ""),
        ("email", email),
        ("status", "accepting"),
        ("theme", "auto"),
    ]
}

fn with<'a>(
    mut form: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    form.retain(|(field, _)| *field != name);
    form.push((name, value));
    form
}

/// The link on a page that shows one once, as a path.
fn link_on(page: &Answer, app: &App) -> String {
    let start = page.body.find(&app.url()).expect("a link") + app.url().len();
    let rest = &page.body[start..];
    rest[..rest.find('<').expect("its end")].to_owned()
}

fn invite(owner: &Browser, app: &App, email: &str, role: &str) -> String {
    let form = [
        ("name", "Iris"),
        ("email", email),
        ("role", role),
        ("way", "invite"),
    ];
    let page = owner.post("/settings/agents/new", &form);
    assert_eq!(page.status, 200, "{}", page.body);
    link_on(&page, app)
}

type Form = &'static [(&'static str, &'static str)];

/// A Parlor with one of each role and a second plain agent.
struct Staff {
    app: App,
    /// Owner, admin, agent.
    people: [Browser; 3],
    ids: [i64; 3],
    other: i64,
}

fn staff() -> Staff {
    let app = app();
    let admin = agent(&app, ADMIN, Role::Admin).0;
    let plain = agent(&app, AGENT, Role::Agent).0;
    let other = agent(&app, "other@example.org", Role::Agent).0;
    let owner = count(app.db(), "select id from agents where role = 'owner'");
    Staff {
        people: [OWNER, ADMIN, AGENT].map(|email| Browser::signed_in(&app, email)),
        ids: [owner, admin, plain],
        other,
        app,
    }
}

fn path_of(id: i64, tail: &str) -> String {
    format!("/settings/agents/{id}{tail}")
}

#[test]
fn each_role_sees_the_pages_it_may() {
    let staff = staff();
    for (path, want) in [
        ("/".to_owned(), [200, 200, 200]),
        ("/welcome".into(), [200, 200, 200]),
        ("/settings/site".into(), [200, 200, 403]),
        ("/settings/agents".into(), [200, 200, 403]),
        ("/settings/agents/new".into(), [200, 200, 403]),
        (path_of(staff.other, ""), [200, 200, 403]),
        (path_of(7, ""), [404, 404, 403]),
        (path_of(0, "x"), [404, 404, 404]),
        ("/settings/profile".into(), [200, 200, 200]),
    ] {
        let got = [0, 1, 2].map(|n| staff.people[n].get(&path).status);
        assert_eq!(got, want, "GET {path}");
    }
    let first = [0, 1, 2].map(|n| staff.people[n].get("/settings").location().to_owned());
    assert_eq!(
        first,
        ["/settings/site", "/settings/site", "/settings/profile"]
    );
}

#[test]
fn each_role_does_what_it_may() {
    const ADD: Form = &[("name", "N"), ("email", "bad"), ("role", "agent")];
    let staff = staff();
    let other = |tail: &str| path_of(staff.other, tail);
    let table: [(String, Form, [u16; 3]); 11] = [
        ("/settings/site".into(), SITE_FORM, [303, 303, 403]),
        (
            "/settings/site/origins".into(),
            &[("origin", "a.example")],
            [303, 303, 403],
        ),
        ("/settings/agents/new".into(), ADD, [422, 422, 403]),
        (other("/role"), &[("role", "agent")], [303, 303, 403]),
        (other("/role"), &[("role", "king")], [400, 400, 400]),
        (other("/link"), &[], [200, 200, 403]),
        (other("/logins/end"), &[], [303, 303, 403]),
        (other("/deactivation"), &[], [303, 303, 403]),
        (other("/reactivation"), &[], [303, 303, 403]),
        (path_of(7, "/deactivation"), &[], [404, 404, 403]),
        ("/settings/profile".into(), &[], [422, 422, 422]),
    ];
    for (path, form, want) in table {
        let got = [0, 1, 2].map(|n| staff.people[n].post(&path, form).status);
        assert_eq!(got, want, "POST {path} {form:?}");
    }
}

#[test]
fn an_admin_touches_no_owner_and_nobody_changes_their_own_access() {
    const NEW_OWNER: Form = &[("name", "N"), ("email", "n@example.org"), ("role", "owner")];
    let staff = staff();
    let [owner, admin, plain] = staff.ids;
    let table: [(usize, String, Form, u16); 10] = [
        (1, path_of(owner, "/role"), &[("role", "agent")], 403),
        (1, path_of(owner, "/deactivation"), &[], 403),
        (1, path_of(owner, "/link"), &[], 403),
        (1, path_of(owner, "/logins/end"), &[], 403),
        (1, path_of(staff.other, "/role"), &[("role", "owner")], 403),
        (1, "/settings/agents/new".into(), NEW_OWNER, 403),
        (1, path_of(admin, "/role"), &[("role", "agent")], 409),
        (0, path_of(owner, "/role"), &[("role", "agent")], 409),
        (0, path_of(owner, "/deactivation"), &[], 409),
        (2, path_of(plain, "/role"), &[("role", "owner")], 403),
    ];
    for (by, path, form, want) in table {
        let got = staff.people[by].post(&path, form).status;
        assert_eq!(got, want, "{by} {path} {form:?}");
    }
    let owners = "select count(*) from agents where role = 'owner' and deactivated_at is null";
    assert_eq!(count(staff.app.db(), owners), 1);
}

#[test]
fn a_site_saves_what_was_typed_and_shows_it_as_text() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let mut form = with(SITE_FORM.to_vec(), "name", NASTY);
    for field in ["headline", "welcome", "away"] {
        form = with(form, field, NASTY);
    }
    form = with(
        form,
        "origins",
        "Shop.example\r\nhttps://*.example.org/x\r\nshop.example",
    );
    form = with(form, "accent", "FE6");
    form = with(form, "position", "bottom_left");
    form.push(("honour_dnt", "on"));

    let answer = owner.post("/settings/site", &form);

    assert_eq!(answer.location(), "/settings/site?done=saved");
    let page = owner.get("/settings/site?done=saved").body;
    assert!(page.contains("Saved."));
    assert!(
        page.contains("https://shop.example\nhttps://*.example.org</textarea>"),
        "{page}"
    );
    assert!(page.contains("value=\"#ffee66\""));
    assert!(page.contains("links are drawn in"));
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(
        page.matches("&#60;script&#62;alert(1)").count() >= 4,
        "{page}"
    );
    let site = app
        .db()
        .read_blocking(sites::all)
        .expect("the read succeeds")
        .remove(0);
    assert_eq!(site.name, NASTY);
    assert_eq!(site.settings.welcome, NASTY);
    assert!(site.settings.honour_dnt && !site.settings.require_signed_identity);
}

#[test]
fn a_wrong_site_form_keeps_what_was_typed_and_saves_nothing() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let long = "x".repeat(50_000);
    let mut form = with(SITE_FORM.to_vec(), "name", &long);
    form = with(form, "origins", "javascript:alert(1)");
    form = with(form, "retention_days", "-4");

    let page = owner.post("/settings/site", &form);

    assert_eq!(page.status, 422);
    assert!(page.body.contains("Nothing was saved yet"));
    assert!(page.body.contains("id=\"name-error\""));
    assert!(page.body.contains("id=\"origins-error\""));
    assert!(page.body.contains("A number from 1 to 3650."));
    assert!(page.body.contains(">javascript:alert(1)</textarea>"));
    assert!(page.body.contains("value=\"-4\""));
    let site = app
        .db()
        .read_blocking(sites::all)
        .expect("the read succeeds")
        .remove(0);
    assert_eq!(site.name, "Tea Shop");
}

#[test]
fn an_origin_that_was_turned_away_is_allowed_by_one_click() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let site = SiteId(count(app.db(), "select id from sites"));
    app.state()
        .refused_origins
        .remember(site, "https://new.example", app.clock().now());
    assert!(
        owner
            .get("/welcome")
            .body
            .contains("value=\"https://new.example\">Allow")
    );
    assert_eq!(
        owner.get("/welcome/progress").body,
        r#"{"seen":false,"refused":1}"#
    );

    let form = [("origin", "https://new.example"), ("back", "/welcome")];
    let answer = owner.post("/settings/site/origins", &form);

    assert_eq!(answer.location(), "/welcome");
    let page = owner.get("/welcome").body;
    assert!(page.contains("<code>https://new.example</code>") && !page.contains("Allow</button>"));
    let evil = [("origin", "https://b.example"), ("back", "//evil.example")];
    assert_eq!(owner.post("/settings/site/origins", &evil).location(), "/");
    assert_eq!(
        owner
            .post("/settings/site/origins", &[("origin", "*")])
            .status,
        400
    );
}

#[test]
fn an_invitation_lets_a_new_agent_choose_a_password_once() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);

    let path = invite(&owner, &app, "iris@example.org", "agent");

    assert!(owner.get("/settings/agents").body.contains("Invited"));
    let iris = Browser::new(&app);
    assert_eq!(iris.log_in("iris@example.org", "").status, 422);
    let page = iris.get(&path);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Welcome, Iris"));
    let token = path.split('=').next_back().expect("a token");
    let weak = iris.post("/invite", &[("token", token), ("password", "short")]);
    assert_eq!(weak.status, 422);
    assert!(weak.body.contains("At least 10 characters."));
    let choose = [("token", token), ("password", "a fine long one")];
    assert_eq!(iris.post("/invite", &choose).status, 303);
    assert_eq!(iris.get("/settings/profile").status, 200);
    assert_eq!(iris.get("/settings/agents").status, 403);
    assert_eq!(iris.get(&path).status, 404);
    assert_eq!(iris.post("/invite", &choose).status, 404);
    assert_eq!(iris.post("/reset", &choose).status, 404);
    assert_eq!(
        Browser::new(&app)
            .log_in("iris@example.org", "a fine long one")
            .status,
        303
    );
    assert!(!owner.get("/settings/agents").body.contains("Invited"));
}

#[test]
fn an_agent_with_a_first_password_can_log_in_at_once() {
    let app = app();
    let owner = Browser::signed_in(&app, OWNER);
    let add = |password: &str, email: &str| {
        let form = [
            ("name", NASTY),
            ("email", email),
            ("role", "admin"),
            ("way", "password"),
            ("password", password),
        ];
        owner.post("/settings/agents/new", &form)
    };

    let taken = add("a fine long one", "OWNER@example.org");
    let weak = add("iloveyou123", "iris@example.org");
    let added = add("a fine long one", "iris@example.org");

    assert_eq!(taken.status, 422);
    assert!(taken.body.contains("Another agent has this address."));
    assert!(taken.body.contains("value=\"OWNER@example.org\""));
    assert!(!taken.body.contains("a fine long one"));
    assert!(weak.body.contains("This is too easy to guess."));
    assert_eq!(added.location(), "/settings/agents?done=added");
    let list = owner.get("/settings/agents").body;
    assert!(list.contains("&#60;script&#62;alert(1)") && !list.contains("<script>alert"));
    assert_eq!(
        Browser::new(&app)
            .log_in("iris@example.org", "a fine long one")
            .status,
        303
    );
}

#[test]
fn a_reset_link_changes_the_password_and_ends_the_logins() {
    let app = app();
    let id = agent(&app, AGENT, Role::Agent);
    let (owner, before) = (
        Browser::signed_in(&app, OWNER),
        Browser::signed_in(&app, AGENT),
    );
    let make = || {
        link_on(
            &owner.post(&format!("/settings/agents/{id}/link"), &[]),
            &app,
        )
    };
    let (void, path) = (make(), make());
    assert!(path.starts_with("/reset?token="), "{path}");
    assert_eq!(before.get("/").status, 200, "a link alone changes nothing");

    let token = path.split('=').next_back().expect("a token");
    let after = Browser::new(&app);
    assert_eq!(after.get(&void).status, 404);
    let chosen = after.post(
        "/reset",
        &[("token", token), ("password", "a fine long one")],
    );

    assert_eq!(chosen.status, 303);
    assert_eq!(after.get("/").status, 200);
    assert_eq!(before.get("/").status, 302);
    assert_eq!(Browser::new(&app).log_in(AGENT, PASSWORD).status, 422);
}

#[test]
fn taking_access_away_ends_everything_at_once() {
    let app = app();
    let id = agent(&app, AGENT, Role::Agent);
    let (owner, agent) = (
        Browser::signed_in(&app, OWNER),
        Browser::signed_in(&app, AGENT),
    );
    let path = link_on(
        &owner.post(&format!("/settings/agents/{id}/link"), &[]),
        &app,
    );

    let answer = owner.post(&format!("/settings/agents/{id}/deactivation"), &[]);

    assert_eq!(
        answer.location(),
        format!("/settings/agents/{id}?done=deactivated")
    );
    assert!(
        owner
            .get(answer.location())
            .body
            .contains("Access was taken away.")
    );
    assert_eq!(agent.get("/").status, 302);
    assert_eq!(agent.get(&path).status, 404);
    assert_eq!(Browser::new(&app).log_in(AGENT, PASSWORD).status, 422);
    owner.post(&format!("/settings/agents/{id}/reactivation"), &[]);
    assert_eq!(agent.get("/").status, 302, "the old login stays ended");
    assert_eq!(Browser::new(&app).log_in(AGENT, PASSWORD).status, 303);
}

#[test]
fn a_new_role_needs_a_new_login() {
    let app = app();
    let id = agent(&app, AGENT, Role::Agent);
    let (owner, agent) = (
        Browser::signed_in(&app, OWNER),
        Browser::signed_in(&app, AGENT),
    );

    owner.post(&format!("/settings/agents/{id}/role"), &[("role", "admin")]);

    assert_eq!(agent.get("/settings/site").status, 302);
    assert_eq!(
        Browser::signed_in(&app, AGENT).get("/settings/site").status,
        200
    );
}

#[test]
fn people_of_another_site_do_not_exist() {
    let app = app();
    let stranger = agent(&app, AGENT, Role::Agent);
    write(app.db(), move |tx| {
        let new = NewSite {
            name: "Other",
            origins: &[],
            settings: &SiteSettings::default(),
        };
        let other = sites::create(tx, &new, 1)?;
        tx.exec(
            "update agent_sites set site_id = ?1 where agent_id = ?2",
            &[other.id.into(), stranger.into()],
        )
    });
    let owner = Browser::signed_in(&app, OWNER);

    assert!(!owner.get("/settings/agents").body.contains(AGENT));
    assert_eq!(
        owner.get(&format!("/settings/agents/{stranger}")).status,
        404
    );
    for act in ["deactivation", "reactivation", "link", "logins/end"] {
        let path = format!("/settings/agents/{stranger}/{act}");
        assert_eq!(owner.post(&path, &[]).status, 404, "{act}");
    }
    let role = owner.post(
        &format!("/settings/agents/{stranger}/role"),
        &[("role", "admin")],
    );
    assert_eq!(role.status, 404);
}
