//! Why the server ends a socket: close codes, reasons, and what a client is to do with them.

use actix_ws::{CloseCode, CloseReason};

use crate::domain::disconnect::DisconnectReason;

/// Why the server ends a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Close {
    /// The client left, or is asked to come back only when it has something to say.
    Normal,
    /// The framing breaks RFC 6455.
    Protocol,
    /// A binary message: the protocol is text.
    Unsupported,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Too many frames a second, for too long.
    TooManyFrames,
    /// The address or the visitor holds as many sockets as they may.
    TooManySockets,
    /// The address kept coming back with too many sockets.
    Blocked,
    /// The address holds too many sockets that have not logged in.
    TooManyUnauthorized,
    /// Somebody ended the visitor's sockets, and said why.
    Told(DisconnectReason),
    /// No site has this name.
    UnknownSite,
    /// There is no such version of the protocol.
    UnknownVersion,
    /// The visitor neither chatted nor changed the page for half an hour.
    Inactive,
    /// Nobody logged in.
    NoLogin,
    /// A frame or message above 64 KiB, or of too many fragments.
    TooBig,
    /// The server stops; a client comes back after this many milliseconds.
    Restart {
        /// Random, so that not all come back at once.
        retry_in_ms: u64,
    },
    /// The token has expired or was revoked.
    TokenEnded,
    /// The peer reads too slowly: its queue was full.
    Lagging,
    /// Something of ours broke.
    Internal,
}

impl Close {
    /// The close frame; the reason is for people and logs, except that of a restart, which clients read.
    pub(in crate::http) fn frame(&self) -> CloseReason {
        let (code, description) = match self {
            Self::Normal => (1000, ""),
            Self::Inactive => (1000, "inactivity"),
            Self::Protocol => (1002, "protocol error"),
            Self::Unsupported => (1003, "text frames only"),
            Self::NotUtf8 => (1007, "not UTF-8"),
            Self::TooManyFrames => (1008, "too many frames"),
            Self::TooManySockets => (1008, "too many sockets"),
            Self::Blocked => (1008, "came back too often"),
            Self::TooManyUnauthorized => (1008, "too many sockets without a login"),
            Self::Told(reason) => (told_code(*reason), reason.as_str()),
            Self::UnknownSite => (1008, "unknown site"),
            Self::UnknownVersion => (1008, "unknown version"),
            Self::TooBig => (1009, "message too big"),
            Self::Internal => (1011, "internal error"),
            Self::Restart { retry_in_ms } => return restart(*retry_in_ms),
            Self::NoLogin => (4001, "no login in time"),
            Self::TokenEnded => (4001, "token ended"),
            Self::Lagging => (4008, "lagging"),
        };
        CloseReason {
            code: CloseCode::from(code),
            description: Some(description.into()),
        }
    }

    /// What the protocol calls it in the push `customer_disconnected`, which goes out before the close frame.
    pub(in crate::http) const fn disconnect_reason(&self) -> Option<DisconnectReason> {
        match self {
            Self::Inactive => Some(DisconnectReason::InactivityTimeout),
            Self::TooManySockets => Some(DisconnectReason::TooManyConnections),
            Self::Blocked => Some(DisconnectReason::CustomerTemporarilyBlocked),
            Self::TooManyUnauthorized => Some(DisconnectReason::TooManyUnauthorizedConnections),
            Self::UnknownSite => Some(DisconnectReason::LicenseNotFound),
            Self::UnknownVersion => Some(DisconnectReason::UnsupportedVersion),
            Self::NoLogin => Some(DisconnectReason::ConnectionTimeout),
            Self::TokenEnded => Some(DisconnectReason::AccessTokenExpired),
            Self::Internal | Self::Restart { .. } => Some(DisconnectReason::InternalError),
            Self::Told(reason) => Some(*reason),
            Self::Normal
            | Self::Protocol
            | Self::Unsupported
            | Self::NotUtf8
            | Self::TooManyFrames
            | Self::TooBig
            | Self::Lagging => None,
        }
    }
}

/// Parlor's own clients go by the code: with 4001 they fetch a token, with 4003 they stay away, with 1012 they come back.
const fn told_code(reason: DisconnectReason) -> u16 {
    match reason {
        DisconnectReason::AccessTokenExpired => 4001,
        DisconnectReason::CustomerBanned
        | DisconnectReason::CustomerTemporarilyBlocked
        | DisconnectReason::LicenseExpired
        | DisconnectReason::LicenseNotFound
        | DisconnectReason::LoggedOutRemotely
        | DisconnectReason::ProductVersionChanged
        | DisconnectReason::TooManyConnections
        | DisconnectReason::UnsupportedVersion
        | DisconnectReason::UsersLimitReached => 4003,
        DisconnectReason::InactivityTimeout => 1000,
        DisconnectReason::ConnectionEvicted
        | DisconnectReason::ConnectionTimeout
        | DisconnectReason::InternalError
        | DisconnectReason::ServiceTemporarilyUnavailable
        | DisconnectReason::TooManyUnauthorizedConnections => 1012,
    }
}

fn restart(retry_in_ms: u64) -> CloseReason {
    let seconds = std::time::Duration::from_millis(retry_in_ms).as_secs_f64();
    CloseReason {
        code: CloseCode::from(1012),
        description: Some(format!(r#"{{"retry_in":{seconds:.3}}}"#)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_says_when_to_come_back() {
        let reason = Close::Restart { retry_in_ms: 4321 }.frame();

        assert_eq!(u16::from(reason.code), 1012);
        assert_eq!(reason.description.as_deref(), Some(r#"{"retry_in":4.321}"#));
    }

    #[test]
    fn every_code_survives_the_framework() {
        for (close, code) in [
            (Close::Normal, 1000),
            (Close::Unsupported, 1003),
            (Close::TooBig, 1009),
            (Close::TokenEnded, 4001),
            (Close::Lagging, 4008),
        ] {
            assert_eq!(u16::from(close.frame().code), code);
        }
    }
}
