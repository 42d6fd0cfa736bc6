//! The lint of SQL: every statement that runs in this process is checked against the rules of one text for two
//! engines, and explained on both. A broken rule panics in the job that ran the statement.
//!
//! A test that runs wrong SQL on purpose says so in the text: [`ON_PURPOSE`].

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use parlor::clock::Clock;
use parlor::db::{Db, Dialect, Error, Value, watch_statements};

use super::engines::Fresh;

/// In a statement's text: it is wrong, or one engine's own, on purpose.
pub const ON_PURPOSE: &str = "/* on purpose */";

/// Databases in which nothing is run but `explain`.
struct Judges {
    sqlite: Db,
    postgres: Option<Db>,
    /// Keeps the directory.
    _fresh: Fresh,
}

static JUDGES: OnceLock<Judges> = OnceLock::new();

/// Watches every statement of this process from now on. Whoever opens a database calls this first.
pub fn watch() {
    JUDGES.get_or_init(|| {
        let clock = Clock::system();
        let fresh = Fresh::unwatched_sqlite();
        let judges = Judges {
            sqlite: fresh.open(&clock),
            postgres: Fresh::unwatched_postgres().map(|fresh| fresh.open(&clock)),
            _fresh: fresh,
        };
        watch_statements(judge);
        judges
    });
}

fn judge(dialect: Dialect, sql: &str) {
    static VERDICTS: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());
    if sql.starts_with("explain ") || sql.contains(ON_PURPOSE) {
        return;
    }
    let known = || VERDICTS.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = known().get(sql).cloned();
    // Not under the lock: explaining waits for other threads.
    let verdict = verdict.unwrap_or_else(|| {
        let fresh = broken_rule(sql).map_or_else(|| explain(dialect, sql), Err);
        known().insert(sql.to_owned(), fresh.clone());
        fresh
    });
    if let Err(why) = verdict {
        panic!("a statement breaks the rules of one text for both engines: {why}\n{sql}\n");
    }
}

fn explain(dialect: Dialect, sql: &str) -> Result<(), String> {
    let Some(judges) = JUDGES.get() else {
        return Ok(());
    };
    let on = |db: &Db, text: String| {
        let args = highest_placeholder(&text);
        let explained = db.read_blocking(move |tx| {
            tx.each(
                &format!("explain {text}"),
                &vec![Value::Null; args],
                &mut |_| Ok(()),
            )
        });
        match explained {
            Ok(()) | Err(Error::Unavailable(_)) => Ok(()),
            Err(error) => Err(format!("{:?} says: {error}", db.dialect())),
        }
    };
    on(&judges.sqlite, translate(sql, dialect, Dialect::Sqlite))?;
    if let Some(postgres) = &judges.postgres {
        on(postgres, translate(sql, dialect, Dialect::Postgres))?;
    }
    Ok(())
}

/// Swaps the few fragments in which the engines may differ.
fn translate(sql: &str, from: Dialect, to: Dialect) -> String {
    if from == to {
        return sql.to_owned();
    }
    let mut text = sql.replace(from.now_ms(), to.now_ms());
    for fragment in [from.skip_locked(), from.for_update(), from.for_share()] {
        // Nothing says where a lock clause stood in a text of SQLite; one of PostgreSQL is taken out.
        if !fragment.is_empty() {
            text = text.replace(fragment, "");
        }
    }
    text
}

fn highest_placeholder(sql: &str) -> usize {
    placeholders(&code_of(sql)).into_iter().max().unwrap_or(0)
}

fn placeholders(code: &str) -> Vec<usize> {
    code.split('?')
        .skip(1)
        .map(|after| {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            after[..digits].parse().unwrap_or(0)
        })
        .collect()
}

/// The rule a statement breaks, if any; what only an engine can see is left to `explain`.
pub fn broken_rule(sql: &str) -> Option<String> {
    let code = code_of(sql);
    let used = placeholders(&code);
    let highest = used.iter().copied().max().unwrap_or(0);
    if used.contains(&0) {
        return Some("R1: a placeholder without a number".into());
    }
    if let Some(n) = (1..=highest).find(|n| !used.contains(n)) {
        return Some(format!("R1: ?{n} is not used"));
    }
    if code.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some("style: keywords and names are lower case".into());
    }
    let words = format!(" {} ", words_of(&code));
    FORBIDDEN
        .iter()
        .find(|(_, what)| words.contains(what))
        .map(|(rule, what)| format!("{rule}: `{}`", what.trim()))
}

/// Looked for in the text with every word and sign parted by one space.
const FORBIDDEN: &[(&str, &str)] = &[
    ("R1", " $ "),
    ("R2", " : : "),
    ("R6", " insert or "),
    ("R6", " replace into "),
    ("R6", " collate "),
    ("R6", " ilike "),
    ("R6", " rowid "),
    ("R6", " _rowid_ "),
    ("R6", " on constraint "),
    ("R6", " select * "),
    ("R6", " . * "),
    ("R6", " array "),
    ("R6", " unnest "),
    ("R6", " as ( insert "),
    ("R6", " as ( update "),
    ("R6", " as ( delete "),
    ("R5", " autoincrement "),
    ("R5", " nextval "),
    ("R14", " pg_advisory_lock "),
    ("R14", " pg_advisory_xact_lock "),
    ("R14", " pg_try_advisory_lock "),
    ("R14", " pg_try_advisory_xact_lock "),
    ("R14", " notify "),
    ("R14", " listen "),
    ("R14", " pg_notify "),
    ("R14", " temp "),
    ("R14", " temporary "),
    ("R14", " create "),
    ("R14", " alter "),
    ("R14", " drop "),
    ("R14", " pragma "),
    ("R14", " vacuum "),
    ("time is passed in", " now ( "),
    ("time is passed in", " current_timestamp "),
    ("time is passed in", " datetime ( "),
];

fn words_of(code: &str) -> String {
    let mut out = String::with_capacity(code.len() * 2);
    let mut in_word = false;
    for c in code.chars() {
        let is_word = c.is_alphanumeric() || c == '_';
        if !is_word || !in_word {
            out.push(' ');
        }
        if !c.is_whitespace() {
            out.push(c);
        }
        in_word = is_word;
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without literals, quoted names and comments.
fn code_of(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let end = if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    out
}
