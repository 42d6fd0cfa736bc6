//! Node numbers: which bits a process puts into its ids, held by lease so that no two processes share one.
//!
//! Only PostgreSQL has several nodes; on SQLite the number is 0.

use crate::db::{Result, Tx};
use crate::domain::ids::MAX_NODE;
use crate::store::leases::{self, Held};

const PREFIX: &str = "node:";

/// A node number and the lease on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// 0 to 1023.
    pub number: i64,
    /// The lease.
    pub held: Held,
}

/// Takes the lowest number that nobody holds; `None` when all 1024 are held.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn take(tx: &mut dyn Tx, holder: &str, ttl_ms: i64) -> Result<Option<Node>> {
    let held = live(tx)?;
    for number in (0..=MAX_NODE).filter(|number| !held.contains(number)) {
        // Another node may have been faster: then its row is no longer free, and the next number is tried.
        if let Some(held) = leases::take(tx, &name(number), holder, ttl_ms)? {
            return Ok(Some(Node { number, held }));
        }
    }
    Ok(None)
}

/// The numbers that are held now, in order.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn live(tx: &mut dyn Tx) -> Result<Vec<i64>> {
    let now = tx.dialect().now_ms();
    let names = tx.all(
        &format!(
            "select name from leases where name like 'node:%' and expires_at >= {now} order by name"
        ),
        &[],
        |row| row.text(0),
    )?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_prefix(PREFIX)?.parse().ok())
        .collect())
}

/// Forgets the dashboard sockets of nodes that are gone, so that their agents count as away. Returns how many sockets.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn forget_dead(tx: &mut dyn Tx) -> Result<u64> {
    let live = live(tx)?;
    let noted = tx.all("select distinct node from agent_connections", &[], |row| {
        row.i64(0)
    })?;
    let mut forgotten = 0;
    for node in noted.into_iter().filter(|node| !live.contains(node)) {
        forgotten += crate::store::agent_connections::clear_node(tx, node)?;
    }
    Ok(forgotten)
}

fn name(number: i64) -> String {
    format!("{PREFIX}{number:04}")
}
