//! Deleting chats: for retention and erasure, with everything in them.

use crate::db::{Result, Tx};
use crate::domain::Hint;
use crate::domain::ids::{AgentId, ChatId, SiteId, VisitorId};
use crate::store::{files, inbox, routing};

/// Deletes all chats that this visitor row began: events, files, threads, users and the chats themselves. Returns how many.
///
/// A row that was merged into another keeps its own chats, so a root is deleted row by row, with all that point at it.
/// The site's inbox learns of it; inbox rows hold no content and stay until they are pruned.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_of_visitor(tx: &mut dyn Tx, visitor: VisitorId, now: i64) -> Result<usize> {
    files::delete_of_visitor(tx, visitor, now)?;
    tx.exec(
        "update invitations set chat_id = null where visitor_id = ?1 and chat_id is not null",
        &[visitor.into()],
    )?;
    let lock = tx.dialect().for_update();
    let sql = format!(
        "select id, site_id, last_seq, is_active, agent_id from chats where visitor_id = ?1 \
         order by id{lock}"
    );
    let chats = tx.all(&sql, &[visitor.into()], |row| {
        Ok(Doomed {
            id: ChatId(row.i64(0)?),
            site: SiteId(row.i64(1)?),
            last_seq: row.i64(2)?,
            // A closed thread counts for nobody any more.
            agent: match row.bool(3)? {
                true => row.opt_i64(4)?.map(AgentId),
                false => None,
            },
        })
    })?;
    for chat in &chats {
        for table in ["event_states", "events", "chat_users", "threads"] {
            let sql = format!("delete from {table} where chat_id = ?1");
            tx.exec(&sql, &[chat.id.into()])?;
        }
        tx.exec("delete from chats where id = ?1", &[chat.id.into()])?;
        if let Some(agent) = chat.agent {
            routing::release(tx, agent)?;
        }
        tx.emit(Hint::QueueMoved { site: chat.site })?;
    }
    // Every chat is locked before the first site: the order that all transactions keep.
    for chat in &chats {
        tx.emit(Hint::ChatAdvanced {
            site: chat.site,
            chat: chat.id,
            seq: chat.last_seq + 1,
        })?;
        let gone = (chat.last_seq + 1, chat.last_seq + 1);
        inbox::record(tx, chat.site, chat.id, gone, now)?;
    }
    Ok(chats.len())
}

struct Doomed {
    id: ChatId,
    site: SiteId,
    last_seq: i64,
    agent: Option<AgentId>,
}
