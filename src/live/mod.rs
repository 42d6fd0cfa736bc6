//! Who is connected, and the fan-out of updates to sockets. Knows `store`, `db` and `domain`; never HTTP.
//!
//! A hint says that something changed; the dispatcher reads it once; the hub hands one shared update to every socket that
//! listens. A socket subscribes first, then reads what it missed, then goes live, and on a hole reads again.

pub mod bus;
pub mod dispatch;
pub mod hub;
pub mod outbox;
mod poll;
pub mod presence;
pub mod topic;
pub mod update;

pub use hub::{Attachment, Hub};
pub use outbox::{CloseReason, MAX_BYTES, Next, Outbox};
pub use topic::Topic;
pub use update::{ChatUpdate, InboxUpdate, Lossy, Update, VisitorsSeen};
