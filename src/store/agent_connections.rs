//! Open dashboard sockets, so that every node knows who is at the desk. Written on connect and disconnect only.

use crate::db::{Result, Tx};
use crate::domain::Hint;
use crate::domain::ids::{AgentId, LoginId};
use crate::store::routing;

/// Notes an open socket and returns the id to close it by.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn connect(
    tx: &mut dyn Tx,
    agent: AgentId,
    login: LoginId,
    node: i64,
    now: i64,
) -> Result<i64> {
    let id = tx.new_id(now);
    tx.exec(
        "insert into agent_connections (id, agent_id, login_id, node, connected_at) \
         values (?1, ?2, ?3, ?4, ?5)",
        &[
            id.into(),
            agent.into(),
            login.into(),
            node.into(),
            now.into(),
        ],
    )?;
    routing::emit_slots(tx, agent)?;
    tx.emit(Hint::AgentChanged { agent })?;
    Ok(id)
}

/// Forgets a socket that closed; one that is gone already is no error.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn disconnect(tx: &mut dyn Tx, agent: AgentId, id: i64) -> Result<()> {
    tx.exec("delete from agent_connections where id = ?1", &[id.into()])?;
    tx.emit(Hint::AgentChanged { agent })
}

/// Forgets all sockets of a node: at its start, and when it is found dead. Returns how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn clear_node(tx: &mut dyn Tx, node: i64) -> Result<u64> {
    tx.exec(
        "delete from agent_connections where node = ?1",
        &[node.into()],
    )
}

/// The agents with at least one open socket on any node, in no order.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn present(tx: &mut dyn Tx) -> Result<Vec<AgentId>> {
    tx.all(
        "select distinct agent_id from agent_connections",
        &[],
        |row| Ok(AgentId(row.i64(0)?)),
    )
}
