//! Logging in and staying so: the one answer to wrong passwords, limits, cookies, the CSRF rule, revoking.

mod pages;

use std::time::Instant;

use parlor::Config;
use parlor::domain::agent::Role;
use parlor::store::{logins, one_time_tokens};
use parlor::token::Token;

use crate::auth_browser::{Browser, OWNER, PASSWORD, agent, app, app_with, count, write};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

#[test]
fn a_login_leads_to_the_start_page_and_sets_a_host_cookie() {
    let app = app();
    let browser = Browser::new(&app);

    let answer = browser.log_in(" Owner@Example.ORG ", PASSWORD);

    assert_eq!((answer.status, answer.location()), (303, "/login/done"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sid="), "{cookie}");
    for flag in [
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Max-Age=2592000",
    ] {
        assert!(cookie.contains(flag), "{flag} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(browser.cookie().expect("a cookie").len(), 43);
    assert_eq!(browser.get("/login/done").location(), "/");
    assert_eq!(browser.get("/").status, 200);
    assert_eq!(browser.get("/login").location(), "/");
    let stored = "select count(*) from logins where length(token_hash) = 32";
    assert_eq!(count(app.db(), stored), 1);
}

#[test]
fn whatever_is_wrong_with_a_login_the_answer_is_the_same() {
    let app = app();
    agent(&app, "gone@example.org", Role::Agent);
    write(app.db(), |tx| {
        tx.exec(
            "update agents set deactivated_at = 1 where email_fold = 'gone@example.org'",
            &[],
        )
    });
    let said = |email: &str, password: &str| {
        let browser = Browser::new(&app);
        let answer = browser.log_in(email, password);
        assert_eq!(answer.status, 422);
        assert_eq!(answer.header("set-cookie"), "");
        answer.body.replace(email, "EMAIL")
    };

    let wrong = said(OWNER, "wrong password");

    assert!(wrong.contains("E-mail address and password do not fit together."));
    assert_eq!(wrong, said("nobody@example.org", PASSWORD));
    assert_eq!(wrong, said("gone@example.org", PASSWORD));
    assert_eq!(wrong, said("not an address", PASSWORD));
}

#[test]
fn an_unknown_name_takes_as_long_as_a_known_one() {
    let app = app();
    let fastest = |email: &str| {
        (0..4)
            .map(|_| {
                let start = Instant::now();
                Browser::new(&app).log_in(email, "wrong password");
                start.elapsed()
            })
            .min()
            .expect("four tries")
    };

    let (known, unknown) = (fastest(OWNER), fastest("nobody@example.org"));

    // Without the dummy hash it is a hundredth.
    assert!(unknown * 2 > known, "{unknown:?} {known:?}");
}

#[test]
fn ten_failures_shut_an_account_for_a_while_on_every_way_in() {
    let app = app();
    let signed_in = Browser::signed_in(&app, OWNER);
    let browser = Browser::new(&app);
    for _ in 0..10 {
        assert_eq!(browser.log_in(OWNER, "wrong password").status, 422);
    }

    let refused = browser.log_in(OWNER, PASSWORD);
    let other_way = signed_in.post(
        "/settings/profile/password",
        &[
            ("current_password", PASSWORD),
            ("password", "another good one"),
        ],
    );

    assert_eq!(refused.status, 429);
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=901).contains(&wait), "{wait}");
    assert!(refused.body.contains("Too many tries"));
    assert_eq!(other_way.status, 422);
    assert!(other_way.body.contains("Too many tries"));
    app.clock().turn(15 * MINUTE_MS);
    assert_eq!(browser.log_in(OWNER, PASSWORD).status, 303);
}

#[test]
fn right_passwords_are_never_counted() {
    let app = app();
    for _ in 0..15 {
        Browser::signed_in(&app, OWNER);
    }
}

#[test]
fn only_our_own_pages_may_post() {
    let app = app();
    let own = app.url();
    let table: [(&[(&str, &str)], u16); 9] = [
        (&[("sec-fetch-site", "same-origin")], 303),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
            303,
        ),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", &own)], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("origin", &own)], 303),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[], 403),
    ];
    for (headers, status) in table {
        let browser = Browser::new(&app);
        let form = [("email", OWNER), ("password", PASSWORD)];

        let answer = browser.post_with("/login", &form, headers);

        assert_eq!(answer.status, status, "{headers:?} {}", answer.body);
        assert_eq!(browser.cookie().is_some(), status == 303, "{headers:?}");
    }
    for path in [
        "/logout",
        "/setup",
        "/invite",
        "/live/ticket",
        "/settings/site",
        "/nowhere",
    ] {
        assert_eq!(
            Browser::new(&app).post_with(path, &[], &[]).status,
            403,
            "{path}"
        );
    }
}

#[test]
fn the_configured_address_is_our_own_origin() {
    let app = app_with(Config {
        public_url: Some("https://chat.example/".parse().expect("a URL")),
        ..Config::ephemeral()
    });
    let here = format!("http://{}", app.address());
    let post = |origin: &str| {
        let url = format!("{here}/login");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let answer = agent
            .post(url)
            .header("origin", origin)
            .send_form([("email", OWNER), ("password", PASSWORD)]);
        answer.expect("the server answers").status().as_u16()
    };

    assert_eq!(post("https://chat.example"), 303);
    assert_eq!(post(&here), 403);
}

#[test]
fn logging_out_ends_the_login_and_takes_the_cookie_away() {
    let app = app();
    let browser = Browser::signed_in(&app, OWNER);
    let stolen = browser.cookie();

    let answer = browser.post("/logout", &[]);

    assert_eq!((answer.status, answer.location()), (303, "/login"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.cookie(), None);
    browser.set_cookie(stolen);
    assert_eq!(browser.get("/settings/site?x=1").status, 302);
    assert_eq!(
        browser.get("/settings/site?x=1").location(),
        "/login?next=%2Fsettings%2Fsite%3Fx%3D1"
    );
    assert_eq!(browser.get("/").location(), "/login");
    assert_eq!(
        browser
            .get_with("/settings/site", &[("accept", "application/json")])
            .status,
        401
    );
    assert_eq!(browser.post("/settings/site", &[]).location(), "/login");
}

#[test]
fn a_new_login_replaces_the_one_the_browser_had() {
    let app = app();
    let browser = Browser::signed_in(&app, OWNER);
    let first = browser.cookie();

    browser.log_in(OWNER, PASSWORD);

    assert_ne!(browser.cookie(), first);
    let old = Browser::new(&app);
    old.set_cookie(first);
    assert_eq!(old.get("/").status, 302);
    assert_eq!(browser.get("/").status, 200);
}

#[test]
fn an_idle_login_ends_after_a_week_and_a_busy_one_after_thirty_days() {
    let app = app();
    let (idle, busy) = (
        Browser::signed_in(&app, OWNER),
        Browser::signed_in(&app, OWNER),
    );
    for day in 1..30 {
        app.clock().turn(DAY_MS);
        assert_eq!(busy.get("/").status, 200, "day {day}");
        if day == 8 {
            assert_eq!(idle.get("/").status, 302);
        }
    }

    app.clock().turn(DAY_MS);

    assert_eq!(busy.get("/").status, 302);
}

#[test]
fn a_clock_set_back_by_more_than_a_day_asks_for_a_new_login() {
    let app = app();
    let browser = Browser::signed_in(&app, OWNER);

    app.clock().turn(-DAY_MS + MINUTE_MS);
    assert_eq!(browser.get("/").status, 200);
    app.clock().turn(-2 * MINUTE_MS);

    assert_eq!(browser.get("/").status, 302);
    assert_eq!(Browser::new(&app).log_in(OWNER, PASSWORD).status, 303);
}

#[test]
fn after_a_login_only_paths_of_our_own_are_followed() {
    let app = app();
    for (next, want) in [
        ("/chats/1?x=2", "/login/done?next=%2Fchats%2F1%3Fx%3D2"),
        ("//evil.example", "/login/done"),
        ("/\\evil.example", "/login/done"),
        ("https://evil.example", "/login/done"),
        ("javascript:alert(1)", "/login/done"),
        ("/a\r\nSet-Cookie: x=y", "/login/done"),
    ] {
        let browser = Browser::new(&app);
        let answer = browser.post(
            "/login",
            &[("email", OWNER), ("password", PASSWORD), ("next", next)],
        );

        assert_eq!(answer.location(), want, "{next:?}");
        assert_eq!(
            answer.headers.get_all("set-cookie").iter().count(),
            1,
            "{next:?}"
        );
    }
    let browser = Browser::signed_in(&app, OWNER);
    assert_eq!(
        browser
            .get("/login/done?next=%2F%2Fevil.example")
            .location(),
        "/"
    );
    assert_eq!(
        browser.get("/login?next=%2F%5Cevil.example").location(),
        "/"
    );
}

#[test]
fn a_browser_that_did_not_keep_the_cookie_is_told_so() {
    let app = app();

    let answer = Browser::new(&app).get("/login/done");

    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("Your browser did not keep the login."));
}

#[test]
fn plain_http_from_elsewhere_is_told_why_it_cannot_work() {
    let app = app();
    let browser = Browser::new(&app);
    for (host, is_warned) in [
        ("localhost:8080", false),
        ("127.0.0.1:8080", false),
        ("[::1]:8080", false),
        ("chat.localhost", false),
        ("192.168.1.5:8080", true),
        ("chat.example", true),
        ("localhost.evil.example", true),
    ] {
        let page = browser.get_with("/login", &[("host", host), ("accept", "text/html")]);

        assert_eq!(
            page.body.contains("came over plain http"),
            is_warned,
            "{host}"
        );
    }
}

#[test]
fn what_is_typed_into_the_login_form_is_shown_as_text() {
    let app = app();
    let nasty = "\"><script>alert(1)</script>";

    let answer = Browser::new(&app).log_in(nasty, "x");

    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert!(
        answer.body.contains("&#60;script&#62;alert"),
        "{}",
        answer.body
    );
}

#[test]
fn odd_bodies_get_named_errors() {
    let app = app();
    let browser = Browser::new(&app);
    let long = "x".repeat(70_000);

    assert_eq!(browser.log_in(&"e".repeat(60_000), "x").status, 422);
    assert_eq!(browser.log_in(OWNER, &"p".repeat(60_000)).status, 422);
    assert_eq!(browser.log_in(&long, "x").status, 413);
    assert_eq!(browser.log_in("a\0b@example.org", "\0").status, 422);
    let json = browser.post_with(
        "/login",
        &[],
        &[
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
        ],
    );
    assert_eq!(json.status, 415);
}

#[test]
fn a_socket_ticket_is_for_those_who_are_signed_in_and_lasts_half_a_minute() {
    let app = app();
    let browser = Browser::signed_in(&app, OWNER);
    let ask = |browser: &Browser| {
        browser.post_with("/live/ticket", &[], &[("sec-fetch-site", "same-origin")])
    };

    let answer = ask(&browser);

    assert_eq!(answer.status, 200);
    assert_eq!(ask(&Browser::new(&app)).status, 401);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let ticket = Token::parse(body["ticket"].as_str().expect("a ticket")).expect("a token");
    let (hash, now) = (ticket.hash(), app.clock().now());
    let take = move |at: i64| {
        move |tx: &mut dyn parlor::db::Tx| {
            one_time_tokens::take(tx, one_time_tokens::Purpose::Socket, &hash, at)
        }
    };
    assert_eq!(write(app.db(), take(now + 31_000)), None);
    assert!(write(app.db(), take(now)).is_some_and(|holder| holder.login.is_some()));
    assert_eq!(write(app.db(), take(now)), None);
}

#[test]
fn ended_logins_are_swept_away() {
    let app = app();
    Browser::signed_in(&app, OWNER);
    app.clock().turn(31 * DAY_MS);
    Browser::signed_in(&app, OWNER);
    let now = app.clock().now();

    let gone = write(app.db(), move |tx| logins::delete_ended(tx, now, 100));

    assert_eq!(gone, 1);
    assert_eq!(count(app.db(), "select count(*) from logins"), 1);
}
