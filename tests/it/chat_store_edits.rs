//! Edits: what a message says now, and what it said.

use parlor::domain::Refusal;
use parlor::domain::event::{Body, Event, NewEvent, Recipients};
use parlor::domain::ids::ChatId;
use parlor::domain::permission::{Action, Subject};
use parlor::store::{chats, edits, events};

use crate::support::each_engine;
use crate::support::house::{House, message, refusal};

#[test]
fn an_edited_message_reads_anew_and_its_history_stays() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let first = house.say(&agent, chat, "Good mornign");
        house.say(&visitor, chat, "Hi");

        let once = edit(&house, &agent, chat, first.seq, "Good mourning").unwrap();
        let twice = edit(&house, &agent, chat, first.seq, "Good morning").unwrap();
        let again = edit(&house, &agent, chat, first.seq, "Good morning").unwrap();

        let (once, twice) = (once.unwrap(), twice.unwrap());
        assert_eq!(
            (once.refers_to, twice.refers_to),
            (Some(first.seq), Some(first.seq))
        );
        assert_eq!(twice.seq, once.seq + 1);
        assert_eq!(again, None);
        let stored = house.events(chat);
        let [.., last] = stored.as_slice() else {
            panic!("{stored:?}")
        };
        assert_eq!(*last, twice);
        assert!(stored.contains(&first), "what was said stays");
        assert_eq!(texts(&house, &visitor, chat)[1], "Ada joined the chat.");
        assert_eq!(texts(&house, &visitor, chat)[2..], ["Good morning", "Hi"]);
        assert_eq!(house.row(chat).last_text, "Hi");
    });
}

#[test]
fn the_inbox_shows_the_new_text_of_the_newest_message() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let answer = house.say(&agent, chat, "Good mornign");
        let note = message("Be careful").for_recipients(Recipients::Agents);
        let note = house.send(&agent, chat, &note).unwrap().event;

        edit(&house, &agent, chat, answer.seq, "Good morning").unwrap();
        edit(&house, &agent, chat, note.seq, "Be kind").unwrap();

        assert_eq!(house.row(chat).last_text, "Good morning");
        let seen = texts(&house, &visitor, chat);
        assert!(!seen.iter().any(|text| text.starts_with("Be ")), "{seen:?}");
        let slots = house.slots(&visitor, chat);
        assert!(matches!(slots.last(), Some(events::Slot::Hidden { .. })));
    });
}

#[test]
fn only_its_author_edits_a_message_and_nothing_else_is_edited() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada, bob) = (house.visitor(), house.agent("Ada"), house.agent("Bob"));
        let chat = house.chat(&visitor);
        let answer = house.say(&ada, chat, "Good morning");

        for (who, seq, want) in [
            (&bob, answer.seq, Refusal::NotAllowed),
            (&visitor, 2, Refusal::NotAllowed),
            (&ada, 2, Refusal::NotAllowed),
            (&ada, 1, Refusal::NotFound("event")),
            (&ada, 99, Refusal::NotFound("event")),
        ] {
            let outcome = edit(&house, who, chat, seq, "Bad morning");
            assert_eq!(refusal(outcome), want, "{seq}");
        }
        let blank = edit(&house, &ada, chat, answer.seq, " ");
        assert_eq!(refusal(blank).code(), "validation");
        assert_eq!(house.row(chat).last_seq, answer.seq);
    });
}

fn edit(
    house: &House,
    who: &Subject,
    chat: ChatId,
    seq: i64,
    text: &'static str,
) -> parlor::db::Result<Option<Event>> {
    house.with(who, Action::EditEvent, chat, move |tx, permit, now| {
        edits::edit(tx, permit, seq, &NewEvent::message(text)?, now)
    })
}

/// What the conversation reads for this subject.
fn texts(house: &House, who: &Subject, chat: ChatId) -> Vec<String> {
    let (who, thread) = (who.clone(), house.row(chat).thread.unwrap());
    let page = house.read(move |tx| {
        let (_, permit) = chats::authorized(tx, &who, Action::ReadChat, chat)?;
        let page = events::page_of_thread(tx, &permit, thread, None, 50)?;
        for event in &page {
            assert_eq!(events::get(tx, &permit, event.id)?.as_ref(), Some(event));
        }
        Ok(page)
    });
    page.into_iter()
        .map(|event| match event.body {
            Body::Message { text, .. } | Body::SystemMessage { text, .. } => text,
            other => panic!("{other:?}"),
        })
        .collect()
}
