//! What bad input gets from the server itself: framing, methods, heads, bodies, origins, pressure.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use parlor::config::Seed;
use parlor::db::{Error, Lane};
use parlor::{App, Config};

use crate::support::lint;
use crate::support::program::{connect, get, parse, raw, request};

fn start() -> App {
    lint::watch();
    App::start(Config::ephemeral().with_seed(Seed {
        owner_name: "Olive".into(),
        owner_email: "olive@example.com".into(),
        owner_password: "a long enough password".into(),
        site_name: "Shop".into(),
        site_origins: vec!["https://shop.example".into()],
    }))
    .unwrap()
}

/// A batch without calls, as a browser sends it that only wants the configuration.
fn batch(app: &App) -> String {
    format!(
        "{{\"site\":\"{}\",\"sent_at\":0,\"config\":\"\",\"calls\":[]}}",
        app.seeded().unwrap().site_key
    )
}

#[test]
fn a_request_with_two_meanings_is_one_400() {
    let app = start();
    let body = "POST /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let shapes = [
        (
            "two lengths",
            format!("content-length: 5\r\ncontent-length: 6\r\n\r\n{body}"),
        ),
        (
            "two equal lengths in one line",
            format!("content-length: 5, 5\r\n\r\n{body}"),
        ),
        (
            "length and chunked",
            format!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{body}"),
        ),
        (
            "chunked twice",
            format!(
                "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{body}"
            ),
        ),
        (
            "chunked, then not",
            format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{body}"),
        ),
        (
            "a signed length",
            format!("content-length: +5\r\n\r\n{body}"),
        ),
        (
            "a negative length",
            format!("content-length: -5\r\n\r\n{body}"),
        ),
        (
            "a space before the colon",
            format!("content-length : 5\r\n\r\n{body}"),
        ),
        (
            "a folded line",
            format!("x-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n{body}"),
        ),
        ("a NUL in a value", format!("x-a: 1\0\r\n\r\n{body}")),
    ];

    for (what, rest) in shapes {
        let text = raw(
            app.address(),
            format!("POST /track HTTP/1.1\r\nhost: {}\r\n{rest}", app.address()).as_bytes(),
        );

        assert_eq!(parse(&text).status, 400, "{what}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{what}: {text}");
    }
    assert_eq!(get(app.address(), "/healthz").status, 200);
}

#[test]
fn chunks_that_break_the_rules_end_the_connection() {
    let app = start();
    for chunks in [
        "zz\r\n",
        "-1\r\nx\r\n",
        "ffffffffffffffffff\r\n",
        "5\r\nabcdeXX",
    ] {
        let text = raw(
            app.address(),
            format!(
                "POST /track HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}",
                app.address()
            )
            .as_bytes(),
        );
        assert_eq!(parse(&text).status, 400, "{chunks:?}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {text}");
    }
}

#[test]
fn lines_that_end_in_a_bare_line_feed_never_hide_a_second_request() {
    let app = start();
    let text = raw(
        app.address(),
        b"GET /healthz HTTP/1.1\nhost: x\ncontent-length: 0\n\nGET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    // Either all of it is refused, or bare line feeds end lines everywhere: what must not be is a head that two
    // parsers cut at different places. A front proxy that forwards bytes as they are sees the same two requests.
    let first = parse(&text);
    assert!(
        first.status == 400 || text.matches("HTTP/1.1 200").count() == 2,
        "{text}"
    );
    let mixed = raw(
        app.address(),
        b"POST /healthz HTTP/1.1\r\nhost: x\r\nx-a: 1\ncontent-length: 30\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert_eq!(parse(&mixed).status, 400, "{mixed}");
}

#[test]
fn methods_that_nobody_serves_are_405() {
    let app = start();
    for method in ["TRACE", "CONNECT", "PROPFIND", "BREW"] {
        let answer = request(app.address(), method, "/healthz", "", "");
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert!(answer.header("allow").is_some(), "{method}: {answer:?}");
    }
    let known = request(app.address(), "DELETE", "/healthz", "", "");
    assert_eq!((known.status, known.header("allow")), (405, Some("GET")));
}

#[test]
fn head_is_get_without_a_body() {
    let app = start();
    let head = request(app.address(), "HEAD", "/widget.js", "", "");
    let whole = get(app.address(), "/widget.js");
    assert_eq!(head.status, 200);
    assert_eq!(head.body, "");
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
}

#[test]
fn unknown_paths_are_404_for_people_and_programs() {
    let app = start();
    for path in [
        "/nope",
        "/static/x/../../Cargo.toml",
        "/static/x/%2e%2e/%2e%2e/Cargo.toml",
        "/widget/nope.js",
        "/demo/%2e%2e/Cargo.toml",
        "/widget/manifest.json",
    ] {
        let answer = get(app.address(), path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert!(!answer.body.contains("[package]"), "{path}");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let app = start();
    let large = format!("x-a: {}\r\n", "a".repeat(40_000));
    assert_eq!(
        request(app.address(), "GET", "/healthz", &large, "").status,
        431
    );
    let endless = format!("x-a: {}", "a".repeat(200_000));
    let text = raw(
        app.address(),
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{endless}").as_bytes(),
    );
    assert_eq!(parse(&text).status, 431, "{text}");
}

#[test]
fn every_answer_carries_its_security_headers() {
    let app = start();
    for path in ["/healthz", "/nope", "/widget.js", "/login", "/demo/"] {
        let answer = get(app.address(), path);
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("same-origin"),
            "{path}"
        );
    }
    let page = get(app.address(), "/login");
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("require-trusted-types-for 'script'")
    );
    assert!(!policy.contains("unsafe-"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("strict-transport-security"), None, "plain http");
}

#[test]
fn a_broken_page_policy_is_reported_and_counted() {
    let app = start();
    let page = get(app.address(), "/login");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.ends_with("report-uri /csp-reports"), "{policy}");

    let report =
        "{\"csp-report\":{\"effective-directive\":\"script-src\",\"blocked-uri\":\"inline\"}}";
    let taken = request(
        app.address(),
        "POST",
        "/csp-reports",
        "content-type: application/csp-report\r\n",
        report,
    );
    assert_eq!(taken.status, 204, "{taken:?}");
    assert_eq!(
        request(app.address(), "POST", "/csp-reports", "", "{").status,
        400
    );
    assert!(
        get(app.address(), "/metrics")
            .body
            .contains("parlor_policy_reports_total 1")
    );
}

#[test]
fn https_is_asked_for_where_the_public_url_has_it() {
    lint::watch();
    let app = App::start(Config {
        public_url: Some("https://chat.example".parse().unwrap()),
        ..Config::ephemeral()
    })
    .unwrap();
    let answer = get(app.address(), "/healthz");
    assert!(answer.header("strict-transport-security").is_some());
}

#[test]
fn only_listed_origins_and_our_own_may_track() {
    let app = start();
    let own = format!("http://{}", app.address());
    let ask = |origin: &str| {
        let headers = format!("content-type: text/plain\r\norigin: {origin}\r\n");
        request(app.address(), "POST", "/track", &headers, &batch(&app))
    };

    for origin in ["https://shop.example", own.as_str()] {
        let answer = ask(origin);
        assert_eq!(answer.status, 200, "{origin}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert!(
            answer.head.to_lowercase().contains("vary: origin"),
            "{answer:?}"
        );
    }
    for origin in ["https://evil.example", "http://shop.example", "null"] {
        let answer = ask(origin);
        assert_eq!(answer.status, 403, "{origin}: {answer:?}");
        assert_eq!(answer.json()["error"]["code"], "origin_not_allowed");
    }

    let site = app
        .db()
        .read_blocking(parlor::store::sites::all)
        .unwrap()
        .remove(0);
    let refused: Vec<String> = app
        .state()
        .refused_origins
        .of(&site)
        .into_iter()
        .map(|refused| refused.origin)
        .collect();
    assert_eq!(refused, ["http://shop.example", "https://evil.example"]);
}

#[test]
fn half_a_body_is_cut() {
    let app = start();
    let mut stream = connect(app.address());
    let start = std::time::Instant::now();
    write!(
        stream,
        "POST /track HTTP/1.1\r\nhost: {}\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n{{",
        app.address()
    )
    .unwrap();

    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();

    assert_eq!(parse(&text).status, 408, "{text}");
    assert!(start.elapsed().as_secs() <= 20, "{:?}", start.elapsed());
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let app = start();
    let large = "x".repeat(70_000);
    let answer = request(
        app.address(),
        "POST",
        "/track",
        "content-type: text/plain\r\n",
        &large,
    );
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(answer.json()["error"]["code"], "too_large");
}

#[test]
fn a_full_queue_is_503_and_says_when_to_come_back() {
    let app = start();
    let db = app.db().clone();
    // One job holds the writer; then the lane is filled to its brim.
    let (go, wait) = mpsc::channel::<()>();
    let (here, held) = mpsc::channel();
    let holder = std::thread::spawn({
        let db = db.clone();
        move || {
            db.write_blocking(Lane::Tracking, move |_| {
                here.send(()).unwrap();
                // Ends when the test drops the other side.
                Ok(wait.recv().is_err())
            })
        }
    });
    held.recv().unwrap();
    let mut waiting = Vec::new();
    loop {
        let mut job = Box::pin(db.write(Lane::Tracking, |_| Ok(())));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match job.as_mut().poll(&mut context) {
            std::task::Poll::Pending => waiting.push(job),
            std::task::Poll::Ready(refused) => {
                assert!(matches!(refused, Err(Error::QueueFull)), "{refused:?}");
                break;
            }
        }
    }

    let calls = batch(&app).replace(
        "\"calls\":[]",
        &format!(
            "\"token\":\"{}\",\"calls\":[{{\"id\":\"1\",\"call\":\"page\",\"at\":0,\"url\":\"https://shop.example/\"}}]",
            "t".repeat(43)
        ),
    );
    let headers = "content-type: text/plain\r\norigin: https://shop.example\r\n";
    let answer = request(app.address(), "POST", "/track", headers, &calls);

    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.json()["error"]["code"], "unavailable");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://shop.example")
    );
    assert_eq!(
        get(app.address(), "/readyz").status,
        200,
        "pressure is not a fault"
    );

    drop(go);
    assert!(holder.join().unwrap().unwrap());
    drop(waiting);
}

#[test]
fn files_are_tagged_packed_and_kept() {
    let app = start();
    let address = app.address();
    let plain = get(address, "/widget.js");
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    let tag = plain.header("etag").unwrap().to_owned();

    let again = request(
        address,
        "GET",
        "/widget.js",
        &format!("if-none-match: \"x\", {tag}\r\n"),
        "",
    );
    assert_eq!((again.status, again.body.as_str()), (304, ""));

    for (accepted, coding) in [
        ("br, gzip", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0, gzip;q=0.5", Some("gzip")),
        ("identity", None),
    ] {
        let answer = request(
            address,
            "HEAD",
            "/widget.js",
            &format!("accept-encoding: {accepted}\r\n"),
            "",
        );
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
    }
}

#[test]
fn the_shipped_tree_has_no_http2_and_no_c_crypto() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-e",
            "normal,build",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let text = String::from_utf8(tree.stdout).unwrap();

    let mut versions = std::collections::BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.insert(name, version.trim_start_matches('v'));
        }
    }
    for banned in ["h2", "aws-lc-sys", "openssl-sys", "zstd-sys", "native-tls"] {
        assert!(!versions.contains_key(banned), "{banned} is in the tree");
    }
    // Below 3.12.1 a request could be smuggled past the parser.
    let parts: Vec<u32> = versions["actix-http"]
        .split('.')
        .map(|n| n.parse().unwrap())
        .collect();
    assert!(parts.as_slice() >= [3, 12, 1].as_slice(), "{parts:?}");
}
