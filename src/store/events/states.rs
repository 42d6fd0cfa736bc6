//! How an entry reads now, beside the event that was written first and never changes.

use crate::db::{Result, Tx};
use crate::domain::event::Event;
use crate::store::json;

/// Writes how an entry of a held chat reads from now on.
pub(in crate::store) fn rewrite(tx: &mut dyn Tx, event: &Event) -> Result<()> {
    let body = json::write(&event.body)?;
    tx.exec(
        "insert into event_states (chat_id, seq, body, edited_at)
         values (?1, ?2, ?3, ?4)
         on conflict (chat_id, seq)
         do update set body = excluded.body, edited_at = excluded.edited_at",
        &[
            event.chat.into(),
            event.seq.into(),
            (&body).into(),
            event.edited_at.into(),
        ],
    )?;
    Ok(())
}
