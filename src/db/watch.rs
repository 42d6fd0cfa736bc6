//! A hook that sees the text of every statement: the test suite explains each on both engines.

use std::sync::OnceLock;

use super::tx::Dialect;

type Watcher = fn(Dialect, &str);

static WATCHER: OnceLock<Watcher> = OnceLock::new();

/// Calls `watcher` with every statement of this process before it runs; the first call wins.
pub fn watch_statements(watcher: Watcher) {
    WATCHER.get_or_init(|| watcher);
}

/// One atomic load while nobody watches.
pub(super) fn seen(dialect: Dialect, sql: &str) {
    if let Some(watcher) = WATCHER.get() {
        watcher(dialect, sql);
    }
}

/// The text of a one-row insert, as [`Tx::insert_many`](super::Tx::insert_many) means it.
pub(super) fn insert_head(table: &str, cols: &[(&str, super::Ty)]) -> String {
    let mut sql = String::with_capacity(64 + 24 * cols.len());
    sql.push_str("insert into ");
    sql.push_str(table);
    sql.push_str(" (");
    for (n, (name, _)) in cols.iter().enumerate() {
        if n > 0 {
            sql.push_str(", ");
        }
        sql.push_str(name);
    }
    sql.push_str(") values ");
    sql
}
