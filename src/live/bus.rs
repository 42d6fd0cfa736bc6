//! The bus: how hints reach other nodes, and the poll that makes good whatever a bus loses.

use crate::domain::Hint;

/// Carries hints to the other nodes. It may lose them: the poll finds what changed.
pub trait Bus: Send + Sync + std::fmt::Debug + 'static {
    /// Sends the hints of one commit; never blocks.
    fn send(&self, hints: &[Hint]);
}

/// The bus of a process: the hub has the hints already, and nobody else is told. With several nodes on PostgreSQL the
/// others learn of a change from their own poll, within a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Bus for InProcess {
    fn send(&self, _hints: &[Hint]) {}
}
