//! What a conversation is drawn with: the names of its visitor and of the agents who wrote in it.

use std::collections::{BTreeSet, HashMap};

use crate::db::{Result, Tx};
use crate::domain::ids::{AgentId, ChatId, VisitorId};
use crate::store::events::SAID;

/// What a visitor is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorName {
    /// Name, where one is known.
    pub name: Option<String>,
    /// E-mail address, where one is known.
    pub email: Option<String>,
}

/// The name of a root visitor; nothing known where it is gone.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn visitor_name(tx: &mut dyn Tx, root: VisitorId) -> Result<VisitorName> {
    let found = tx.opt(
        "select name, email
         from visitors
         where id = ?1",
        &[root.into()],
        |row| {
            Ok(VisitorName {
                name: row.opt_text(0)?,
                email: row.opt_text(1)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

/// The names of these agents; who is gone is left out.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn agent_names(
    tx: &mut dyn Tx,
    agents: &BTreeSet<AgentId>,
) -> Result<HashMap<AgentId, String>> {
    let mut names = HashMap::new();
    for agent in agents {
        let name = tx.opt(
            "select name
             from agents
             where id = ?1",
            &[(*agent).into()],
            |row| row.text(0),
        )?;
        names.extend(name.map(|name| (*agent, name)));
    }
    Ok(names)
}

/// Whether the place `seq` of a chat is something its visitor wrote.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn is_by_visitor(tx: &mut dyn Tx, chat: ChatId, seq: i64) -> Result<bool> {
    let sql = format!(
        "select author_kind
         from events
         where chat_id = ?1
           and seq = ?2
           and kind in {SAID}"
    );
    let found = tx.opt(&sql, &[chat.into(), seq.into()], |row| row.text(0))?;
    Ok(found.as_deref() == Some("visitor"))
}
