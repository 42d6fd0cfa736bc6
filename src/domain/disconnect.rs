//! Disconnect reasons: the words in which the Customer Chat protocol tells a visitor why a socket ends.

/// Why the server ends the sockets of a visitor, in the words of `customer_disconnected`.
///
/// `misdirected_connection` is not among them: a server of one's own has no other region to send anybody to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The token is no longer good: a client fetches another.
    AccessTokenExpired,
    /// Another connection took its place.
    ConnectionEvicted,
    /// Nothing came for too long.
    ConnectionTimeout,
    /// The visitor is banned.
    CustomerBanned,
    /// The visitor kept coming back with too many connections.
    CustomerTemporarilyBlocked,
    /// The visitor neither chatted nor changed the page for long.
    InactivityTimeout,
    /// The server stops, or something of ours broke.
    InternalError,
    /// The site is closed for now.
    LicenseExpired,
    /// No site has this name.
    LicenseNotFound,
    /// Logged out from elsewhere.
    LoggedOutRemotely,
    /// The site runs on another version now.
    ProductVersionChanged,
    /// The server is too busy.
    ServiceTemporarilyUnavailable,
    /// The visitor holds more connections than one may.
    TooManyConnections,
    /// The address holds more connections without a login than it may.
    TooManyUnauthorizedConnections,
    /// There is no such version of the protocol.
    UnsupportedVersion,
    /// More visitors are connected than the site allows.
    UsersLimitReached,
}

impl DisconnectReason {
    /// All of them, for forms and tables.
    pub const ALL: [Self; 16] = [
        Self::AccessTokenExpired,
        Self::ConnectionEvicted,
        Self::ConnectionTimeout,
        Self::CustomerBanned,
        Self::CustomerTemporarilyBlocked,
        Self::InactivityTimeout,
        Self::InternalError,
        Self::LicenseExpired,
        Self::LicenseNotFound,
        Self::LoggedOutRemotely,
        Self::ProductVersionChanged,
        Self::ServiceTemporarilyUnavailable,
        Self::TooManyConnections,
        Self::TooManyUnauthorizedConnections,
        Self::UnsupportedVersion,
        Self::UsersLimitReached,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessTokenExpired => "access_token_expired",
            Self::ConnectionEvicted => "connection_evicted",
            Self::ConnectionTimeout => "connection_timeout",
            Self::CustomerBanned => "customer_banned",
            Self::CustomerTemporarilyBlocked => "customer_temporarily_blocked",
            Self::InactivityTimeout => "inactivity_timeout",
            Self::InternalError => "internal_error",
            Self::LicenseExpired => "license_expired",
            Self::LicenseNotFound => "license_not_found",
            Self::LoggedOutRemotely => "logged_out_remotely",
            Self::ProductVersionChanged => "product_version_changed",
            Self::ServiceTemporarilyUnavailable => "service_temporarily_unavailable",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyUnauthorizedConnections => "too_many_unauthorized_connections",
            Self::UnsupportedVersion => "unsupported_version",
            Self::UsersLimitReached => "users_limit_reached",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in DisconnectReason::ALL {
            assert_eq!(DisconnectReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(DisconnectReason::parse("misdirected_connection"), None);
    }
}
