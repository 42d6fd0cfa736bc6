//! Queries over a list of ids, which one text for both engines can only spell out.

use crate::db::{Result, Row, Tx, Value};

/// How many ids one statement names: one text, prepared once, whatever the number of ids.
const IDS: usize = 64;

/// The rows of `sql`, which ends in `in`, for all these ids.
pub(super) fn listed<T>(
    tx: &mut dyn Tx,
    sql: &str,
    ids: &[i64],
    read: impl Fn(&dyn Row) -> Result<T>,
) -> Result<Vec<T>> {
    let places: Vec<String> = (1..=IDS).map(|n| format!("?{n}")).collect();
    let sql = format!("{sql} ({})", places.join(", "));
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IDS) {
        // The last statement names its first id again and again: no row comes twice for that.
        let padded = chunk.iter().chain(std::iter::repeat(&chunk[0]));
        let args: Vec<Value<'_>> = padded.take(IDS).map(|id| Value::I64(*id)).collect();
        found.extend(tx.all(&sql, &args, &read)?);
    }
    Ok(found)
}
