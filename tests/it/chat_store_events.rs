//! Events: order, repeats, times, seen marks, unread counts, properties, the inbox, groups.

use parlor::db::Dialect;
use parlor::domain::Refusal;
use parlor::domain::agent::Role;
use parlor::domain::chat::Unread;
use parlor::domain::event::{Author, Body, PropertyOwner, Recipients};
use parlor::domain::ids::{ChatId, LoginId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::domain::properties::{Properties, PropertyNames};
use parlor::domain::routing::GroupStatus;
use parlor::store::chat_users::{UpTo, UserProfile, mark_seen, participants};
use parlor::store::chats::{self, PropertyChange};
use parlor::store::{agent_connections, events, groups, inbox, threads};
use serde_json::json;

use crate::support::each_engine;
use crate::support::house::{House, agent_id, message, refusal, sent, visitor_id};

#[test]
fn a_retried_event_is_stored_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let chat = house.chat(&visitor);

        let first = house.send(&visitor, chat, &sent("x", "Tea?")).unwrap();
        house.say(&visitor, chat, "Or coffee?");
        let again = house.send(&visitor, chat, &sent("x", "Tea?")).unwrap();

        assert!(!first.is_duplicate && again.is_duplicate);
        assert_eq!(first.event, again.event);
        assert_eq!(house.events(chat).len(), 4);
    });
}

#[test]
fn a_custom_id_with_another_content_is_refused() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.send(&visitor, chat, &sent("x", "Tea?")).unwrap();

        let other = house.send(&visitor, chat, &sent("x", "Coffee?"));

        assert_eq!(refusal(other), Refusal::CustomIdReused);
        let by_agent = house.send(&agent, chat, &sent("x", "Coffee!")).unwrap();
        assert!(!by_agent.is_duplicate, "the id is the author's own");
    });
}

#[test]
fn a_repeat_is_known_after_the_thread_closed_and_the_visitor_was_merged() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, other) = (house.visitor(), house.visitor());
        let chat = house.chat(&visitor);
        let first = house.send(&visitor, chat, &sent("x", "Tea?")).unwrap();
        house.close(&Subject::System, chat).unwrap();
        let merge = parlor::store::merges::NewMerge {
            site: house.site,
            source: visitor_id(&visitor),
            target: visitor_id(&other),
            cause: parlor::store::merges::Cause::Api,
            force: false,
        };
        house
            .write(move |tx, now| parlor::store::merges::merge(tx, &merge, now))
            .unwrap();

        let again = house.send(&visitor, chat, &sent("x", "Tea?")).unwrap();

        assert!(again.is_duplicate);
        assert_eq!(again.event, first.event);
    });
}

#[test]
fn times_never_go_back_within_a_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let before = house.row(chat).changed_at;

        clock.turn(-60_000);
        house.say(&visitor, chat, "An hour back");
        house.close(&agent, chat).unwrap();
        house.activate(&visitor, chat, &[message("Again")]).unwrap();

        let events = house.events(chat);
        assert!(
            events
                .windows(2)
                .all(|w| w[0].created_at <= w[1].created_at)
        );
        assert!(
            events
                .iter()
                .enumerate()
                .all(|(n, e)| e.seq == n as i64 + 1)
        );
        assert_eq!(house.row(chat).changed_at, before);
    });
}

#[test]
fn a_seen_mark_only_advances_and_leaves_no_row_when_it_does_not() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let own = seen(&house, &visitor, chat, UpTo::Seq(2));
        assert_eq!(own, None, "who wrote it has seen it");

        let mark = seen(&house, &agent, chat, UpTo::Seq(99)).unwrap();
        assert_eq!((mark, house.row(chat).last_seq), ((3, 2), 3));
        assert_eq!(seen(&house, &agent, chat, UpTo::Seq(99)), None);
        assert_eq!(seen(&house, &agent, chat, UpTo::Seq(1)), None);
        assert_eq!(
            seen(&house, &visitor, chat, UpTo::Seq(3)),
            None,
            "marks are not marked in turn"
        );

        clock.turn(1_000);
        let answer = house.say(&agent, chat, "Good morning");
        let at = UpTo::Time(answer.created_at);
        let (_, up_to) = seen(&house, &visitor, chat, at).unwrap();
        assert_eq!(up_to, answer.seq);
        let row = house.row(chat);
        assert_eq!((row.visitor_seen_seq, row.agent_seen_seq), (up_to, up_to));
    });
}

#[test]
fn a_note_does_not_move_what_the_visitor_has_seen() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let note = message("Psst").for_recipients(Recipients::Agents);
        house.send(&agent, chat, &note).unwrap();

        assert_eq!(seen(&house, &visitor, chat, UpTo::Seq(99)), None);
        assert_eq!(unread(&house, chat), Unread::default());
    });
}

#[test]
fn each_side_counts_what_the_other_wrote_and_it_has_not_seen() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.say(&visitor, chat, "Anybody there?");
        let two = Unread {
            visitor: 0,
            agents: 2,
        };
        assert_eq!(unread(&house, chat), two);

        house.say(&agent, chat, "Yes");
        house.say(&agent, chat, "Sorry");
        let two = Unread {
            visitor: 2,
            agents: 0,
        };
        assert_eq!(unread(&house, chat), two);

        seen(&house, &visitor, chat, UpTo::Seq(99)).unwrap();
        assert_eq!(unread(&house, chat), Unread::default());
    });
}

#[test]
fn who_looks_without_writing_takes_no_part() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);

        seen(&house, &agent, chat, UpTo::Seq(2)).unwrap();

        let users = house.read(move |tx| {
            let system = Subject::System;
            let (_, permit) = chats::authorized(tx, &system, Action::ReadChat, chat)?;
            participants(tx, &permit)
        });
        let [first, second] = users.as_slice() else {
            panic!("{users:?}")
        };
        assert!(first.user.is_present && first.user.seen_seq == 2);
        assert!(matches!(
            &first.profile,
            UserProfile::Visitor { root, .. } if *root == visitor_id(&visitor)
        ));
        assert_eq!(second.user.user, Author::Agent(agent_id(&agent)));
        assert!(!second.user.is_present && second.user.seen_seq == 2);
        assert!(matches!(
            &second.profile,
            UserProfile::Agent { name, .. } if name == "Ada"
        ));
    });
}

#[test]
fn a_thread_is_read_page_by_page_from_its_end() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        for n in 0..5 {
            house.say(&visitor, chat, &format!("{n}"));
        }
        let note = message("Psst").for_recipients(Recipients::Agents);
        house.send(&agent, chat, &note).unwrap();
        let thread = house.row(chat).thread.unwrap();
        let page = |who: &Subject, before| {
            let who = who.clone();
            house.read(move |tx| {
                let (_, permit) = chats::authorized(tx, &who, Action::ReadChat, chat)?;
                let found = threads::get(tx, &permit, thread)?;
                assert_eq!(found.map(|t| t.id), Some(thread));
                let events = events::page_of_thread(tx, &permit, thread, before, 2)?;
                Ok(events.into_iter().map(|e| e.seq).collect::<Vec<_>>())
            })
        };

        assert_eq!(page(&visitor, None), [6, 7]);
        assert_eq!(page(&agent, None), [7, 8]);
        assert_eq!(page(&visitor, Some(6)), [4, 5]);
        assert_eq!(page(&visitor, Some(3)), [2]);
    });
}

#[test]
fn the_newest_entry_of_each_kind_is_the_one_that_may_be_seen() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.take(&agent, chat).unwrap();
        let note = message("Psst").for_recipients(Recipients::Agents);
        house.send(&agent, chat, &note).unwrap();
        let texts = |who: &Subject| {
            let who = who.clone();
            house.read(move |tx| {
                let (_, permit) = chats::authorized(tx, &who, Action::ReadChat, chat)?;
                let last = events::last_per_kind(tx, &permit)?;
                for event in &last {
                    let found = events::get(tx, &permit, event.id)?;
                    assert_eq!(found.as_ref(), Some(event));
                }
                Ok(last
                    .iter()
                    .filter_map(|e| e.body.text().map(str::to_owned))
                    .collect::<Vec<_>>())
            })
        };

        assert_eq!(texts(&visitor), ["Hello", "Ada joined the chat."]);
        assert_eq!(texts(&agent), ["Psst", "Ada joined the chat."]);
    });
}

#[test]
fn changed_properties_are_a_stored_change() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let chat = house.chat(&visitor);
        let thread = house.row(chat).thread.unwrap();
        let parse = |json| Properties::parse("properties", &json).unwrap();
        let change = |of, updated: &Properties, deleted: &PropertyNames| {
            let change = match deleted.is_empty() {
                true => PropertyChange::Update(updated.clone()),
                false => PropertyChange::Delete(deleted.clone()),
            };
            house.with(
                &visitor,
                Action::ChangeProperties,
                chat,
                move |tx, permit, now| chats::change_properties(tx, permit, of, &change, now),
            )
        };
        let rating = parse(json!({"rating": {"score": 1, "comment": "Nice"}}));
        let none = PropertyNames::default();

        let stored = change(PropertyOwner::Thread(thread), &rating, &none).unwrap();
        assert!(matches!(
            stored.unwrap().body,
            Body::PropertiesChanged { updated, .. } if updated == rating
        ));
        let same = change(PropertyOwner::Thread(thread), &rating, &none).unwrap();
        assert_eq!(same, None);
        change(PropertyOwner::Chat, &rating, &none).unwrap();
        let comment = PropertyNames::parse("p", &json!({"rating": ["comment"]})).unwrap();
        change(PropertyOwner::Chat, &Properties::default(), &comment).unwrap();

        let left = house.row(chat).properties;
        assert_eq!(left, parse(json!({"rating": {"score": 1}})));
        let foreign = change(
            PropertyOwner::Thread(parlor::domain::ids::ThreadId(5)),
            &rating,
            &none,
        );
        assert_eq!(refusal(foreign), Refusal::NotFound("thread"));
    });
}

#[test]
fn every_change_is_one_row_of_the_inbox_without_gaps() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.say(&agent, chat, "Good morning");
        house.send(&visitor, chat, &sent("x", "Hi")).unwrap();
        house.send(&visitor, chat, &sent("x", "Hi")).unwrap();
        seen(&house, &agent, chat, UpTo::Seq(99)).unwrap();
        house.close(&agent, chat).unwrap();
        let page = |after| {
            let permit = inbox_permit(&house);
            house.read(move |tx| inbox::after(tx, &permit, after, 200))
        };

        let all = page(0);

        let numbers: Vec<i64> = all.changes.iter().map(|c| c.inbox_seq).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert!(all.changes.iter().all(|c| c.chat == chat));
        assert_eq!(
            all.changes.last().unwrap().chat_seq,
            house.row(chat).last_seq
        );
        assert_eq!((all.head, all.is_lost), (5, false));
        assert_eq!(page(3).changes, all.changes[3..]);
        assert!(page(5).changes.is_empty() && !page(5).is_lost);
        assert!(page(6).is_lost, "ahead of the head: another history");
    });
}

#[test]
fn who_is_behind_what_was_pruned_from_the_inbox_is_lost() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let chat = house.chat(&visitor);
        house.say(&visitor, chat, "Still here");
        clock.turn(1_000);
        house.say(&visitor, chat, "And now");
        let before = clock.now() - 500;

        let pruned = house
            .write(move |tx, _| inbox::prune(tx, before, 100))
            .unwrap();

        assert_eq!(pruned, 2);
        let permit = inbox_permit(&house);
        let (lost, kept) = house.read(move |tx| {
            Ok((
                inbox::after(tx, &permit, 1, 200)?,
                inbox::after(tx, &permit, 2, 200)?,
            ))
        });
        assert!(lost.is_lost && lost.changes.is_empty() && lost.head == 3);
        assert!(!kept.is_lost && kept.changes.len() == 1);
        let visitor_inbox = authorize(&visitor, Action::ReadInbox, Object::Site(house.site));
        assert_eq!(visitor_inbox, Err(Refusal::NotAllowed));
    });
}

#[test]
fn groups_answer_while_a_member_at_the_desk_has_room() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.agent("Ada"), house.agent("Bob"));
        let owner = Subject::Agent {
            agent: agent_id(&ada),
            role: Role::Owner,
            sites: vec![house.site],
        };
        let manage = authorize(&owner, Action::ChangeSite, Object::Site(house.site)).unwrap();
        let member = agent_id(&bob);
        let tea = house
            .write({
                let manage = manage.clone();
                move |tx, now| {
                    let group = groups::create(tx, &manage, "Tea", now)?;
                    groups::add_member(tx, &manage, group.id, member)?;
                    groups::add_member(tx, &manage, group.id, member)?;
                    Ok(group)
                }
            })
            .unwrap();
        assert_eq!(tea.number, 1);
        use GroupStatus::{Offline, Online, OnlineForQueue};
        assert_eq!(statuses(&house), [(0, Offline), (1, Offline)]);

        house.connect(&ada);
        assert_eq!(statuses(&house), [(0, Online), (1, Offline)]);
        house.connect(&bob);
        assert_eq!(statuses(&house), [(0, Online), (1, Online)]);

        house
            .write(move |tx, _| {
                tx.exec(
                    "update agents set max_chats = 0 where id = ?1",
                    &[member.into()],
                )
            })
            .unwrap();
        assert_eq!(statuses(&house), [(0, Online), (1, OnlineForQueue)]);
        house
            .write(move |tx, _| groups::remove_member(tx, &manage, tea.id, member))
            .unwrap();
        assert_eq!(statuses(&house), [(0, Online), (1, Offline)]);
    });
}

#[test]
fn an_agent_whose_node_died_is_not_at_the_desk() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agent = agent_id(&house.agent("Ada"));
        house
            .write(move |tx, now| {
                let (login, dead_node) = (LoginId(1), 5);
                agent_connections::connect(tx, agent, login, dead_node, now)
            })
            .unwrap();

        let want = match db.dialect() {
            Dialect::Sqlite => GroupStatus::Online, // one process, which is alive
            Dialect::Postgres => GroupStatus::Offline,
        };
        assert_eq!(statuses(&house), [(0, want)]);
    });
}

fn statuses(house: &House) -> Vec<(i64, GroupStatus)> {
    let subject = Subject::System;
    let permit = authorize(&subject, Action::ReadGroups, Object::Site(house.site)).unwrap();
    let now = house.clock.now();
    house.read(move |tx| groups::statuses(tx, &permit, now))
}

pub fn inbox_permit(house: &House) -> Permit {
    authorize(
        &Subject::System,
        Action::ReadInbox,
        Object::Site(house.site),
    )
    .unwrap()
}

/// The seq of the mark and what it is up to.
fn seen(house: &House, who: &Subject, chat: ChatId, up_to: UpTo) -> Option<(i64, i64)> {
    let event = house
        .with(who, Action::MarkSeen, chat, move |tx, permit, now| {
            mark_seen(tx, permit, up_to, now)
        })
        .unwrap()?;
    match event.body {
        Body::Seen { up_to, .. } => Some((event.seq, up_to)),
        other => panic!("{other:?}"),
    }
}

fn unread(house: &House, chat: ChatId) -> Unread {
    house.read(move |tx| {
        let system = Subject::System;
        let (_, permit) = chats::authorized(tx, &system, Action::ReadChat, chat)?;
        chats::unread(tx, &permit)
    })
}
