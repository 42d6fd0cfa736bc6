//! Chats: beginning, visibility, deletion.

use parlor::domain::Refusal;
use parlor::domain::event::Recipients;
use parlor::domain::ids::VisitorId;
use parlor::domain::permission::{Action, Subject};
use parlor::domain::visitor::VisitorKind;
use parlor::store::merges::{self, Cause, NewMerge};
use parlor::store::{chats, inbox, visitors};

use crate::support::each_engine;
use crate::support::house::{House, message, refusal, sent, signed, visitor_id};

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
        assert_eq!(crate::chat_store_threads::active_chats(&house, &agent), 0);
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

fn inbox_head(house: &House) -> i64 {
    let permit = crate::chat_store_events::inbox_permit(house);
    house.read(move |tx| inbox::head(tx, &permit))
}
