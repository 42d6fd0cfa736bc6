//! The first set-up over HTTP: a link that works once, one owner however many try, and pages that say what to do.

use parlor::App;
use parlor::config::Config;
use parlor::store::setup;
use parlor::token::Token;

use crate::auth_browser::{Browser, PASSWORD, count, each_empty_app, write};

fn link(app: &App) -> Token {
    let token = Token::random();
    let (hash, now) = (token.hash(), app.clock().now());
    write(app.db(), move |tx| setup::issue_link(tx, &hash, now));
    token
}

fn form(token: &Token) -> [(&'static str, String); 5] {
    [
        ("token", token.as_str().to_owned()),
        ("site_name", "Tea & <Shop>".into()),
        ("name", "Olive Owner".into()),
        ("email", "Owner@example.org".into()),
        ("password", PASSWORD.into()),
    ]
}

fn post(browser: &Browser, form: &[(&'static str, String)]) -> crate::auth_browser::Answer {
    let fields: Vec<(&str, &str)> = form.iter().map(|(name, v)| (*name, v.as_str())).collect();
    browser.post("/setup", &fields)
}

fn empty_app() -> App {
    App::start(Config::ephemeral()).expect("Parlor starts")
}

#[test]
fn the_link_makes_an_owner_and_a_site_and_signs_in() {
    each_empty_app(|app| {
        let (browser, token) = (Browser::new(app), link(app));
        let page = browser.get(&format!("/setup?token={}", token.as_str()));
        assert_eq!(page.status, 200);
        assert!(page.body.contains("name=\"site_name\""));

        let answer = post(&browser, &form(&token));

        assert_eq!((answer.status, answer.location()), (303, "/login/done"));
        let start = browser.get("/");
        assert_eq!(start.status, 200);
        assert!(
            start.body.contains("Tea &#38; &#60;Shop&#62;"),
            "{}",
            start.body
        );
        assert!(
            start.body.contains("/widget.js&#34; data-site=&#34;"),
            "{}",
            start.body
        );
        assert!(start.body.contains("/demo"));
        assert_eq!(
            count(app.db(), "select count(*) from agents where role = 'owner'"),
            1
        );
        assert_eq!(
            count(app.db(), "select count(*) from groups where number = 0"),
            1
        );
        assert_eq!(
            count(
                app.db(),
                "select count(*) from inbox_heads where last_seq = 0"
            ),
            1
        );
        assert_eq!(count(app.db(), "select count(*) from agent_sites"), 1);
        assert_eq!(count(app.db(), "select count(*) from group_members"), 1);
        assert_eq!(count(app.db(), "select license_id from sites"), 100_001);
    });
}

#[test]
fn the_link_is_gone_once_used() {
    let app = empty_app();
    let (token, other) = (link(&app), link(&app));
    post(&Browser::new(&app), &form(&token));

    for token in [&token, &other, &Token::random()] {
        let browser = Browser::new(&app);
        let page = browser.get(&format!("/setup?token={}", token.as_str()));
        assert_eq!(page.status, 404);
        assert!(
            page.body.contains("This set-up link was used"),
            "{}",
            page.body
        );
        assert_eq!(post(&browser, &form(token)).status, 404);
    }
    for path in [
        "/setup",
        "/setup?token=",
        "/setup?token=../../etc",
        "/setup?token=%00",
    ] {
        assert_eq!(Browser::new(&app).get(path).status, 404, "{path}");
    }
    assert_eq!(count(app.db(), "select count(*) from agents"), 1);
    assert_eq!(count(app.db(), "select count(*) from one_time_tokens"), 0);
}

#[test]
fn a_link_is_good_for_a_day() {
    let app = empty_app();
    let token = link(&app);
    let path = format!("/setup?token={}", token.as_str());

    app.clock().turn(24 * 3_600_000 - 1000);
    assert_eq!(Browser::new(&app).get(&path).status, 200);
    app.clock().turn(1000);

    assert_eq!(Browser::new(&app).get(&path).status, 404);
    assert_eq!(post(&Browser::new(&app), &form(&token)).status, 404);
}

#[test]
fn of_a_hundred_posts_at_once_one_founds_the_house() {
    each_empty_app(|app| {
        // Two links that are both good: the winner takes all.
        let tokens = [link(app), link(app)];
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let posts: Vec<_> = (0..100)
                .map(|n| {
                    let token = &tokens[n % 2];
                    scope.spawn(move || post(&Browser::new(app), &form(token)).status)
                })
                .collect();
            posts
                .into_iter()
                .map(|post| post.join().expect("the post ends"))
                .collect()
        });

        let won = statuses.iter().filter(|status| **status == 303).count();

        assert_eq!(won, 1, "{statuses:?}");
        assert!(
            statuses.iter().all(|s| [303, 404, 429, 503].contains(s)),
            "{statuses:?}"
        );
        assert_eq!(count(app.db(), "select count(*) from agents"), 1);
        assert_eq!(count(app.db(), "select count(*) from sites"), 1);
        assert_eq!(count(app.db(), "select count(*) from logins"), 1);
    });
}

#[test]
fn errors_stand_beside_the_fields_and_keep_what_was_typed() {
    let app = empty_app();
    let (browser, token) = (Browser::new(&app), link(&app));
    let mut form = form(&token);
    form[1].1 = "x".repeat(81);
    form[2].1 = " \u{0}".into();
    form[3].1 = "\"><script>x</script>".into();
    form[4].1 = "password123".into();

    let page = post(&browser, &form);

    assert_eq!(page.status, 422);
    for error in [
        "<p class=\"error\" id=\"site_name-error\">At most 80 characters.</p>",
        "<p class=\"error\" id=\"name-error\">Please fill this in.</p>",
        "<p class=\"error\" id=\"email-error\">This is not an e-mail address.</p>",
        "<p class=\"error\" id=\"password-error\">This is too easy to guess.</p>",
    ] {
        assert!(page.body.contains(error), "{error} in {}", page.body);
    }
    assert!(page.body.contains(&"x".repeat(81)), "what was typed stays");
    assert!(page.body.contains("&#60;script&#62;x"), "and is text");
    assert!(
        !page.body.contains("password123"),
        "but a password is never sent back"
    );
    assert_eq!(count(app.db(), "select count(*) from agents"), 0);
    assert_eq!(post(&browser, &self::form(&token)).status, 303);
}

#[test]
fn wrong_links_use_up_nobody_elses_tries() {
    let app = empty_app();
    let (browser, token) = (Browser::new(&app), link(&app));
    let guess = form(&Token::random());
    let guesses: Vec<u16> = (0..12).map(|_| post(&browser, &guess).status).collect();

    let owner = post(&browser, &form(&token));

    assert_eq!(guesses[9], 404);
    assert_eq!(guesses[11], 429);
    assert_eq!(owner.status, 303);
}

#[test]
fn before_the_set_up_every_page_says_where_the_link_is() {
    let app = empty_app();
    let browser = Browser::new(&app);

    assert_eq!(browser.get("/").location(), "/login");
    let page = browser.get("/login");

    assert_eq!(page.status, 200);
    assert!(page.body.contains("Parlor is not set up yet"));
    assert!(page.body.contains("parlor setup-link"));
    assert!(!page.body.contains("type=\"password\""));
    assert_eq!(browser.log_in("owner@example.org", PASSWORD).status, 422);
}
