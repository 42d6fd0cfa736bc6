//! Keeping this process's node number on PostgreSQL. Without the lease the node makes no more ids.

use std::time::{Duration, Instant};

use super::lease::{random_holder, ttl_ms};
use crate::db::{self, Db, Lane};
use crate::store::agent_connections;
use crate::store::leases;
use crate::store::nodes::{self, Node};

/// How long a dead node's agents count as present.
const TTL: Duration = Duration::from_secs(15);
const RENEW_AFTER: Duration = Duration::from_secs(5);
/// The number is given up this long before the lease runs out.
const MARGIN: Duration = Duration::from_secs(3);

/// Holds a node number for as long as it is kept.
pub struct NodeKeeper {
    db: Db,
    holder: String,
    held: Option<(Node, Instant)>,
}

impl NodeKeeper {
    /// Takes a number, puts it into the database's ids, and forgets the sockets a dead node of that number has left.
    ///
    /// # Errors
    /// [`db::Error::Unavailable`] when all 1024 numbers are held, or any other [`db::Error`].
    pub fn take(db: &Db) -> db::Result<Self> {
        let mut keeper = Self {
            db: db.clone(),
            holder: random_holder(),
            held: None,
        };
        keeper.take_number()?;
        Ok(keeper)
    }

    /// The number; `None` while it is lost.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.held.as_ref().map(|(node, _)| node.number)
    }

    /// Renews the lease when it is time, and takes another number when it was lost. Called every second.
    pub fn keep(&mut self) {
        let Some((node, since)) = &self.held else {
            if let Err(error) = self.take_number() {
                tracing::warn!(%error, "this node has no number yet, so it takes no writes");
            }
            return;
        };
        if since.elapsed() < RENEW_AFTER {
            return;
        }
        let (held, start) = (node.held.clone(), Instant::now());
        let renewed = self
            .db
            .write_blocking(Lane::Admin, move |tx| leases::renew(tx, &held, ttl_ms(TTL)));
        match renewed {
            Ok(true) => {
                if let Some((_, since)) = &mut self.held {
                    *since = start;
                }
            }
            Ok(false) => self.lose("another process took it"),
            Err(error) if since.elapsed() >= TTL - MARGIN => self.lose(&error.to_string()),
            Err(error) => tracing::warn!(%error, "the node number could not be renewed yet"),
        }
    }

    /// Gives the number up at the end.
    pub(super) fn release(&mut self) {
        let Some((node, _)) = self.held.take() else {
            return;
        };
        let released = self.db.write_blocking(Lane::Admin, move |tx| {
            agent_connections::clear_node(tx, node.number)?;
            leases::release(tx, &node.held)
        });
        self.db.set_node(None);
        if let Err(error) = released {
            tracing::debug!(%error, "the node number's lease runs out by itself");
        }
    }

    fn take_number(&mut self) -> db::Result<()> {
        let (holder, start) = (self.holder.clone(), Instant::now());
        let node = self.db.write_blocking(Lane::Admin, move |tx| {
            let node = nodes::take(tx, &holder, ttl_ms(TTL))?.ok_or_else(|| {
                db::Error::Unavailable("all node numbers are held by other nodes".into())
            })?;
            agent_connections::clear_node(tx, node.number)?;
            Ok(node)
        })?;
        self.db.set_node(Some(node.number));
        tracing::info!(node = node.number, "this node has a number");
        self.held = Some((node, start));
        Ok(())
    }

    fn lose(&mut self, reason: &str) {
        self.db.set_node(None);
        self.held = None;
        tracing::error!(
            reason,
            "this node has lost its number and makes no more ids"
        );
    }
}
