//! What the executable writes to its log while people use it: nothing that says who they are or what they said.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::program::{parlor, request};

/// The client as the proxy names it; `TRUNCATED` is what is stored of it.
const CLIENT: &str = "203.0.113.77";
const TRUNCATED: &str = "203.0.113";
const TOKEN: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";

#[test]
fn nobody_can_be_found_in_the_log() {
    let mut child = parlor()
        .args(["serve", "--ephemeral", "--trusted-proxy", "127.0.0.1"])
        .args(["--owner-email", "olive@example.com"])
        .env("PARLOR_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();

    let answers = use_it(&ready);
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    child.wait().unwrap();

    assert_eq!(answers, [200, 422, 403, 400, 404], "{log}");
    // The log itself is there, so its silence says something.
    assert!(log.contains("stopping"), "{log}");
    let secrets =
        ["api_key", "owner_password", "site_key"].map(|name| ready[name].as_str().unwrap());
    let people = [
        "olive@",
        "ada@",
        "mallory@",
        "Lovelace",
        "smoked tea",
        "a password",
        TRUNCATED,
        TOKEN,
    ];
    for found in secrets.into_iter().chain(people) {
        assert!(!log.contains(found), "{found} is in the log:\n{log}");
    }
}

/// A page view with an identity, a login that fails, a foreign page, a broken body, an unknown site; their statuses.
fn use_it(ready: &Value) -> [u16; 5] {
    let url = url::Url::parse(ready["url"].as_str().unwrap()).unwrap();
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
        .parse()
        .unwrap();
    let client = format!("x-forwarded-for: {CLIENT}\r\n");
    let post = |path: &str, headers: &str, body: &str| {
        request(address, "POST", path, &format!("{client}{headers}"), body).status
    };
    let batch = |site: &str| {
        json!({"site": site, "token": TOKEN, "calls": [
            {"id": "1", "call": "page", "url": "https://shop.example/", "title": "smoked tea"},
            {"id": "2", "call": "identify", "user_id": "7", "name": "Ada Lovelace", "email": "ada@example.com"},
            {"id": "3", "call": "event", "name": "x", "properties": {"said": "smoked tea"}},
        ]})
        .to_string()
    };
    let known = batch(ready["site_key"].as_str().unwrap());
    let own = format!(
        "origin: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        url.origin().ascii_serialization()
    );
    [
        post("/track", "", &known),
        post(
            "/login",
            &own,
            "email=mallory%40example.com&password=a+password",
        ),
        post("/track", "origin: https://evil.example\r\n", &known),
        post("/track", "", &known[..known.len() - 9]),
        post("/track", "", &batch("nobody's site")),
    ]
}
