//! Closing threads in which nobody has said anything for long. What was said stays readable.

use super::opening::close_with;
use crate::db::{Result, Tx};
use crate::domain::event::{Author, Body};
use crate::domain::ids::ChatId;
use crate::domain::permission::{Action, Subject};
use crate::store::chats::{authorized, hold};
use crate::store::sites;

/// Closes one thread that is silent for longer than its site allows, at `now`, Unix ms. Returns whether there was one.
///
/// Who waits in a queue is not silent: it is our turn then.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn close_silent(tx: &mut dyn Tx, now: i64) -> Result<bool> {
    for site in sites::all(tx)? {
        let minutes = i64::from(site.settings.close_silent_after_min);
        if minutes == 0 {
            continue;
        }
        let before = now - minutes * 60_000;
        let found = tx.opt(
            "select id from chats
             where site_id = ?1 and is_active = 1 and last_event_at < ?2 and agent_id is not null
             order by last_event_at, id
             limit 1",
            &[site.id.into(), before.into()],
            |row| Ok(ChatId(row.i64(0)?)),
        )?;
        let Some(id) = found else {
            continue;
        };
        let (_, permit) = authorized(tx, &Subject::System, Action::CloseThread, id)?;
        let mut chat = hold(tx, &permit, &[Action::CloseThread])?;
        if chat.is_active && chat.agent.is_some() && chat.last_event_at < before {
            let text = format!("The chat was closed after {minutes} minutes of silence.");
            let line = Body::system(text, "routing.archived_inactive", &[]);
            close_with(tx, &mut chat, Author::System, line, now)?;
        }
        return Ok(true);
    }
    Ok(false)
}
