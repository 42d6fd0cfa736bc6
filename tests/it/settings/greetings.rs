//! Settings → Greetings over HTTP, and sending one from a profile.

use parlor::domain::agent::Role;
use parlor::domain::context::Context;
use parlor::domain::ids::{BrowserId, SiteId, VisitorId};
use parlor::store::visitor_tokens::{self, NewToken, TokenKind};
use parlor::store::visitors::{self, NewVisitor};
use parlor::token::Token;

use super::{AGENT, NASTY, with};
use crate::auth_browser::{Browser, OWNER, agent, app, count, write};

const FORM: &[(&str, &str)] = &[
    ("name", "Basket"),
    ("text", "May we help?"),
    ("agent", ""),
    ("is_enabled", "on"),
    ("url_how", "contains"),
    ("urls", "/basket\n/cart"),
    ("referrer_how", "contains"),
    ("referrers", ""),
    ("page_s", "10"),
    ("languages", "de"),
];

fn owner(app: &parlor::App) -> Browser {
    Browser::signed_in(app, OWNER)
}

#[test]
fn a_greeting_is_written_changed_switched_off_and_deleted() {
    let app = app();
    let owner = owner(&app);
    let empty = owner.get("/settings/greetings");
    assert!(empty.body.contains("Write a greeting"), "{}", empty.body);

    let form = with(FORM.to_vec(), "name", NASTY);
    let made = owner.post("/settings/greetings/new", &form);
    assert_eq!(made.status, 303, "{}", made.body);
    let id = count(app.db(), "select id from greetings");
    let list = owner.get("/settings/greetings");
    assert!(!list.body.contains("<script>alert"), "names are text");
    let page = owner.get(&format!("/settings/greetings/{id}"));
    assert!(page.body.contains("/basket\n/cart"), "{}", page.body);

    let changed = owner.post(&format!("/settings/greetings/{id}"), FORM);
    assert_eq!(changed.status, 303, "{}", changed.body);
    let sending = format!("/settings/greetings/{id}/sending");
    assert_eq!(owner.post(&sending, &[("is_enabled", "0")]).status, 303);
    let off = "select count(*) from greetings where name = 'Basket' and is_enabled = 0";
    assert_eq!(count(app.db(), off), 1);
    let order = format!("/settings/greetings/{id}/order");
    assert_eq!(owner.post(&order, &[("direction", "up")]).status, 303);
    assert_eq!(owner.post(&order, &[("direction", "left")]).status, 400);
    let deletion = format!("/settings/greetings/{id}/deletion");
    assert_eq!(owner.post(&deletion, &[]).status, 303);
    assert_eq!(owner.post(&deletion, &[]).status, 404);
    assert_eq!(owner.get(&format!("/settings/greetings/{id}")).status, 404);
}

#[test]
fn what_does_not_fit_stands_beside_its_field_and_agents_stay_out() {
    let app = app();
    let owner = owner(&app);

    let refused = owner.post(
        "/settings/greetings/new",
        &with(FORM.to_vec(), "page_s", "soon"),
    );

    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("page_s-error"), "{}", refused.body);
    assert!(
        refused.body.contains("May we help?"),
        "what was typed stays"
    );
    assert_eq!(count(app.db(), "select count(*) from greetings"), 0);
    agent(&app, AGENT, Role::Agent);
    let plain = Browser::signed_in(&app, AGENT);
    assert_eq!(plain.get("/settings/greetings").status, 403);
    assert_eq!(plain.post("/settings/greetings/new", FORM).status, 403);
}

#[test]
fn an_agent_sends_a_greeting_from_the_profile() {
    let app = app();
    let owner = owner(&app);
    owner.post("/settings/greetings/new", FORM);
    let greeting = count(app.db(), "select id from greetings").to_string();
    let site = SiteId(count(app.db(), "select id from sites"));
    // A time long ago would let the retention task delete the visitor meanwhile.
    let now = app.clock().now();
    let visitor = write(app.db(), move |tx| {
        let new = NewVisitor {
            site,
            context: &Context::default(),
            seen_at: now,
        };
        let visitor: VisitorId = visitors::create(tx, &new, now)?;
        let token = NewToken {
            hash: &Token::random().hash(),
            site,
            visitor,
            browser: Some(BrowserId(7)),
            kind: TokenKind::Browser,
            is_signed: false,
            expires_at: None,
        };
        visitor_tokens::bind(tx, &token, now)?;
        Ok(visitor)
    });
    let path = format!("/visitors/{visitor}");
    agent(&app, AGENT, Role::Agent);
    let plain = Browser::signed_in(&app, AGENT);
    assert!(plain.get(&path).body.contains("None sent yet."));

    let sent = plain.post(&format!("{path}/greetings"), &[("greeting", &greeting)]);

    assert_eq!(sent.status, 303, "{}", sent.body);
    assert!(plain.get(&path).body.contains("Sent, not seen yet"));
    let by_hand = "select count(*) from invitations where is_manual = 1 and browser_id = 7";
    assert_eq!(count(app.db(), by_hand), 1);
    let gone = plain.post(&format!("{path}/greetings"), &[("greeting", "9")]);
    assert_eq!(gone.status, 404);
}
