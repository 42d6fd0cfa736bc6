//! Routing: whether a group answers, who gets a chat, how long one waits. Pure rules over the agents as they stand.

use super::agent::AgentStatus;
use super::ids::AgentId;

/// An agent as routing sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// What they chose.
    pub status: AgentStatus,
    /// Whether a dashboard of theirs is open somewhere; of a bot, whether it called the API lately.
    pub is_connected: bool,
    /// Whether it is a program.
    pub is_bot: bool,
    /// How many open threads they have.
    pub active_chats: i64,
    /// How many they want at most.
    pub max_chats: i64,
    /// When routing or a person gave them a chat last, Unix ms.
    pub last_assigned_at: i64,
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
        self.is_accepting() && self.free_slots() > 0
    }

    /// How many more they want; none where they have more than they want.
    #[must_use]
    pub fn free_slots(&self) -> i64 {
        (self.max_chats - self.active_chats).max(0)
    }
}

/// Whether a group answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupStatus {
    /// Somebody can take a chat now.
    Online,
    /// Somebody is there, but nobody has room.
    OnlineForQueue,
    /// Nobody is accepting chats, or the group is closed at this hour.
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

/// The status of a group with these agents; `is_open` is what its hours say.
#[must_use]
pub fn group_status<'a>(
    is_open: bool,
    agents: impl IntoIterator<Item = &'a Candidate>,
) -> GroupStatus {
    let mut status = GroupStatus::Offline;
    if !is_open {
        return status;
    }
    for agent in agents {
        if agent.can_take() {
            return GroupStatus::Online;
        }
        if agent.is_accepting() {
            status = GroupStatus::OnlineForQueue;
        }
    }
    status
}

/// Who gets a thread, the best first: the visitor's last agent, then whoever has most free slots, of those the one who
/// has been idle longest.
#[must_use]
pub fn in_order_of_choice(agents: &[&Candidate], last_agent: Option<AgentId>) -> Vec<AgentId> {
    let mut free: Vec<&Candidate> = agents
        .iter()
        .copied()
        .filter(|agent| agent.can_take())
        .collect();
    free.sort_by_key(|agent| {
        (
            Some(agent.agent) != last_agent,
            -agent.free_slots(),
            agent.last_assigned_at,
            agent.agent,
        )
    });
    free.iter().map(|agent| agent.agent).collect()
}

/// The least time a place in the queue is taken for, where nothing is known better.
const PLACE_MS: i64 = 30_000;
/// What the first in a queue is told where nobody has waited lately.
const FIRST_MS: i64 = 60_000;

/// How long somebody at this place, counted from 1, may have to wait, in milliseconds: what others waited lately
/// on the average, and no less than half a minute a place.
#[must_use]
pub fn estimate_ms(position: i64, recent_average_ms: Option<i64>) -> i64 {
    let position = position.max(1);
    recent_average_ms
        .unwrap_or(FIRST_MS)
        .max(position.saturating_mul(PLACE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(status: AgentStatus, is_connected: bool, active_chats: i64) -> Candidate {
        Candidate {
            agent: AgentId(1),
            status,
            is_connected,
            is_bot: false,
            active_chats,
            max_chats: 2,
            last_assigned_at: 0,
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
            assert_eq!(group_status(true, &agents), want, "{agents:?}");
            assert_eq!(group_status(false, &agents), GroupStatus::Offline);
        }
        for (agent, want) in [
            (&free, vec![AgentId(1)]),
            (&full, vec![]),
            (&gone, vec![]),
            (&busy, vec![]),
            (&away, vec![]),
        ] {
            assert_eq!(in_order_of_choice(&[agent], None), want, "{agent:?}");
        }
    }

    #[test]
    fn the_last_agent_comes_first_then_most_room_then_longest_idle() {
        let agent = |id, active_chats, last_assigned_at| Candidate {
            agent: AgentId(id),
            active_chats,
            max_chats: 5,
            last_assigned_at,
            ..candidate(AgentStatus::Accepting, true, 0)
        };
        let agents = [
            agent(1, 3, 0),
            agent(2, 1, 50),
            agent(3, 1, 40),
            agent(4, 5, 0),
            agent(5, 1, 40),
        ];
        let all: Vec<&Candidate> = agents.iter().collect();
        let ids = |list: Vec<AgentId>| list.iter().map(|a| a.0).collect::<Vec<_>>();

        assert_eq!(ids(in_order_of_choice(&all, None)), [3, 5, 2, 1]);
        let last = Some(AgentId(1));
        assert_eq!(ids(in_order_of_choice(&all, last)), [1, 3, 5, 2]);
        let full = Some(AgentId(4));
        assert_eq!(ids(in_order_of_choice(&all, full)), [3, 5, 2, 1]);
    }

    #[test]
    fn who_waits_is_told_what_others_waited() {
        for (position, average, want) in [
            (1, None, 60_000),
            (4, None, 120_000),
            (1, Some(90_000), 90_000),
            (1, Some(500), 30_000),
            (10, Some(90_000), 300_000),
            (0, Some(0), 30_000),
        ] {
            assert_eq!(
                estimate_ms(position, average),
                want,
                "{position} {average:?}"
            );
        }
    }
}
