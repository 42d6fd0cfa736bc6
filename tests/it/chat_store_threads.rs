//! Chats: threads, handing over, who comes back to whom.

use parlor::domain::Refusal;
use parlor::domain::event::{AssignReason, Author, Body, NewEvent};
use parlor::domain::ids::AgentId;
use parlor::domain::permission::{Action, Subject};
use parlor::store::chat_users::participants;
use parlor::store::{agents, chats, threads};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, message, refusal, sent, visitor_id};

#[test]
fn closing_and_writing_again_makes_a_second_thread_of_the_same_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("ada"));
        let chat = house.chat(&visitor);
        let first = house.row(chat).thread.unwrap();

        let closed = house.close(&agent, chat).unwrap();
        assert!(!closed.is_active && closed.waiting_since.is_none());
        let late = house.send(&visitor, chat, &message("Wait"));
        assert_eq!(refusal(late), Refusal::ChatInactive);
        assert_eq!(refusal(house.close(&agent, chat)), Refusal::ChatInactive);

        let again = house
            .activate(&visitor, chat, &[sent("b", "Again")])
            .unwrap();
        let repeat = house
            .activate(&visitor, chat, &[sent("b", "Again")])
            .unwrap();
        let twice = house.activate(&visitor, chat, &[message("Once more")]);

        assert_eq!(refusal(twice), Refusal::ChatAlreadyActive);
        assert!(repeat.is_duplicate);
        assert_eq!(repeat.thread, again.thread);
        assert_eq!(
            house.kinds(chat),
            [
                "thread_opened",
                "message",
                "system_message",
                "thread_closed",
                "thread_opened",
                "message"
            ]
        );
        let listed = house.read(move |tx| {
            let system = Subject::System;
            let (_, permit) = chats::authorized(tx, &system, Action::ReadChat, chat)?;
            threads::list(tx, &permit, None, 10)
        });
        let [second, before] = listed.as_slice() else {
            panic!("{listed:?}")
        };
        assert_eq!((before.id, second.id), (first, again.thread));
        assert_eq!(second.previous, Some(first));
        assert_eq!((before.first_seq, before.last_seq), (1, Some(4)));
        assert_eq!(before.closed_by, Some(Author::Agent(agent_id(&agent))));
        assert!(second.is_active && second.first_seq == 5);
    });
}

#[test]
fn the_line_of_a_closed_thread_says_who_closed_it() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agent = house.agent("Ada");
        for (by, kind, text) in [
            (agent, "manual_archived_agent", "Ada closed the chat."),
            (Subject::System, "system_archived", "The chat was closed."),
        ] {
            let chat = house.chat(&house.visitor());
            house.close(&by, chat).unwrap();
            assert_eq!(line(&house, chat, kind), text);
        }
        let visitor = house.visitor();
        let chat = house.chat(&visitor);
        house.close(&visitor, chat).unwrap();
        assert_eq!(
            line(&house, chat, "manual_archived_customer"),
            "The visitor closed the chat."
        );
    });
}

#[test]
fn an_agent_takes_a_chat_and_a_second_one_comes_too_late() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.agent("Ada"), house.agent("Bob"));
        let chat = house.chat(&house.visitor());

        house.take(&ada, chat).unwrap();
        house.take(&ada, chat).unwrap();
        let late = house.take(&bob, chat);

        assert!(matches!(refusal(late), Refusal::Conflict(_)));
        assert_eq!(house.row(chat).agent, Some(agent_id(&ada)));
        assert_eq!(
            house.kinds(chat)[2..],
            ["user_added", "system_message", "assigned"]
        );
        assert_eq!(line(&house, chat, "agent_joined"), "Ada joined the chat.");
        assert_eq!(active_chats(&house, &ada), 1);
        assert_eq!(active_chats(&house, &bob), 0);
    });
}

#[test]
fn a_chat_changes_hands_and_comes_back() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob, visitor) = (house.agent("Ada"), house.agent("Bob"), house.visitor());
        let chat = house.chat(&visitor);
        house.take(&ada, chat).unwrap();
        let (from, to) = (agent_id(&ada), agent_id(&bob));
        let give = |from, to| {
            house.with(&ada, Action::AssignChat, chat, move |tx, permit, now| {
                chats::assign(tx, permit, from, to, now)
            })
        };

        give(Some(from), Some(to)).unwrap();
        assert!(matches!(
            refusal(give(Some(from), None)),
            Refusal::Conflict(_)
        ));
        assert_eq!(
            refusal(give(Some(to), Some(AgentId(5)))),
            Refusal::NotFound("agent")
        );
        assert_eq!(
            (active_chats(&house, &ada), active_chats(&house, &bob)),
            (0, 1)
        );
        assert_eq!(
            present(&house, chat),
            [visitor_author(&visitor), Author::Agent(to)]
        );

        give(Some(to), None).unwrap();
        assert_eq!(active_chats(&house, &bob), 0);
        assert_eq!(present(&house, chat), [visitor_author(&visitor)]);
        house.close(&ada, chat).unwrap();
        assert_eq!(refusal(give(None, Some(to))), Refusal::ChatInactive);
    });
}

#[test]
fn an_agent_who_answers_a_chat_that_nobody_has_gets_it() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.agent("Ada"), house.agent("Bob"));
        let chat = house.chat(&house.visitor());

        house.say(&ada, chat, "Good morning");
        house.say(&bob, chat, "And from me");

        let row = house.row(chat);
        assert_eq!(row.agent, Some(agent_id(&ada)));
        assert_eq!(row.waiting_since, None);
        assert_eq!(
            house.kinds(chat)[2..],
            [
                "user_added",
                "system_message",
                "assigned",
                "message",
                "user_added",
                "system_message",
                "message"
            ]
        );
        assert!(house.events(chat).iter().any(|event| matches!(
            event.body,
            Body::Assigned {
                from: None,
                reason: AssignReason::Answered,
                ..
            }
        )));
    });
}

#[test]
fn a_returning_visitor_comes_back_to_their_agent_while_that_one_accepts() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.take(&agent, chat).unwrap();
        let reopen = || {
            house.close(&Subject::System, chat).unwrap();
            house.activate(&visitor, chat, &[message("Again")]).unwrap();
            house.row(chat).agent
        };

        assert_eq!(reopen(), None, "the dashboard is closed");
        house.connect(&agent);
        assert_eq!(reopen(), Some(agent_id(&agent)));
        assert_eq!(active_chats(&house, &agent), 1);
        let id = agent_id(&agent);
        house
            .write(move |tx, _| {
                tx.exec(
                    "update agents set status = 'away' where id = ?1",
                    &[id.into()],
                )
            })
            .unwrap();
        assert_eq!(reopen(), None, "the agent is away");
        assert_eq!(active_chats(&house, &agent), 0);
    });
}

#[test]
fn what_is_written_into_no_thread_may_be_attached_to_the_last_one() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let thread = house.row(chat).thread.unwrap();
        house.close(&agent, chat).unwrap();

        let attached = |new: NewEvent| new.attached_to_last_thread();
        let by_visitor = house.send(&visitor, chat, &attached(message("P.S.")));
        let by_agent = house.send(&agent, chat, &attached(message("Thanks")));

        for appended in [by_visitor, by_agent] {
            assert_eq!(appended.unwrap().event.thread, thread);
        }
        let row = house.row(chat);
        assert!(!row.is_active && row.waiting_since.is_none());
        assert_eq!(row.agent, None, "a closed thread has no owner");
    });
}

/// The text of the only line of this type.
fn line(house: &House, chat: parlor::domain::ids::ChatId, kind: &str) -> String {
    let lines: Vec<String> = house
        .events(chat)
        .into_iter()
        .filter_map(|event| match event.body {
            Body::SystemMessage {
                text,
                system_message_type,
                ..
            } if system_message_type == kind => Some(text),
            _ => None,
        })
        .collect();
    let [line] = lines.as_slice() else {
        panic!("{kind}: {lines:?}")
    };
    line.clone()
}

pub fn active_chats(house: &House, agent: &Subject) -> i64 {
    let id = agent_id(agent);
    house.read(move |tx| {
        agents::get(tx, id)?;
        tx.int(
            "select active_chats from agents where id = ?1",
            &[id.into()],
        )
    })
}

/// Who takes part, the visitor first.
fn present(house: &House, chat: parlor::domain::ids::ChatId) -> Vec<Author> {
    house.read(move |tx| {
        let system = Subject::System;
        let (_, permit) = chats::authorized(tx, &system, Action::ReadChat, chat)?;
        let users = participants(tx, &permit)?;
        Ok(users
            .iter()
            .filter(|p| p.user.is_present)
            .map(|p| p.user.user)
            .collect())
    })
}

fn visitor_author(visitor: &Subject) -> Author {
    Author::Visitor(visitor_id(visitor))
}
