//! The program: its options, what it prints, its commands, and that many run in one process.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use parlor::config::{Options, Seed};
use parlor::{App, Config};

use crate::support::lint;
use crate::support::program::{Program, get, parlor, request};

fn options(text: &[&str]) -> Options {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    let line: Line = clap::Parser::try_parse_from(["parlor"].iter().chain(text)).unwrap();
    line.options
}

fn run(args: &[&str], input: &str) -> Output {
    let mut child = parlor()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses before it reads has closed its end.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parlor.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\nworkers = 3\nmax-sockets = 7\ntrusted_proxy = [\"10.0.0.0/8\", \"::1\"]\n",
    )
    .unwrap();
    let named = file.to_str().unwrap();

    let config = options(&[
        "--config",
        named,
        "--listen",
        "127.0.0.1:2",
        "--base-path",
        "chat/",
    ])
    .resolve(Config::default())
    .unwrap();

    assert_eq!(config.listen.port(), 2, "the flag");
    assert_eq!((config.workers, config.max_sockets), (3, 7), "the file");
    assert_eq!(config.sockets_per_address, 20, "the default");
    assert_eq!(config.base_path, "/chat");
    assert!(config.trusts("10.1.2.3".parse().unwrap()));
    assert!(config.trusts("::1".parse().unwrap()));
    assert!(!config.trusts("11.1.2.3".parse().unwrap()));

    // The variable: in a process of its own, since the environment is shared by all tests.
    let data = folder.path().join("data");
    fs::write(&file, "data = \"/nowhere\"\nlisten = \"x\"\n").unwrap();
    let output = parlor()
        .args(["check", "--config", named, "--listen", "127.0.0.1:0"])
        .env("PARLOR_DATA", &data)
        .output()
        .unwrap();
    let (_, err) = said(&output);
    assert!(err.contains(data.to_str().unwrap()), "{err}");
}

#[test]
fn every_problem_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parlor.toml");
    fs::write(&file, "speed = 9\nlog_format = \"xml\"\nlisten = [1]\n").unwrap();
    let wrong = [
        ("--config", file.to_str().unwrap(), ""),
        (
            "--database",
            "mysql://me:secret@host/x",
            "database: must be",
        ),
        ("--public-url", "ftp://x", "public-url: must be"),
        ("--base-path", "/a b", "base-path: must be"),
        (
            "--trusted-proxy",
            "10.0.0.0/99",
            "trusted-proxy: \"10.0.0.0/99\"",
        ),
        ("--workers", "0", "workers: must be"),
        ("--max-sockets", "many", "max-sockets: must be"),
        ("--statement-cache", "perhaps", "statement-cache: must be"),
    ];
    let args: Vec<&str> = wrong
        .iter()
        .flat_map(|(flag, value, _)| [*flag, *value])
        .collect();

    let (out, err) = said(&run(&args, ""));

    assert_eq!(out, "");
    let expected = [
        "speed (",
        "is not an option",
        "log-format: must be human or json",
        "listen (",
    ];
    for words in expected
        .into_iter()
        .chain(wrong.iter().map(|(.., words)| *words))
    {
        assert!(err.contains(words), "{words:?} is missing in:\n{err}");
    }
    assert!(!err.contains("secret"), "{err}");
}

#[test]
fn a_public_url_brings_the_base_path() {
    let config = options(&["--public-url", "https://shop.example/chat/"])
        .resolve(Config::default())
        .unwrap();
    assert_eq!(config.base_path, "/chat");
    assert_eq!(config.public_origin().unwrap(), "https://shop.example");
    assert!(config.is_https());

    let both = options(&["--public-url", "https://shop.example", "--base-path", "/x"])
        .resolve(Config::default())
        .unwrap();
    assert_eq!(both.public_url.unwrap().as_str(), "https://shop.example/x");

    let apart = options(&[
        "--public-url",
        "https://shop.example/a",
        "--base-path",
        "/b",
    ])
    .resolve(Config::default());
    assert!(
        apart
            .unwrap_err()
            .to_string()
            .contains("but --base-path says /b")
    );
}

#[test]
fn many_run_in_one_process_each_with_its_own_port_folder_and_clock() {
    lint::watch();
    let apps: Vec<App> = (0..3)
        .map(|_| App::start(Config::ephemeral()).unwrap())
        .collect();
    apps[1].clock().turn(3_600_000);

    for app in &apps {
        assert_eq!(get(app.address(), "/readyz").body, "ready\n");
        assert_eq!(app.url(), format!("http://{}", app.address()));
    }
    assert!(apps[1].clock().now() > apps[0].clock().now() + 3_000_000);
    let folders: Vec<_> = apps.iter().map(|app| app.data().to_owned()).collect();
    assert!(
        folders
            .iter()
            .all(|folder| folder.join("parlor.db").exists())
    );

    drop(apps);
    assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
}

#[test]
fn everything_is_served_below_the_base_path() {
    lint::watch();
    let app = App::start(Config {
        base_path: "/chat".into(),
        ..Config::ephemeral().with_seed(seed())
    })
    .unwrap();
    let address = app.address();

    assert_eq!(get(address, "/chat/healthz").status, 200);
    assert_eq!(get(address, "/healthz").status, 404);
    assert_eq!(get(address, "/chat/widget.js").status, 200);
    assert_eq!(
        get(address, "/chat/demo").header("location"),
        Some("/chat/demo/")
    );
    let page = get(address, "/chat/demo/");
    let snippet = format!(
        "<script async src=\"http://{address}/chat/widget.js\" data-site=\"{}\"></script>",
        app.seeded().unwrap().site_key
    );
    assert!(page.body.contains(&snippet), "{}", page.body);
    assert_eq!(app.url(), format!("http://{address}/chat"));
}

fn seed() -> Seed {
    Seed {
        owner_name: "Olive".into(),
        owner_email: "olive@example.com".into(),
        owner_password: "a long enough password".into(),
        site_name: "Shop".into(),
        site_origins: vec!["https://shop.example".into()],
    }
}

#[test]
fn a_seed_that_does_not_fit_is_named() {
    lint::watch();
    for (field, wrong) in [
        (
            "email",
            Seed {
                owner_email: "olive".into(),
                ..seed()
            },
        ),
        (
            "password",
            Seed {
                owner_password: "short".into(),
                ..seed()
            },
        ),
        (
            "site-name",
            Seed {
                site_name: String::new(),
                ..seed()
            },
        ),
    ] {
        let refused = App::start(Config::ephemeral().with_seed(wrong))
            .err()
            .unwrap();
        assert!(refused.to_string().contains(field), "{refused}");
    }
}

#[test]
fn an_ephemeral_server_says_where_it_is_and_leaves_nothing() {
    let program = Program::ephemeral(&[
        "--owner-email",
        "ada@example.com",
        "--owner-password",
        "correct horse battery",
        "--site-origin",
        "https://shop.example",
    ]);
    let folder = program.ready("data").to_owned();

    let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    assert_eq!(program.ready("owner_email"), "ada@example.com");
    assert!(
        program.ready.get("owner_password").is_none(),
        "it was given"
    );
    assert!(program.ready("api_key").starts_with("parlor_"));
    assert!(program.ready["pid"].is_u64());
    let demo = get(program.address(), "/demo/").body;
    assert!(demo.contains(program.ready("site_key")));

    program.signal("TERM");
    let (status, rest, _) = program.ended();
    assert!(status.success());
    assert_eq!(rest, "", "exactly one line on stdout");
    assert!(!Path::new(&folder).exists());
}

#[test]
fn an_interrupt_removes_the_folder_too() {
    let program = Program::ephemeral(&[]);
    let folder = program.ready("data").to_owned();
    assert_eq!(
        program.ready("owner_password").len(),
        43,
        "made, so it is told"
    );

    program.signal("INT");
    assert!(program.ended().0.success());
    assert!(!Path::new(&folder).exists());
}

fn start_in(data: &Path) -> App {
    lint::watch();
    App::start(Config {
        data: data.to_owned(),
        ephemeral: false,
        ..Config::ephemeral().with_seed(seed())
    })
    .unwrap()
}

#[test]
fn commands_ask_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let named = data.to_str().unwrap();
    let none = run(&["agent", "list", "--data", named], "");
    assert!(said(&none).1.contains("there is no Parlor in"), "{none:?}");
    assert!(!data.exists(), "a mistyped folder is not made");

    let app = start_in(&data);
    let added = run(
        &[
            "agent",
            "add",
            "bo@example.com",
            "--name",
            "Bo",
            "--role",
            "admin",
            "--data",
            named,
        ],
        "quite a long password\n",
    );
    assert!(added.status.success(), "{added:?}");
    let again = run(
        &[
            "agent",
            "add",
            "bo@example.com",
            "--name",
            "Bo",
            "--data",
            named,
        ],
        "quite a long password\n",
    );
    assert!(said(&again).1.contains("email"), "{again:?}");
    let short = run(
        &["agent", "reset-password", "bo@example.com", "--data", named],
        "short\n",
    );
    assert!(said(&short).1.contains("password"), "{short:?}");
    let link = run(&["setup-link", "--data", named], "");
    assert!(said(&link).1.contains("set up already"), "{link:?}");
    let second = run(&["--data", named, "--listen", "127.0.0.1:0"], "");
    assert!(
        said(&second).1.contains("another Parlor already serves"),
        "{second:?}"
    );
    app.stop();
}

#[test]
fn commands_open_the_database_when_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let named = data.to_str().unwrap();
    let app = start_in(&data);
    app.stop();

    let reset = run(
        &[
            "agent",
            "reset-password",
            "olive@example.com",
            "--data",
            named,
        ],
        "another long password\n",
    );
    assert!(reset.status.success(), "{reset:?}");
    let listed = said(&run(&["agent", "list", "--data", named], "")).0;
    assert!(
        listed.contains("olive@example.com") && listed.contains("owner"),
        "{listed}"
    );
    let checked = run(&["check", "--data", named], "");
    assert!(checked.status.success());
    assert!(
        said(&checked).0.contains("1 sites, 1 agents"),
        "{checked:?}"
    );
}

#[test]
fn a_new_parlor_prints_a_set_up_link_that_opens_once() {
    lint::watch();
    let app = App::start(Config::ephemeral()).unwrap();

    let link = app.setup_link().unwrap();
    let path = link.strip_prefix(&app.url()).unwrap();

    assert_eq!(get(app.address(), path).status, 200);
    assert_eq!(get(app.address(), "/setup").status, 404);
    assert_eq!(
        get(app.address(), "/demo/").json()["error"]["code"],
        "not_found"
    );
}

#[test]
fn what_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let output = run(
        &["--listen", &address, "--data", data.to_str().unwrap()],
        "",
    );
    let (_, err) = said(&output);
    assert!(!output.status.success());
    assert!(
        err.contains(&format!("cannot listen on {address}")),
        "{err}"
    );

    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let output = run(
        &["--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()],
        "",
    );
    let (_, err) = said(&output);
    assert!(!output.status.success());
    assert!(err.contains(file.to_str().unwrap()), "{err}");
}

#[test]
fn a_database_from_a_newer_parlor_is_refused_in_clear_words() {
    use parlor::db::Lane;
    lint::watch();
    let folder = tempfile::tempdir().unwrap();
    let app = App::start(Config {
        data: folder.path().to_owned(),
        ephemeral: false,
        ..Config::ephemeral()
    })
    .unwrap();
    app.db()
        .write_blocking(Lane::Admin, |tx| {
            tx.exec(
                "insert into migrations (version, name, checksum, program, applied_at) \
                 values (9000, 'later', 'x', '9.8.7', 0)",
                &[],
            )
        })
        .unwrap();
    app.stop();

    let refused = run(
        &[
            "--data",
            folder.path().to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ],
        "",
    );
    let (_, err) = said(&refused);
    assert!(!refused.status.success());
    assert!(
        err.contains("9.8.7") && err.contains("restore a backup"),
        "{err}"
    );
}

#[test]
fn metrics_are_for_this_machine_only() {
    lint::watch();
    let app = App::start(Config::ephemeral()).unwrap();
    assert_eq!(get(app.address(), "/healthz").status, 200);

    let figures = get(app.address(), "/metrics").body;
    for name in [
        "parlor_http_requests_total{way=\"operator\",status=\"200\"}",
        "parlor_db_ready 1",
        "parlor_sockets 0",
    ] {
        assert!(figures.contains(name), "{name} is missing in:\n{figures}");
    }
    let proxied = request(
        app.address(),
        "GET",
        "/metrics",
        "x-forwarded-for: 203.0.113.7\r\n",
        "",
    );
    assert_eq!(proxied.status, 404);
}
