//! Typed attributes of visitors: one row each, so that segments can filter by index.

use super::activities::placeholders;
use crate::db::{Error, Result, Tx, Value};
use crate::domain::Refusal;
use crate::domain::attribute::{Attribute, AttributeKind, MAX_ATTRIBUTES};
use crate::domain::ids::VisitorId;
use crate::domain::visitor::Change;

/// What wrote an attribute; stands beside it, so that people can tell page data from what agents typed.
const ORIGIN: &str = "web_sdk";

/// Whether these changes fit on the visitor; nothing is written.
///
/// # Errors
/// A refusal of `attributes` above [`MAX_ATTRIBUTES`] on one visitor, or any other [`Error`].
pub fn check(
    tx: &mut dyn Tx,
    visitor: VisitorId,
    changes: &[(String, Change<Attribute>)],
) -> Result<()> {
    let mut args: Vec<Value<'_>> = vec![visitor.into()];
    let set = changes.iter().filter(|(_, change)| change.set().is_some());
    args.extend(set.map(|(key, _)| Value::from(key)));
    let added = args.len() - 1;
    if added == 0 {
        return Ok(());
    }
    let sql = format!(
        "select count(*) from visitor_attrs where visitor_id = ?1 and key not in ({})",
        placeholders(2, added)
    );
    let others = tx.int(&sql, &args)?;
    if others.saturating_add(i64::try_from(added).unwrap_or(i64::MAX)) > MAX_ATTRIBUTES {
        let reason = format!("a visitor can have at most {MAX_ATTRIBUTES}");
        return Err(Error::Refused(Refusal::invalid("attributes", reason)));
    }
    Ok(())
}

/// Sets and removes attributes and tells whether anything is different now; [`check`] comes first.
///
/// # Errors
/// Any [`Error`].
pub fn apply(
    tx: &mut dyn Tx,
    visitor: VisitorId,
    changes: &[(String, Change<Attribute>)],
    now: i64,
) -> Result<bool> {
    let mut changed = 0;
    for (key, change) in changes {
        changed += match change {
            Change::Keep => 0,
            Change::Clear => tx.exec(
                "delete from visitor_attrs where visitor_id = ?1 and key = ?2",
                &[visitor.into(), key.into()],
            )?,
            Change::Set(value) => set(tx, visitor, key, value, now)?,
        };
    }
    Ok(changed > 0)
}

fn set(tx: &mut dyn Tx, visitor: VisitorId, key: &str, value: &Attribute, now: i64) -> Result<u64> {
    tx.exec(
        "insert into visitor_attrs (visitor_id, key, kind, sval, nval, origin, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         on conflict (visitor_id, key) do update \
         set kind = excluded.kind, sval = excluded.sval, nval = excluded.nval, origin = excluded.origin, \
             updated_at = excluded.updated_at \
         where visitor_attrs.kind <> excluded.kind \
            or visitor_attrs.sval is distinct from excluded.sval \
            or visitor_attrs.nval is distinct from excluded.nval",
        &[
            visitor.into(),
            key.into(),
            value.kind.as_str().into(),
            value.sval.as_ref().into(),
            value.nval.into(),
            ORIGIN.into(),
            now.into(),
        ],
    )
}

/// The attributes of one visitor row, by name.
///
/// # Errors
/// Any [`Error`].
pub fn of(tx: &mut dyn Tx, visitor: VisitorId) -> Result<Vec<(String, Attribute)>> {
    tx.all(
        "select key, kind, sval, nval from visitor_attrs where visitor_id = ?1 order by key",
        &[visitor.into()],
        |row| {
            let value = Attribute {
                // The table's CHECK names the same words.
                kind: AttributeKind::parse(&row.text(1)?).unwrap_or(AttributeKind::String),
                sval: row.opt_text(2)?,
                nval: row.opt_f64(3)?,
            };
            Ok((row.text(0)?, value))
        },
    )
}
