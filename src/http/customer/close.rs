//! Why the server ends a socket: close codes, reasons, and what a client is to do with them.

use actix_ws::{CloseCode, CloseReason};

/// Why the server ends a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// The client left, or is asked to come back only when it has something to say.
    Normal,
    /// The framing breaks RFC 6455.
    Protocol,
    /// A binary message: the protocol is text.
    Unsupported,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A limit of the socket: frames a second, sockets of an address.
    Policy(&'static str),
    /// A frame or message above 64 KiB, or of too many fragments.
    TooBig,
    /// The server stops; a client comes back after this many milliseconds.
    Restart {
        /// Random, so that not all come back at once.
        retry_in_ms: u64,
    },
    /// The token is missing, wrong, expired or revoked, or there was no login in time.
    Unauthorized(&'static str),
    /// The peer reads too slowly: its queue was full.
    Lagging,
    /// Something of ours broke.
    Internal,
}

impl Close {
    /// The close frame; the reason is for people and logs, except that of a restart, which clients read.
    pub(super) fn reason(&self) -> CloseReason {
        let (code, description) = match self {
            Self::Normal => (1000, String::new()),
            Self::Protocol => (1002, "protocol error".into()),
            Self::Unsupported => (1003, "text frames only".into()),
            Self::NotUtf8 => (1007, "not UTF-8".into()),
            Self::Policy(limit) => (1008, (*limit).into()),
            Self::TooBig => (1009, "message too big".into()),
            Self::Internal => (1011, "internal error".into()),
            Self::Restart { retry_in_ms } => {
                let seconds = std::time::Duration::from_millis(*retry_in_ms).as_secs_f64();
                (1012, format!(r#"{{"retry_in":{seconds:.3}}}"#))
            }
            Self::Unauthorized(why) => (4001, (*why).into()),
            Self::Lagging => (4008, "lagging".into()),
        };
        CloseReason {
            code: CloseCode::from(code),
            description: Some(description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_says_when_to_come_back() {
        let reason = Close::Restart { retry_in_ms: 4321 }.reason();

        assert_eq!(u16::from(reason.code), 1012);
        assert_eq!(reason.description.as_deref(), Some(r#"{"retry_in":4.321}"#));
    }

    #[test]
    fn every_code_survives_the_framework() {
        for (close, code) in [
            (Close::Normal, 1000),
            (Close::Unsupported, 1003),
            (Close::TooBig, 1009),
            (Close::Unauthorized("x"), 4001),
            (Close::Lagging, 4008),
        ] {
            assert_eq!(u16::from(close.reason().code), code);
        }
    }
}
