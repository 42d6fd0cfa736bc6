//! Endings: what closes sockets at once, wherever they are open. The hint serves the node that wrote it; other nodes read
//! the rows, once a second, since a hint does not reach them.

use crate::db::{Dialect, Error, Result, Tx};
use crate::domain::Hint;
use crate::domain::disconnect::DisconnectReason;
use crate::domain::ids::{LoginId, VisitorId};

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Tokens of this visitor row were revoked or bound elsewhere.
    Tokens(VisitorId),
    /// This login.
    Login(LoginId),
    /// All sockets of this visitor, for a reason that clients are told.
    Visitor(VisitorId, DisconnectReason),
}

/// An ending as another node reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Names the row, and in it the node that wrote it.
    pub id: i64,
    /// What ended.
    pub ending: Ending,
    /// When, Unix ms by the clock of the node that wrote it.
    pub at: i64,
}

impl Ending {
    /// The hint that says the same to this node.
    #[must_use]
    pub const fn hint(self) -> Hint {
        match self {
            Self::Tokens(visitor) => Hint::VisitorTokensEnded { visitor },
            Self::Login(login) => Hint::LoginEnded { login },
            Self::Visitor(visitor, reason) => Hint::VisitorDisconnected { visitor, reason },
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Tokens(_) => "tokens",
            Self::Login(_) => "login",
            Self::Visitor(..) => "visitor",
        }
    }

    const fn subject(self) -> i64 {
        match self {
            Self::Tokens(visitor) | Self::Visitor(visitor, _) => visitor.0,
            Self::Login(login) => login.0,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Visitor(_, reason) => reason.as_str(),
            Self::Tokens(_) | Self::Login(_) => "",
        }
    }

    fn from_parts(kind: &str, subject: i64, reason: &str) -> Option<Self> {
        match kind {
            "tokens" => Some(Self::Tokens(VisitorId(subject))),
            "login" => Some(Self::Login(LoginId(subject))),
            "visitor" => Some(Self::Visitor(
                VisitorId(subject),
                DisconnectReason::parse(reason)?,
            )),
            _ => None,
        }
    }
}

/// Ends what is named: its sockets close here after the commit, and on other nodes within about a second.
///
/// # Errors
/// Any [`Error`].
pub(super) fn note(tx: &mut dyn Tx, ending: Ending, now: i64) -> Result<()> {
    // An embedded database has one node, and the hint reaches it.
    if tx.dialect() == Dialect::Postgres {
        let id = tx.new_id(now);
        tx.exec(
            "insert into endings (id, kind, subject_id, reason, created_at) values (?1, ?2, ?3, ?4, ?5)",
            &[
                id.into(),
                ending.kind().into(),
                ending.subject().into(),
                ending.reason().into(),
                now.into(),
            ],
        )?;
    }
    tx.emit(ending.hint())
}

/// The endings noted since `since` (Unix ms), at most `limit`, the newest first.
///
/// # Errors
/// Any [`Error`].
pub fn since(tx: &mut dyn Tx, since: i64, limit: i64) -> Result<Vec<Noted>> {
    tx.all(
        "select id, kind, subject_id, reason, created_at from endings where created_at >= ?1 \
         order by created_at desc, id desc limit ?2",
        &[since.into(), limit.into()],
        |row| {
            let (kind, subject, reason) = (row.text(1)?, row.i64(2)?, row.text(3)?);
            let ending = Ending::from_parts(&kind, subject, &reason)
                .ok_or_else(|| Error::Db(format!("ending {kind} {reason}")))?;
            Ok(Noted {
                id: row.i64(0)?,
                ending,
                at: row.i64(4)?,
            })
        },
    )
}

/// Forgets at most `limit` endings from before `before` (Unix ms), and tells how many.
///
/// # Errors
/// Any [`Error`].
pub fn prune(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    tx.exec(
        &format!(
            "delete from endings where id in (\
             select id from endings where created_at < ?1 order by created_at limit ?2{skip})"
        ),
        &[before.into(), limit.into()],
    )
}
