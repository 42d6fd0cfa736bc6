//! The token endpoint: a stock client's cookies buy it access tokens of one identity.

use serde_json::{Value, json};

use super::{Client, ORIGIN, Shop};

pub(super) struct Reply {
    pub(super) status: u16,
    headers: ureq::http::HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code of a refusal.
    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The two cookies as a browser sends them back.
    fn cookies(&self) -> String {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

fn wanted(shop: &Shop) -> Value {
    json!({"response_type": "token", "grant_type": "cookie", "client_id": "c",
        "license_id": shop.site.license_id, "redirect_uri": ORIGIN})
}

pub(super) async fn post(shop: &Shop, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
    let url = format!("http://{}{path}", shop.app.address());
    let mut request = ureq::post(&url).header("content-type", "text/plain");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.config().http_status_as_error(false).build();
    let body = body.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut answer = request.send(body).unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_json().unwrap(),
        }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cookies_are_the_same_customer_and_the_token_logs_in() {
    let shop = Shop::open().await;
    let body = wanted(&shop).to_string();
    let first = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let cookies = first.cookies();

    let again = post(
        &shop,
        "/x/customer/token",
        &body,
        &[("origin", ORIGIN), ("cookie", &cookies)],
    )
    .await;
    let other = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;

    assert_eq!(again.body["entity_id"], first.body["entity_id"]);
    assert_eq!(again.cookies(), cookies, "renewed");
    assert_ne!(again.body["access_token"], first.body["access_token"]);
    assert_ne!(other.body["entity_id"], first.body["entity_id"]);
    assert_eq!(first.body["expires_in"], 28_800);
    assert_eq!(first.body["token_type"], "Bearer");
    assert_eq!(first.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(
        first.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(first.header("vary"), Some("Origin"));
    assert_eq!(first.header("cache-control"), Some("no-store"));

    let url = shop.url_of(&format!(
        "/v3.3/customer/rtm/ws?license_id={}",
        shop.site.license_id
    ));
    let mut client = Client::connect(&url, ORIGIN).await.unwrap();
    let token = format!("Bearer {}", again.body["access_token"].as_str().unwrap());
    let login = client.done("login", json!({"token": token})).await;
    assert_eq!(login["customer"]["id"], first.body["entity_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_clients_name_the_organization() {
    let shop = Shop::open().await;
    let mut body = wanted(&shop);
    body.as_object_mut().unwrap().remove("license_id");
    body["organization_id"] = shop.site.organization_id.as_str().into();

    let reply = post(
        &shop,
        "/v2/customer/token",
        &body.to_string(),
        &[("origin", ORIGIN)],
    )
    .await;

    assert_eq!(
        reply.body["organization_id"],
        shop.site.organization_id.as_str()
    );
    assert!(reply.body.get("license_id").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_alone_or_a_foreign_secret_is_no_identity() {
    let shop = Shop::open().await;
    let body = wanted(&shop).to_string();
    let victim = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;
    let thief = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;
    let id = victim.body["entity_id"].as_str().unwrap();
    let thief_cookies = thief.cookies();
    let secret = thief_cookies.rsplit('=').next().unwrap();
    let license = shop.site.license_id;

    for cookies in [
        format!("__lc_cid_{license}={id}"),
        format!("__lc_cid_{license}={id}; __lc_cst_{license}=guess"),
        format!("__lc_cid_{license}={id}; __lc_cst_{license}={secret}"),
    ] {
        let reply = post(
            &shop,
            "/customer/token",
            &body,
            &[("origin", ORIGIN), ("cookie", &cookies)],
        )
        .await;
        assert_eq!(reply.status, 200);
        assert_ne!(reply.body["entity_id"], id, "{cookies}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_has_the_protocols_own_name() {
    let shop = Shop::open().await;
    let with = |name: &str, value: Value| {
        let mut body = wanted(&shop);
        body[name] = value;
        body.to_string()
    };
    let cases = [
        (String::new(), 400, "invalid_request"),
        ("[]".into(), 400, "invalid_request"),
        ("[".repeat(10_000), 400, "invalid_request"),
        (with("license_id", json!("x")), 400, "invalid_request"),
        (with("license_id", Value::Null), 400, "invalid_request"),
        (with("license_id", json!(7)), 400, "invalid_client"),
        (
            with("grant_type", json!("agent")),
            400,
            "unsupported_grant_type",
        ),
        (
            with("response_type", json!("code")),
            400,
            "unsupported_response_type",
        ),
        ("x".repeat(20_000), 413, "invalid_request"),
    ];
    for (body, status, message) in cases {
        let reply = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;
        assert_eq!(reply.status, status, "{body:.40}");
        assert_eq!(
            reply.body,
            json!({"oauth_exception": message}),
            "{body:.40}"
        );
        assert!(reply.headers.get("set-cookie").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_gets_neither_a_token_nor_the_answer() {
    let shop = Shop::open().await;
    let body = wanted(&shop).to_string();

    let reply = post(
        &shop,
        "/customer/token",
        &body,
        &[("origin", "https://evil.example")],
    )
    .await;

    assert_eq!(reply.status, 403);
    assert_eq!(
        reply.body,
        json!({"oauth_exception": "unauthorized_client"})
    );
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_after_eight_hours() {
    let shop = Shop::open().await;
    let body = wanted(&shop).to_string();
    let reply = post(&shop, "/customer/token", &body, &[("origin", ORIGIN)]).await;
    let token = json!({"token": reply.body["access_token"]});
    let url = shop.url_of(&format!(
        "/v3.3/customer/rtm/ws?license_id={}",
        shop.site.license_id
    ));

    shop.app.clock().turn(8 * 3_600_000 + 1_000);

    let mut client = Client::connect(&url, ORIGIN).await.unwrap();
    assert_eq!(
        client.refused("login", token).await,
        "authentication: authentication failed"
    );
}
