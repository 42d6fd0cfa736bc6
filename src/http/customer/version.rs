//! What differs between the versions of the protocol: one table, so that no action asks for a version by itself.

/// A version of the protocol, named by the path of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// Parlor's own clients, and the 2.x line of the published SDK.
    V3_2,
    /// The 3.x line of the published SDK.
    V3_3,
    /// Used by no published SDK.
    V3_4,
    /// The 4.x line of the published SDK.
    V3_5,
}

impl Version {
    /// The version a path segment such as `v3.2` names.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        match segment {
            "v3.2" => Some(Self::V3_2),
            "v3.3" => Some(Self::V3_3),
            "v3.4" => Some(Self::V3_4),
            "v3.5" => Some(Self::V3_5),
            _ => None,
        }
    }

    /// What the action of this name is called in the table of actions: later versions renamed one.
    pub(crate) fn action(self, name: &str) -> &str {
        match (self, name) {
            (Self::V3_2, _) => name,
            (_, "resume_chat") => "activate_chat",
            (_, name) => name,
        }
    }

    /// The field that names the chat in `deactivate_chat`.
    pub(crate) const fn chat_id_field(self) -> &'static str {
        match self {
            Self::V3_2 => "chat_id",
            Self::V3_3 | Self::V3_4 | Self::V3_5 => "id",
        }
    }

    /// Whether `customer_updated` holds the changes in a `customer` object, and not in the payload itself.
    pub(crate) const fn nests_customer(self) -> bool {
        matches!(self, Self::V3_2)
    }

    /// Whether availability is pushed as `groups_status_updated`, and not as `incoming_multicast`.
    pub(crate) const fn pushes_group_status(self) -> bool {
        matches!(self, Self::V3_4 | Self::V3_5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_versions_are_versions() {
        assert_eq!(Version::parse("v3.2"), Some(Version::V3_2));
        assert_eq!(Version::parse("v3.5"), Some(Version::V3_5));
        for bad in ["", "v3.1", "v3.6", "3.2", "v3.20"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_renamed_action_has_its_old_name_in_the_table() {
        assert_eq!(Version::V3_3.action("resume_chat"), "activate_chat");
        assert_eq!(Version::V3_2.action("resume_chat"), "resume_chat");
        assert_eq!(Version::V3_5.action("send_event"), "send_event");
    }
}
