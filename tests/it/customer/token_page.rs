//! Tokens for clients that cannot call, identities by group, and what else stock clients ask for over HTTP.

use serde_json::{Value, json};

use super::client::PATIENCE;
use super::{Client, ORIGIN, Shop};

struct Reply {
    status: u16,
    headers: ureq::http::HeaderMap,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn cookies(&self) -> String {
        let cookies = self.headers.get_all("set-cookie").iter();
        let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// What the page tells, and the origin it tells it to.
    fn message(&self) -> (Value, String) {
        let told = self.text.split("postMessage(").nth(1).expect(&self.text);
        let arguments = told.split(")</script>").next().unwrap();
        let both: Vec<Value> = serde_json::from_str(&format!("[{arguments}]")).unwrap();
        (both[0].clone(), both[1].as_str().unwrap().to_owned())
    }
}

async fn call(
    shop: &Shop,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", shop.app.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_owned()).unwrap();
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut answer = agent.run(request).unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.body_mut().read_to_string().unwrap(),
        }
    })
    .await
    .unwrap()
}

fn query(shop: &Shop, page: &str) -> String {
    format!(
        "license_id={}&flow=button&response_type=token&client_id=c&redirect_uri={page}&post_message_uri={page}\
         &state=%40livechat%2Fcustomer-auth",
        shop.site.license_id
    )
}

const PAGE: &str = "https%3A%2F%2Fshop.example%2Ftea%3Fa%3D1";

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_told_by_a_message_to_the_page_alone() {
    let shop = Shop::open().await;
    let path = format!("/x/customer?{}", query(&shop, PAGE));

    let page = call(&shop, ("GET", &path), &[("sec-fetch-dest", "iframe")], "").await;

    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(page.header("x-frame-options"), "");
    assert_eq!(page.header("cache-control"), "no-store");
    let policy = page.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).unwrap();
    let nonce = nonce.split('\'').next().unwrap();
    assert!(!policy.contains("frame-ancestors"));
    assert!(page.text.contains(&format!("<script nonce=\"{nonce}\">")));
    let (token, origin) = page.message();
    assert_eq!(origin, ORIGIN);
    assert_eq!(token["state"], "@livechat/customer-auth");
    assert_eq!(token["license_id"], shop.site.license_id);
    assert_eq!(token["expires_in"], 28_800);

    let url = format!("/v3.2/customer/rtm/ws?license_id={}", shop.site.license_id);
    let mut client = Client::connect(&shop.url_of(&url), ORIGIN).await.unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let login = client.done("login", json!({"token": bearer})).await;
    assert_eq!(login["customer"]["id"], token["entity_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn frame_and_script_share_an_identity_and_a_group_has_its_own() {
    let shop = Shop::open().await;
    let license = shop.site.license_id;
    let frame = format!("/customer?{}", query(&shop, PAGE));
    let first = call(&shop, ("GET", &frame), &[], "").await;
    let (id, cookies) = (first.message().0["entity_id"].clone(), first.cookies());
    let headers = [("origin", ORIGIN), ("cookie", cookies.as_str())];

    let body = json!({"response_type": "token", "grant_type": "cookie", "client_id": "c",
        "organization_id": shop.site.organization_id, "redirect_uri": ORIGIN})
    .to_string();
    let script = call(&shop, ("POST", "/v2/customer/token"), &headers, &body).await;
    let grouped = format!("/v2/customer/{}/5/token", shop.site.organization_id);
    let group = call(&shop, ("POST", &grouped), &headers, &body).await;
    let framed = format!("/licence/g{license}_5/customer?{}", query(&shop, PAGE));
    let group_cookies = group.cookies();
    let framed = call(&shop, ("GET", &framed), &[("cookie", &group_cookies)], "").await;

    let parsed = |reply: &Reply| serde_json::from_str::<Value>(&reply.text).unwrap();
    assert_eq!(parsed(&script)["entity_id"], id);
    assert_ne!(parsed(&group)["entity_id"], id);
    assert_eq!(framed.message().0["entity_id"], parsed(&group)["entity_id"]);
    let other = format!(
        "/licence/g{}_5/customer?{}",
        license + 1,
        query(&shop, PAGE)
    );
    let other = call(&shop, ("GET", &other), &[], "").await;
    assert_eq!(other.message().0["oauth_exception"], "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_the_state_and_without_a_token() {
    let shop = Shop::open().await;
    let good = query(&shop, PAGE);
    let license = format!("license_id={}", shop.site.license_id);
    let evil = query(&shop, "https%3A%2F%2Fevil.example");
    let cases = [
        (good.replace(&license, "license_id=7"), "invalid_client"),
        (good.replace(&license, "license_id=x"), "invalid_request"),
        (good.replace(&license, "x=1"), "invalid_request"),
        (
            good.replace("response_type=token", "response_type=code"),
            "unsupported_response_type",
        ),
        (evil, "unauthorized_client"),
    ];
    for (query, exception) in cases {
        let path = format!("/customer?{query}");
        let page = call(&shop, ("GET", &path), &[], "").await;

        let (told, _) = page.message();
        assert_eq!(
            told,
            json!({"oauth_exception": exception, "state": "@livechat/customer-auth"}),
            "{query}"
        );
        assert_eq!(page.cookies(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_page_passes_in_becomes_markup() {
    let shop = Shop::open().await;
    let state = "%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let path =
        format!("/customer?{}", query(&shop, PAGE)).replace("%40livechat%2Fcustomer-auth", state);

    let page = call(&shop, ("GET", &path), &[], "").await;

    assert!(!page.text.contains("<img"), "{}", page.text);
    assert_eq!(
        page.message().0["state"],
        "</script><img src=x onerror=alert(1)>"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_view_is_redirected_to_pages_of_the_site_alone() {
    let shop = Shop::open().await;
    let license = shop.site.license_id;
    let at = |uri: &str| {
        format!(
            "/customer?license_id={license}&flow=button&response_type=token&client_id=c&redirect_uri={uri}&post_message_uri={uri}"
        )
    };

    let good = call(&shop, ("GET", &at(PAGE)), &[], "").await;
    assert_eq!(good.status, 302);
    assert_eq!(good.header("cache-control"), "no-store");
    let location = good.header("location");
    let (page, fragment) = location.split_once('#').unwrap();
    assert_eq!(page, "https://shop.example/tea?a=1");
    assert!(fragment.contains("access_token=") && fragment.contains("entity_id="));

    for uri in [
        "https%3A%2F%2Fevil.example",
        "https%3A%2F%2Fshop.example%40evil.example",
        "https%3A%2F%2Fshop.example.evil.example",
        "javascript%3Aalert(1)",
        "app%3A%2F%2Fdone",
        "",
    ] {
        let refused = call(&shop, ("GET", &at(uri)), &[], "").await;
        assert_eq!(refused.status, 400, "{uri}");
        assert_eq!(refused.header("location"), "");
        assert_eq!(refused.cookies(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_with_credentials_for_listed_pages() {
    let shop = Shop::open().await;
    for path in [
        "/customer/token",
        "/v2/customer/token",
        "/x/v3.5/customer/action/check_goals?license_id=1",
    ] {
        let good = call(&shop, ("OPTIONS", path), &[("origin", ORIGIN)], "").await;
        let foreign = [("origin", "https://evil.example")];
        let foreign = call(&shop, ("OPTIONS", path), &foreign, "").await;

        assert_eq!(good.status, 204, "{path}");
        assert_eq!(good.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(good.header("access-control-allow-credentials"), "true");
        let allowed = good.header("access-control-allow-headers").to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"));
        assert_eq!(foreign.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn goals_are_judged_and_answered() {
    let shop = Shop::open().await;
    let path = format!(
        "/x.example/v3.2/customer/action/check_goals?license_id={}",
        shop.site.license_id
    );
    let frame = format!("/customer?{}", query(&shop, PAGE));
    let token = call(&shop, ("GET", &frame), &[], "").await.message().0["access_token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let good =
        json!({"session_fields": [{"a": "b"}], "group_id": 0, "page_url": "https://shop.example/",
        "customer_fields": {}})
        .to_string();
    let cases = [
        (bearer.as_str(), good.as_str(), 200),
        (&bearer, "{}", 400),
        (&bearer, r#"{"page_url":7}"#, 400),
        (&bearer, "x", 400),
        ("Bearer guess", &good, 401),
        ("", &good, 401),
    ];

    for (bearer, body, status) in cases {
        let headers = [("origin", ORIGIN), ("authorization", bearer)];
        let reply = call(&shop, ("POST", &path), &headers, body).await;

        assert_eq!(reply.status, status, "{body} {}", reply.text);
        assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
    }
    let unknown = path.replace("license_id=", "license_id=9");
    let headers = [("origin", ORIGIN), ("authorization", bearer.as_str())];
    let unknown = call(&shop, ("POST", &unknown), &headers, &good).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counting_picture_is_no_error() {
    let shop = Shop::open().await;
    for path in ["/logs?x=1", "/x.livechatinc.com/logs"] {
        assert_eq!(call(&shop, ("GET", path), &[], "").await.status, 204);
    }
}
