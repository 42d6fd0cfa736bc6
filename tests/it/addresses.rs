//! Addresses as people type them, and what stands there before anything is set up.

use parlor::{App, Config};

use crate::support::lint;
use crate::support::program::{get, request};

const PERSON: &str = "accept: text/html\r\nsec-fetch-mode: navigate\r\n";

#[test]
fn the_base_path_leads_to_the_start_page_without_its_slash_too() {
    lint::watch();
    let app = App::start(Config {
        base_path: "/help/chat".into(),
        ..Config::ephemeral()
    })
    .unwrap();

    let answer = get(app.address(), "/help/chat");

    assert_eq!(answer.header("location"), Some("/help/chat/"));
    assert_eq!(get(app.address(), "/help/chats").status, 404);
}

#[test]
fn before_the_set_up_the_demo_says_in_words_what_is_missing() {
    lint::watch();
    let app = App::start(Config::ephemeral()).unwrap();

    let person = request(app.address(), "GET", "/demo/", PERSON, "");
    let program = get(app.address(), "/demo/");

    assert_eq!((person.status, program.status), (404, 404));
    assert!(
        person
            .header("content-type")
            .unwrap()
            .starts_with("text/html"),
        "{}",
        person.head
    );
    assert!(
        person.body.contains("follow the setup link"),
        "{}",
        person.body
    );
    assert_eq!(program.json()["error"]["code"], "not_found");
}

#[test]
fn a_page_that_the_demo_does_not_have_is_a_page_for_people() {
    lint::watch();
    let app = App::start(Config::ephemeral()).unwrap();

    let answer = request(app.address(), "GET", "/demo/nothing.html", PERSON, "");

    assert_eq!(answer.status, 404);
    assert!(
        answer.body.starts_with("<!doctype html>"),
        "{}",
        answer.body
    );
}
