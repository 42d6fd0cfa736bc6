//! Bans and disconnections through the API.

use parlor::domain::permission::Scope;
use serde_json::{Value, json};

use super::{Api, each_api};
use crate::support::house::{House, agent_id, visitor_id};

#[test]
fn a_visitor_is_banned_listed_and_let_in_again() {
    each_api(|api| {
        let visitor = visitor_id(&api.house.visitor()).to_string();
        let path = format!("/visitors/{visitor}/ban");

        let body = json!({"expires_in": 3600, "reason": "Spam"});
        let ban = api.put(&path, Some(&body)).ok();

        assert_eq!(ban["visitor_id"], json!(visitor));
        assert_eq!(ban["agent_id"], json!(agent_id(&api.agent)));
        assert_eq!((&ban["reason"], &ban["ip"]), (&json!("Spam"), &Value::Null));
        assert!(ban["expires_at"].is_string());
        let again = api.put(&path, Some(&json!({}))).ok();
        assert_eq!(again["expires_at"], Value::Null, "until it is lifted");
        let listed = api.get("/bans").ok();
        assert_eq!(
            listed,
            json!({"items": [again]}),
            "one gave way to the other"
        );
        let before = again["id"].as_str().unwrap();
        let older = api.get(&format!("/bans?before={before}")).ok();
        assert_eq!(older, json!({"items": []}));

        api.delete(&path).ok();
        api.delete(&path).ok();
        assert_eq!(api.get("/bans").ok(), json!({"items": []}));
    });
}

#[test]
fn sockets_are_ended_for_a_reason_that_the_protocol_has() {
    let api = Api::start();
    let visitor = visitor_id(&api.house.visitor());
    let path = format!("/visitors/{visitor}/disconnection");

    api.post(&path, &json!({"reason": "connection_evicted"}))
        .ok();

    for bad in [
        json!({}),
        json!({"reason": "because"}),
        json!({"reason": 7}),
    ] {
        assert_eq!(
            api.post(&path, &bad).error(),
            (400, "validation", "reason"),
            "{bad}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_ban_is_named_and_strangers_are_not_found() {
    let api = Api::start();
    let visitor = visitor_id(&api.house.visitor()).to_string();
    let path = format!("/visitors/{visitor}/ban");
    for (bad, field) in [
        (json!({"expires_in": 0}), "expires_in"),
        (json!({"expires_in": "1"}), "expires_in"),
        (json!({"expires_in": 1e18}), "expires_in"),
        (json!({"reason": "x".repeat(501)}), "reason"),
        (json!({"with_address": "yes"}), "with_address"),
    ] {
        let refused = api.put(&path, Some(&bad));
        assert_eq!(refused.error(), (400, "validation", field), "{bad}");
    }
    let other = House::new(api.app.db(), api.app.clock());
    let foreign = visitor_id(&other.visitor()).to_string();
    for id in [foreign.as_str(), "77", "x"] {
        let refused = api.put(&format!("/visitors/{id}/ban"), Some(&json!({})));
        assert_eq!(refused.error(), (404, "not_found", ""), "{id}");
        let refused = api.delete(&format!("/visitors/{id}/ban"));
        assert_eq!(refused.error(), (404, "not_found", ""), "{id}");
        let refused = api.post(
            &format!("/visitors/{id}/disconnection"),
            &json!({"reason": "internal_error"}),
        );
        assert_eq!(refused.error(), (404, "not_found", ""), "{id}");
    }
}

#[test]
fn a_key_that_may_only_read_bans_nobody() {
    let api = Api::start();
    let visitor = visitor_id(&api.house.visitor()).to_string();
    let reading = api.key(&[Scope::ReadVisitors], None);

    let refused = api.call_as(
        &reading,
        "PUT",
        &format!("/visitors/{visitor}/ban"),
        Some(&json!({})),
    );

    assert_eq!(refused.status, 403);
    assert_eq!(
        api.call_as(&reading, "GET", "/bans", None).ok(),
        json!({"items": []})
    );
}
