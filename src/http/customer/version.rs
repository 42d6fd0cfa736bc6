//! What differs between the versions of the protocol: one table, so that no action asks for a version by itself.
//!
//! Everything else is common. The name of the site is `socket`'s: a license number (≤ v3.3) or an organization (≥ v3.4)
//! is good under every version.

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

/// One version's line of the table.
struct Row {
    /// Its segment of the path.
    path: &'static str,
    /// The action that opens a further thread; the table of actions knows it by its first name.
    opens_thread: &'static str,
    /// The field that names the chat in `deactivate_chat` and in the properties of a chat.
    chat_id: &'static str,
    /// `customer_updated` holds the changes in a `customer` object, and not in the payload itself.
    nests_customer: bool,
    /// `get_predicted_agent` answers `{agent, queue}`, and not the agent's own fields.
    nests_predicted_agent: bool,
    /// Availability is pushed as `groups_status_updated`, and not as `incoming_multicast`.
    pushes_group_status: bool,
}

#[rustfmt::skip]
const TABLE: [(Version, Row); 4] = [
    (Version::V3_2, Row { path: "v3.2", opens_thread: OPENS_THREAD,  chat_id: "chat_id", nests_customer: true,  nests_predicted_agent: false, pushes_group_status: false }),
    (Version::V3_3, Row { path: "v3.3", opens_thread: "resume_chat", chat_id: "id",      nests_customer: false, nests_predicted_agent: true,  pushes_group_status: false }),
    (Version::V3_4, Row { path: "v3.4", opens_thread: "resume_chat", chat_id: "id",      nests_customer: false, nests_predicted_agent: true,  pushes_group_status: true }),
    (Version::V3_5, Row { path: "v3.5", opens_thread: "resume_chat", chat_id: "id",      nests_customer: false, nests_predicted_agent: true,  pushes_group_status: true }),
];

/// The first name of the action that opens a further thread.
const OPENS_THREAD: &str = "activate_chat";

impl Version {
    const fn row(self) -> &'static Row {
        // In the order of the enum; a test compares.
        &TABLE[self as usize].1
    }

    /// The version a path segment such as `v3.2` names.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        let found = TABLE.iter().find(|(_, row)| row.path == segment);
        found.map(|(version, _)| *version)
    }

    /// What the action of this name is called in the table of actions: later versions renamed one.
    pub(crate) fn action(self, name: &str) -> &str {
        if name == self.row().opens_thread {
            OPENS_THREAD
        } else {
            name
        }
    }

    /// The field that names the chat in `deactivate_chat` and in the actions on properties of a chat.
    pub(crate) const fn chat_id_field(self) -> &'static str {
        self.row().chat_id
    }

    /// Whether `customer_updated` holds the changes in a `customer` object, and not in the payload itself.
    pub(crate) const fn nests_customer(self) -> bool {
        self.row().nests_customer
    }

    /// Whether `get_predicted_agent` answers `{agent, queue}`, and not the agent's own fields.
    pub(crate) const fn nests_predicted_agent(self) -> bool {
        self.row().nests_predicted_agent
    }

    /// Whether availability is pushed as `groups_status_updated`, and not as `incoming_multicast`.
    pub(crate) const fn pushes_group_status(self) -> bool {
        self.row().pushes_group_status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_versions() {
        for (at, (version, row)) in TABLE.iter().enumerate() {
            assert_eq!(*version as usize, at);
            assert_eq!(Version::parse(row.path), Some(*version));
        }
    }

    #[test]
    fn only_known_versions_are_versions() {
        for bad in ["", "v3.1", "v3.6", "3.2", "v3.20"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_renamed_action_has_its_old_name_in_the_table() {
        assert_eq!(Version::V3_3.action("resume_chat"), "activate_chat");
        assert_eq!(Version::V3_2.action("resume_chat"), "resume_chat");
        assert_eq!(Version::V3_2.action("activate_chat"), "activate_chat");
        assert_eq!(Version::V3_5.action("send_event"), "send_event");
    }
}
