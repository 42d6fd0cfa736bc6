//! A full disk as clients meet it: writes are refused by name, reads and sign-in go on, and it recovers by itself.

use parlor::db::Lane;
use parlor::token::Token;
use serde_json::json;

use crate::support::{ON_PURPOSE, until};
use crate::track_server::{Server, page};

/// SQLite's own limit of the file stands in for the end of the disk.
fn limit_pages(server: &Server, beyond: i64) {
    server
        .app
        .db()
        .write_blocking(Lane::Admin, move |tx| {
            let used = tx.int(&format!("pragma page_count {ON_PURPOSE}"), &[])?;
            let most = used + beyond;
            tx.int(&format!("pragma max_page_count = {most} {ON_PURPOSE}"), &[])
        })
        .unwrap();
}

fn status(server: &Server, path: &str) -> u16 {
    let url = format!("{}{path}", server.app.url());
    server.agent.get(url).call().unwrap().status().as_u16()
}

#[test]
fn a_full_disk_refuses_calls_by_name_serves_pages_and_takes_calls_again_when_there_is_room() {
    let server = Server::start();
    let token = Token::random();
    assert_eq!(server.calls(&token, &json!([page("p0")])).status, 200);
    limit_pages(&server, 8);

    let mut stored = vec!["p0".to_owned()];
    let refused = loop {
        let id = format!("p{}", stored.len());
        let long = json!([{"id": id, "call": "event", "at": 0, "name": "filled", "properties": {"text": "x".repeat(4000)}}]);
        let reply = server.calls(&token, &long);
        if reply.status != 200 {
            break reply;
        }
        stored.push(id);
    };

    assert_eq!(refused.status, 507);
    assert_eq!(refused.code(), "unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(status(&server, "/readyz"), 503);
    assert_eq!(status(&server, "/healthz"), 200);
    assert_eq!(status(&server, "/login"), 200);
    let kept = "select count(*) from activities where kind in ('page_view', 'custom')";
    assert_eq!(server.int(kept), i64::try_from(stored.len()).unwrap());

    limit_pages(&server, 10_000);
    until("there is room again", || status(&server, "/readyz") == 200);
    assert_eq!(server.calls(&token, &json!([page("after")])).status, 200);
}
