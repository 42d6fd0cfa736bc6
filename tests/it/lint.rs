//! Rules that no compiler checks: one SQL text for both engines, layers, drivers in one folder, the shape of files.

use std::fs;
use std::path::{Path, PathBuf};

use parlor::db::{Error, Lane};

use crate::support::each_engine;
use crate::support::lint::broken_rule;

/// No file of ours is longer.
const LONGEST_FILE_LINES: usize = 500;

#[test]
fn a_statement_that_breaks_a_rule_is_named() {
    for (rule, sql) in [
        ("R1", "select id from agents where id = ?"),
        ("R1", "select id from agents where id = $1"),
        ("R1", "select id from agents where id = ?2"),
        ("R2", "select ?1::bigint"),
        ("R6", "insert or ignore into agents (id) values (?1)"),
        ("R6", "select * from agents"),
        ("R6", "select agents.* from agents"),
        ("R6", "select id from agents where name ilike ?1"),
        ("R6", "select rowid from agents"),
        (
            "R6",
            "with gone as (delete from agents returning id) select id from gone",
        ),
        (
            "R6",
            "insert into a (b) values (?1) on conflict on constraint c do nothing",
        ),
        ("R14", "select pg_advisory_lock(?1)"),
        ("R14", "create table t (a integer)"),
        ("R14", "create temp table t (a integer)"),
        ("time", "select now()"),
        ("style", "SELECT id from agents"),
    ] {
        let found = broken_rule(sql).unwrap_or_default();
        assert!(found.starts_with(rule), "{sql}: {found:?}");
    }
    for sql in [
        "select id from agents where name = 'NOW() ? $1 :: select *' and id = ?1",
        "select count(*) from agents where id in (?1, ?2) -- SELECT *",
        "insert into a (b) values (?1) on conflict (b) do update set b = excluded.b",
    ] {
        assert_eq!(broken_rule(sql), None, "{sql}");
    }
}

#[test]
fn a_statement_of_one_engine_only_fails_on_both() {
    each_engine(|db, _| {
        // SQLite alone would take the first, PostgreSQL alone the second.
        for sql in [
            "select max(last_seq, 1) from chats",
            "select id from chats where id = any ('{1}')",
        ] {
            let outcome = db.write_blocking(Lane::Chat, move |tx| tx.exec(sql, &[]));

            assert!(
                matches!(outcome, Err(Error::Panicked)),
                "{sql} on {:?}: {outcome:?}",
                db.dialect()
            );
        }
    });
}

#[test]
fn layers_only_look_down() {
    // Who may name whom; `domain` may be named by everyone, and by itself names nobody else.
    let layers: &[(&str, &[&str])] = &[
        ("clock", &[]),
        ("token", &[]),
        ("domain", &["token"]),
        ("db", &["clock", "token"]),
        ("blobs", &["token"]),
        ("store", &["blobs", "clock", "token", "db"]),
        ("live", &["clock", "token", "db", "store"]),
        (
            "scheduler",
            &["blobs", "clock", "token", "db", "store", "live"],
        ),
        ("control", &["clock", "token", "db", "store"]),
    ];
    let mut wrong = Vec::new();
    for (layer, below) in layers {
        let folder = files(&source().join(layer), "rs");
        let alone = files(&source(), "rs")
            .filter(|(file, _)| *file == source().join(format!("{layer}.rs")));
        for (file, text) in folder.chain(alone) {
            for named in modules_named(&text) {
                let may = named == *layer || named == "domain" || below.contains(&named);
                if !may {
                    wrong.push(format!("{} uses {named}", file.display()));
                }
            }
        }
    }
    for (file, text) in files(&source(), "rs") {
        let is_top = ["main.rs", "app.rs", "lib.rs"]
            .iter()
            .any(|f| source().join(f) == file)
            || file.starts_with(source().join("cli"));
        if !is_top && modules_named(&text).contains(&"app") {
            wrong.push(format!("{} uses app", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that point up:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn drivers_are_named_in_one_folder() {
    let drivers = ["rusqlite", "r2d2", "postgres::", "tokio_postgres"];
    let mut wrong = Vec::new();
    let here = source().join("db");
    for (file, text) in files(&source(), "rs").chain(files(&tests(), "rs")) {
        if file.starts_with(&here) || file.ends_with("it/lint.rs") {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let names_one = drivers.iter().any(|driver| {
                code.match_indices(driver).any(|(at, _)| {
                    // `fresh.postgres()` and the like are words of ours.
                    !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:.\"/".contains(c))
                })
            });
            if names_one {
                wrong.push(format!("{}:{}: {}", file.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "drivers outside src/db:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn files_open_with_their_purpose_and_stay_short() {
    let mut wrong = Vec::new();
    for (file, text) in files(&source(), "rs").chain(files(&tests(), "rs")) {
        let lines = text.lines().count();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not say what lives here", file.display()));
        }
        if lines > LONGEST_FILE_LINES {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_is_written_in_the_store_only() {
    let mut wrong = Vec::new();
    for layer in ["http", "live", "scheduler", "domain", "cli"] {
        for (file, text) in files(&source().join(layer), "rs") {
            for (n, line) in text.lines().enumerate() {
                let code = line.trim_start();
                let is_sql = ["\"select ", "\"insert into ", "\"update ", "\"delete from "]
                    .iter()
                    .any(|start| code.contains(start) && code.contains(['?', '=', '(']));
                if is_sql && !code.starts_with("//") {
                    wrong.push(format!("{}:{}: {code}", file.display(), n + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "SQL outside src/store:\n{}",
        wrong.join("\n")
    );
}

/// The modules of this crate that a text names by `crate::`, in code.
fn modules_named(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|after| {
            let end = after
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            &after[..end]
        })
        .filter(|name| source().join(name).exists() || source().join(format!("{name}.rs")).exists())
        .collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")
}

/// All files under `dir` that end so, with their text.
fn files(dir: &Path, ending: &str) -> std::vec::IntoIter<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found.into_iter()
}
