//! The SDK's token endpoint: the browser's own token buys access tokens of one visitor, and tells nobody of another.

use parlor::domain::site::SiteSettings;
use parlor::store::sites::{self, NewSite};
use parlor::token::Token;
use serde_json::{Value, json};

use super::token::{Reply, post};
use super::{Client, ORIGIN, Shop, login};

async fn buy(shop: &Shop, body: &Value) -> Reply {
    post(shop, "/sdk/token", &body.to_string(), &[("origin", ORIGIN)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_widgets_visitor_and_the_sdks_are_one() {
    let shop = Shop::open().await;
    let browser = Token::random();
    let (_, widget) = shop.log_in(&browser).await;
    for tenant in [
        json!({"site": shop.site.key}),
        json!({"license_id": shop.site.license_id}),
        json!({"organization_id": shop.site.organization_id}),
    ] {
        let mut body = tenant.clone();
        body["browser_token"] = browser.as_str().into();

        let told = buy(&shop, &tenant).await;
        let bought = buy(&shop, &body).await;

        assert_eq!(
            told.body,
            json!({"site": shop.site.key, "license_id": shop.site.license_id,
                "organization_id": shop.site.organization_id})
        );
        assert_eq!(bought.status, 200, "{}", bought.body);
        assert_eq!(bought.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(bought.header("access-control-allow-credentials"), None);
        assert_eq!(bought.header("set-cookie"), None);
        assert_eq!(bought.header("cache-control"), Some("no-store"));
        assert_eq!(bought.body["entity_id"], widget["customer"]["id"]);
        assert_eq!(bought.body["expires_in"], 28_800);
        let access = Token::parse(bought.body["access_token"].as_str().unwrap()).unwrap();
        let (_, logged_in) = shop.log_in(&access).await;
        assert_eq!(logged_in["customer"]["id"], widget["customer"]["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_never_seen_is_a_new_visitor_and_stays_one() {
    let shop = Shop::open().await;
    let body =
        json!({"license_id": shop.site.license_id, "browser_token": Token::random().as_str()});
    let other =
        json!({"license_id": shop.site.license_id, "browser_token": Token::random().as_str()});

    let first = buy(&shop, &body).await;
    let again = buy(&shop, &body).await;
    let other = buy(&shop, &other).await;

    assert_eq!(first.body["entity_id"], again.body["entity_id"]);
    assert_ne!(first.body["access_token"], again.body["access_token"]);
    assert_ne!(first.body["entity_id"], other.body["entity_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_after_eight_hours_and_buys_no_successor() {
    let shop = Shop::open().await;
    let mut body =
        json!({"license_id": shop.site.license_id, "browser_token": Token::random().as_str()});
    let access = buy(&shop, &body).await.body["access_token"].clone();
    body["browser_token"] = access.clone();

    let refused = buy(&shop, &body).await;
    shop.app.clock().turn(8 * 3_600_000 + 1_000);
    let mut client = Client::connect(&shop.url(), ORIGIN).await.unwrap();
    let access = Token::parse(access.as_str().unwrap()).unwrap();

    assert_eq!((refused.status, refused.code()), (401, "authentication"));
    assert_eq!(
        client.refused("login", login(&access)).await,
        "authentication: authentication failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_foreign_pages_get_nothing() {
    let shop = Shop::open().await;
    let license = shop.site.license_id;
    for (body, status, code) in [
        (json!({}), 400, "validation"),
        (json!({"license_id": "1"}), 400, "validation"),
        (json!({"license_id": 0}), 400, "validation"),
        (json!({"site": 7}), 400, "validation"),
        (
            json!({"license_id": license, "browser_token": "short"}),
            400,
            "validation",
        ),
        (
            json!({"license_id": license, "browser_token": 7}),
            400,
            "validation",
        ),
        (json!({"license_id": license + 1}), 404, "site_not_found"),
        (json!({"organization_id": "x"}), 404, "site_not_found"),
        (json!({"site": "nobody"}), 404, "site_not_found"),
    ] {
        let reply = buy(&shop, &body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{body}");
    }
    let text = post(&shop, "/sdk/token", "[]", &[("origin", ORIGIN)]).await;
    assert_eq!(text.status, 400);
    let foreign = post(
        &shop,
        "/sdk/token",
        &json!({"license_id": license, "browser_token": Token::random().as_str()}).to_string(),
        &[("origin", "https://evil.example")],
    )
    .await;
    assert_eq!(
        (foreign.status, foreign.code()),
        (403, "origin_not_allowed")
    );
    assert!(foreign.body.get("access_token").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_site_opens_nothing() {
    let shop = Shop::open().await;
    let browser = Token::random();
    shop.log_in(&browser).await;
    let make = |tx: &mut dyn parlor::db::Tx, now| {
        let new = NewSite {
            name: "Coffee Shop",
            origins: &[ORIGIN.to_owned()],
            settings: &SiteSettings::default(),
        };
        sites::create(tx, &new, now)
    };
    let second = shop.house.write(make).unwrap().key;

    let reply = buy(
        &shop,
        &json!({"site": second, "browser_token": browser.as_str()}),
    )
    .await;

    assert_eq!((reply.status, reply.code()), (401, "authentication"));
}
