//! What pages carry and show around a login.

use parlor::Config;

use crate::auth_browser::{Browser, OWNER, PASSWORD, app, app_with};

#[test]
fn pages_carry_the_headers_that_protect_them() {
    let app = app();
    let browser = Browser::signed_in(&app, OWNER);
    for path in [
        "/",
        "/login",
        "/settings/profile",
        "/nowhere",
        "/setup?token=x",
    ] {
        let page = browser.get(path);
        if page.status >= 300 && page.status < 400 {
            continue;
        }

        let policy = page.header("content-security-policy");

        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{path} {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'; require-trusted-types-for 'script'"));
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(
            !page.body.contains(" style=") && !page.body.contains("<style"),
            "{path}"
        );
        assert!(!page.body.contains(" onclick="), "{path}");
    }
}

#[test]
fn what_a_browser_says_of_itself_is_cut_and_shown_as_text() {
    let app = app();
    let browser = Browser::new(&app);
    let form = [("email", OWNER), ("password", PASSWORD)];
    let words = format!("<b>{}", "x".repeat(5000));

    browser.post_with(
        "/login",
        &form,
        &[("sec-fetch-site", "same-origin"), ("user-agent", &words)],
    );

    let kept = app
        .db()
        .read_blocking(|tx| tx.one("select user_agent from logins", &[], |row| row.text(0)));
    assert_eq!(kept.expect("one login").chars().count(), 300);
    assert!(!browser.get("/settings/profile").body.contains("<b>x"));
}

#[test]
fn a_base_path_is_kept_through_a_login() {
    let app = app_with(Config {
        base_path: "/help".into(),
        ..Config::ephemeral()
    });
    let browser = Browser::new(&app);

    let sent = browser.get("/settings/profile");
    let answer = browser.post(
        "/login",
        &[
            ("email", OWNER),
            ("password", PASSWORD),
            ("next", "/settings/profile"),
        ],
    );

    assert_eq!(sent.location(), "/help/login?next=%2Fsettings%2Fprofile");
    assert_eq!(
        answer.location(),
        "/help/login/done?next=%2Fsettings%2Fprofile"
    );
    assert!(
        answer.header("set-cookie").contains("; Path=/;"),
        "the prefix asks for it"
    );
    let next = browser.get("/login/done?next=%2Fsettings%2Fprofile");
    assert_eq!(next.location(), "/help/settings/profile");
    assert!(
        browser
            .get("/settings/profile")
            .body
            .contains("action=\"/help/settings/profile\"")
    );
}
