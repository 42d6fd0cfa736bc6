//! Chats: beginning, visibility, threads, handing over, deletion.

use parlor::domain::Refusal;
use parlor::domain::event::{AssignReason, Author, Body, NewEvent, Recipients};
use parlor::domain::ids::{AgentId, VisitorId};
use parlor::domain::permission::{Action, Subject};
use parlor::domain::visitor::VisitorKind;
use parlor::store::chat_users::participants;
use parlor::store::merges::{self, Cause, NewMerge};
use parlor::store::{agents, chats, inbox, threads, visitors};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, message, refusal, sent, signed, visitor_id};

#[test]
fn a_chat_begins_with_its_thread_and_first_message() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();

        let opened = house.start(&visitor, &[message("Hello\n there")]).unwrap();

        assert_eq!(house.kinds(opened.chat.id), ["thread_opened", "message"]);
        let row = house.row(opened.chat.id);
        assert_eq!(row, opened.chat);
        assert!(row.is_active && row.waiting_since.is_some());
        assert_eq!(row.thread, Some(opened.thread));
        assert_eq!((row.agent, row.last_seq), (None, 2));
        assert_eq!(row.last_text, "Hello there");
        assert_eq!(row.last_author, "visitor");
        assert_eq!(opened.events[0].event.seq, 2);
        assert!(!opened.is_duplicate && !opened.events[0].is_duplicate);
    });
}

#[test]
fn a_first_message_makes_an_anonymous_visitor_a_lead() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let kind = |house: &House| {
            let (site, id) = (house.site, visitor_id(&visitor));
            house.read(move |tx| Ok(visitors::get(tx, site, id)?.map(|v| v.kind)))
        };

        let chat = house.start(&visitor, &[]).unwrap().chat.id;
        assert_eq!(kind(&house), Some(VisitorKind::Anonymous));

        house.say(&visitor, chat, "Hello");
        assert_eq!(kind(&house), Some(VisitorKind::Lead));
    });
}

#[test]
fn a_second_start_is_refused_and_a_repeated_one_gets_the_first_result() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let first = house.start(&visitor, &[sent("a", "Hello")]).unwrap();

        let repeat = house.start(&visitor, &[sent("a", "Hello")]).unwrap();
        let other = house.start(&visitor, &[sent("b", "Hello")]);
        let bare = house.start(&visitor, &[]);
        let reused = house.start(&visitor, &[sent("a", "Bye")]);

        assert!(repeat.is_duplicate);
        assert_eq!(repeat.chat, first.chat);
        assert_eq!(repeat.thread, first.thread);
        assert_eq!(repeat.events[0].event, first.events[0].event);
        assert_eq!(refusal(other), Refusal::ChatLimitReached);
        assert_eq!(refusal(bare), Refusal::ChatLimitReached);
        assert_eq!(refusal(reused), Refusal::CustomIdReused);
        assert_eq!(house.events(first.chat.id).len(), 2);
    });
}

#[test]
fn an_unsigned_browser_sees_its_own_chats_and_a_signed_one_those_of_its_root() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (one, other) = (house.visitor(), house.visitor());
        let (chat_one, chat_other) = (house.chat(&one), house.chat(&other));
        merge(&house, &one, &other);
        let root = visitor_id(&other);
        let list = |subject: &Subject| {
            let subject = subject.clone();
            house.read(move |tx| {
                let listed = chats::list_visible(tx, &subject, None, 10)?;
                assert_eq!(
                    chats::count_visible(tx, &subject)?,
                    i64::try_from(listed.len()).unwrap()
                );
                let mut ids: Vec<_> = listed.iter().map(|chat| chat.id).collect();
                ids.sort();
                Ok(ids)
            })
        };

        assert_eq!(list(&one), [chat_one]);
        assert_eq!(list(&other), [chat_other]);
        assert_eq!(list(&signed(&one, root)), [chat_one, chat_other]);
        assert_eq!(
            list(&signed(&house.visitor(), root)),
            [chat_one, chat_other]
        );
        assert_eq!(house.row(chat_one).root, root);
        assert_eq!(house.row(chat_one).visitor, visitor_id(&one));
        let foreign = house.with(&other, Action::ReadChat, chat_one, |_, _, _| Ok(()));
        assert_eq!(refusal(foreign), Refusal::NotFound("chat"));
        let agent = house.agent("ada");
        let listed = house.write(move |tx, _| chats::list_visible(tx, &agent, None, 10));
        assert_eq!(refusal(listed), Refusal::NotAllowed);
    });
}

#[test]
fn proven_browsers_of_one_visitor_share_one_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let user = house.visitor();
        let root = visitor_id(&user);
        let (phone, laptop) = (signed(&user, root), signed(&house.visitor(), root));

        let chat = house.chat(&phone);
        let second = house.start(&laptop, &[message("Hello")]);

        assert_eq!(refusal(second), Refusal::ChatLimitReached);
        let current = house.read(move |tx| chats::current(tx, &laptop)).unwrap();
        assert_eq!(current.id, chat);
    });
}

#[test]
fn a_proven_browser_goes_on_in_the_chat_it_began_before_and_in_no_other_one() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (user, mine, claimed) = (house.visitor(), house.visitor(), house.visitor());
        let (own_chat, claimed_chat) = (house.chat(&mine), house.chat(&claimed));
        merge(&house, &mine, &user);
        merge(&house, &claimed, &user);
        let root = visitor_id(&user);
        let (phone, laptop) = (signed(&mine, root), signed(&house.visitor(), root));
        let current = |subject: &Subject| {
            let subject = subject.clone();
            house.read(move |tx| Ok(chats::current(tx, &subject)?.map(|chat| chat.id)))
        };

        assert_eq!(current(&phone), Some(own_chat));
        assert_eq!(current(&laptop), None);
        let second = house.start(&phone, &[]);
        assert_eq!(refusal(second), Refusal::ChatLimitReached);
        let proven = house.chat(&laptop);
        assert!(proven != own_chat && proven != claimed_chat);
        assert_eq!(current(&phone), Some(proven));
    });
}

#[test]
fn a_chat_begun_under_a_merged_visitor_belongs_to_the_root() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (one, other) = (house.visitor(), house.visitor());
        merge(&house, &one, &other);

        let chat = house.chat(&one);

        let row = house.row(chat);
        assert_eq!(row.visitor, visitor_id(&other));
        assert_eq!(row.root, visitor_id(&other));
    });
}

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
fn a_note_takes_nothing_and_is_a_bare_number_to_the_visitor() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let note = message("Be careful").for_recipients(Recipients::Agents);

        let stored = house.send(&agent, chat, &note).unwrap().event;

        let row = house.row(chat);
        assert_eq!((row.agent, row.last_text.as_str()), (None, "Hello"));
        assert!(row.waiting_since.is_some());
        let hidden = parlor::store::events::Slot::Hidden { seq: stored.seq };
        assert_eq!(house.slots(&visitor, chat).last(), Some(&hidden));
        assert_eq!(house.slots(&agent, chat).len(), 3);
        let by_visitor = house.send(&visitor, chat, &note);
        assert_eq!(refusal(by_visitor), Refusal::NotAllowed);
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
fn an_agent_of_another_site_sees_nothing() {
    each_engine(|db, clock| {
        let (house, other) = (House::new(db, clock), House::new(db, clock));
        let chat = house.chat(&house.visitor());
        let stranger = other.agent("Eve");

        for action in Action::ALL {
            let outcome = house.with(&stranger, action, chat, |_, _, _| Ok(()));
            assert_eq!(refusal(outcome), Refusal::NotFound("chat"), "{action:?}");
        }
        let nobody = house.with(&Subject::Nobody, Action::ReadChat, chat, |_, _, _| Ok(()));
        assert_eq!(refusal(nobody), Refusal::Authentication);
    });
}

#[test]
fn deleting_a_visitors_chats_leaves_nothing_of_them_and_tells_the_inbox() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let (chat, kept) = (house.chat(&visitor), house.chat(&house.visitor()));
        house.take(&agent, chat).unwrap();
        let before = inbox_head(&house);
        let id = visitor_id(&visitor);

        let deleted = house
            .write(move |tx, now| chats::delete_of_visitor(tx, id, now))
            .unwrap();

        assert_eq!(deleted, 1);
        assert_eq!(inbox_head(&house), before + 1);
        assert_eq!(active_chats(&house, &agent), 0);
        let gone = house.with(&Subject::System, Action::ReadChat, chat, |_, _, _| Ok(()));
        assert_eq!(refusal(gone), Refusal::NotFound("chat"));
        for table in ["events", "threads", "chat_users"] {
            let left = house.read(move |tx| {
                let sql = format!("select count(*) from {table} where chat_id = ?1");
                tx.int(&sql, &[chat.into()])
            });
            assert_eq!(left, 0, "{table}");
        }
        assert_eq!(house.kinds(kept).len(), 2);
    });
}

fn merge(house: &House, source: &Subject, target: &Subject) {
    let new = NewMerge {
        site: house.site,
        source: visitor_id(source),
        target: visitor_id(target),
        cause: Cause::Api,
        force: false,
    };
    house
        .write(move |tx, now| merges::merge(tx, &new, now))
        .unwrap();
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

fn active_chats(house: &House, agent: &Subject) -> i64 {
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

fn inbox_head(house: &House) -> i64 {
    let permit = crate::chat_store_events::inbox_permit(house);
    house.read(move |tx| inbox::head(tx, &permit))
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

#[test]
fn nobody_but_a_visitor_begins_a_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let gone = Subject::Visitor {
            site: house.site,
            visitor: VisitorId(5),
            browser: parlor::domain::ids::BrowserId(6),
            signed: false,
        };

        let outcome = house.start(&gone, &[message("Hello")]);

        assert_eq!(refusal(outcome), Refusal::NotFound("visitor"));
    });
}
