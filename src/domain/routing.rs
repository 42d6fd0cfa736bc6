//! Routing: whether a group answers, and who gets a chat. Pure rules over the agents as they stand.

use super::agent::AgentStatus;
use super::ids::AgentId;

/// An agent as routing sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// What they chose.
    pub status: AgentStatus,
    /// Whether a dashboard of theirs is open somewhere.
    pub is_connected: bool,
    /// How many open threads they have.
    pub active_chats: i64,
    /// How many they want at most.
    pub max_chats: i64,
}

impl Candidate {
    /// At the desk and taking new chats, room or not.
    #[must_use]
    pub fn is_accepting(&self) -> bool {
        self.is_connected && self.status == AgentStatus::Accepting
    }

    /// Accepting, with room for one more.
    #[must_use]
    pub fn can_take(&self) -> bool {
        self.is_accepting() && self.active_chats < self.max_chats
    }
}

/// Whether a group answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupStatus {
    /// Somebody can take a chat now.
    Online,
    /// Somebody is there, but nobody has room.
    OnlineForQueue,
    /// Nobody is accepting chats.
    Offline,
}

impl GroupStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::OnlineForQueue => "online_for_queue",
            Self::Offline => "offline",
        }
    }
}

/// The status of a group with these agents.
#[must_use]
pub fn group_status(agents: &[Candidate]) -> GroupStatus {
    if agents.iter().any(Candidate::can_take) {
        GroupStatus::Online
    } else if agents.iter().any(Candidate::is_accepting) {
        GroupStatus::OnlineForQueue
    } else {
        GroupStatus::Offline
    }
}

/// Who gets a thread that opens: the visitor's last agent if they can take it, otherwise nobody yet.
#[must_use]
pub fn assign_new_thread(last_agent: Option<&Candidate>) -> Option<AgentId> {
    last_agent
        .filter(|agent| agent.can_take())
        .map(|agent| agent.agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(status: AgentStatus, is_connected: bool, active_chats: i64) -> Candidate {
        Candidate {
            agent: AgentId(1),
            status,
            is_connected,
            active_chats,
            max_chats: 2,
        }
    }

    #[test]
    fn a_group_is_online_while_somebody_at_the_desk_accepts_and_has_room() {
        use AgentStatus::{Accepting, Away, NotAccepting};
        let free = candidate(Accepting, true, 1);
        let full = candidate(Accepting, true, 2);
        let gone = candidate(Accepting, false, 0);
        let busy = candidate(NotAccepting, true, 0);
        let away = candidate(Away, true, 0);
        for (agents, want) in [
            (vec![], GroupStatus::Offline),
            (vec![gone.clone(), busy.clone()], GroupStatus::Offline),
            (vec![away.clone()], GroupStatus::Offline),
            (
                vec![full.clone(), gone.clone()],
                GroupStatus::OnlineForQueue,
            ),
            (vec![full.clone(), free.clone()], GroupStatus::Online),
        ] {
            assert_eq!(group_status(&agents), want, "{agents:?}");
        }
        for (last, want) in [
            (None, None),
            (Some(&free), Some(AgentId(1))),
            (Some(&full), None),
            (Some(&gone), None),
            (Some(&busy), None),
            (Some(&away), None),
        ] {
            assert_eq!(assign_new_thread(last), want, "{last:?}");
        }
    }
}
