//! What changes an entry after it was written: edits of every type, properties, pressed buttons; on both engines.

use parlor::domain::Refusal;
use parlor::domain::agent::Role;
use parlor::domain::event::{Body, Event, NewEvent, PropertyOwner, Recipients};
use parlor::domain::ids::{ChatId, EventId, ThreadId};
use parlor::domain::permission::{Action, Subject};
use parlor::domain::properties::{Properties, PropertyNames};
use parlor::domain::rich_message::RichMessage;
use parlor::store::chats::{self, PropertyChange};
use parlor::store::postbacks::{self, Press};
use parlor::store::{edits, events};
use serde_json::{Value, json};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, message, refusal, visitor_id};

fn rich(title: &str, postbacks: &[&str]) -> NewEvent {
    let buttons: Vec<Value> = postbacks
        .iter()
        .map(|id| json!({"text": id, "postback_id": id}))
        .collect();
    let json = json!({"template_id": "cards", "elements": [{"title": title, "buttons": buttons}]});
    NewEvent::rich_message(RichMessage::parse("", json.as_object().unwrap()).unwrap())
}

fn edit(
    house: &House,
    who: &Subject,
    event: &Event,
    new: &NewEvent,
) -> parlor::db::Result<Option<Event>> {
    let (new, seq) = (new.clone(), event.seq);
    house.with(
        who,
        Action::EditEvent,
        event.chat,
        move |tx, permit, now| edits::edit(tx, permit, seq, &new, now),
    )
}

fn press(
    house: &House,
    who: &Subject,
    event: &Event,
    (id, is_toggled): (&str, bool),
) -> parlor::db::Result<Option<Event>> {
    let press = Press {
        thread: event.thread,
        event: event.id,
        postback_id: id.into(),
        is_toggled,
    };
    house.with(
        who,
        Action::SendEvent,
        event.chat,
        move |tx, permit, now| postbacks::toggle(tx, permit, &press, now),
    )
}

fn change(
    house: &House,
    who: &Subject,
    chat: ChatId,
    (of, change): (PropertyOwner, PropertyChange),
) -> parlor::db::Result<Option<Event>> {
    house.with(
        who,
        Action::ChangeProperties,
        chat,
        move |tx, permit, now| chats::change_properties(tx, permit, of, &change, now),
    )
}

fn update(json: &Value) -> PropertyChange {
    PropertyChange::Update(Properties::parse("properties", json).unwrap())
}

fn of(event: &Event) -> PropertyOwner {
    PropertyOwner::Event {
        thread: event.thread,
        event: event.id,
    }
}

/// The entry as it reads now for somebody.
fn now(house: &House, who: &Subject, event: &Event) -> Event {
    let (who, chat, id) = (who.clone(), event.chat, event.id);
    house.read(move |tx| {
        let (_, permit) = chats::authorized(tx, &who, Action::ReadChat, chat)?;
        Ok(events::get(tx, &permit, id)?.expect("the entry is there"))
    })
}

fn admin(house: &House, name: &'static str) -> Subject {
    Subject::Agent {
        agent: agent_id(&house.agent(name)),
        role: Role::Admin,
        sites: vec![house.site],
    }
}

#[test]
fn a_rich_message_is_edited_by_its_author_or_an_admin_and_keeps_what_is_pressed() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada, bob) = (house.visitor(), house.agent("Ada"), house.agent("Bob"));
        let boss = admin(&house, "Boss");
        let chat = house.chat(&visitor);
        let stored = house.send(&ada, chat, &rich("Tea?", &["yes", "no"]));
        let stored = stored.unwrap().event;
        press(&house, &visitor, &stored, ("yes", true)).unwrap();
        change(
            &house,
            &ada,
            chat,
            (of(&stored), update(&json!({"a": {"b": 1}}))),
        )
        .unwrap();

        let refused = edit(&house, &bob, &stored, &rich("Coffee?", &["yes"]));
        let other = edit(&house, &ada, &stored, &message("Tea?"));
        let changed = edit(
            &house,
            &boss,
            &stored,
            &rich("Green tea?", &["yes", "maybe"]),
        );
        let repeat = edit(
            &house,
            &ada,
            &stored,
            &rich("Green tea?", &["yes", "maybe"]),
        );

        assert_eq!(refusal(refused), Refusal::NotAllowed);
        assert_eq!(refusal(other).code(), "validation");
        let changed = changed.unwrap().unwrap();
        assert_eq!(changed.refers_to, Some(stored.seq));
        assert_eq!(repeat.unwrap(), None);
        let current = now(&house, &visitor, &stored);
        assert!(current.edited_at.is_some());
        assert_eq!((current.seq, current.author), (stored.seq, stored.author));
        let Body::RichMessage {
            content,
            properties,
        } = current.body
        else {
            panic!("{current:?}")
        };
        let buttons = &content.elements[0].buttons;
        assert_eq!(buttons[0].user_ids, [visitor_id(&visitor)]);
        assert!(buttons[1].user_ids.is_empty());
        assert!(properties.has("a"));
        assert_eq!(house.row(chat).last_text, "Green tea?");
        assert!(house.events(chat).contains(&stored), "what was said stays");
    });
}

#[test]
fn what_nobody_edits_stays() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada) = (house.visitor(), house.agent("Ada"));
        let boss = admin(&house, "Boss");
        let chat = house.chat(&visitor);
        let hello = house.events(chat)[1].clone();
        let line = NewEvent::system_message("x", "y").unwrap();
        let line = house.send(&ada, chat, &line).unwrap().event;
        let data = NewEvent::custom(&json!({"n": 1})).unwrap();
        let data = house.send(&ada, chat, &data).unwrap().event;

        assert_eq!(hello.body.text(), Some("Hello"));
        let of_visitor = edit(&house, &boss, &hello, &message("Bye"));
        assert_eq!(refusal(of_visitor), Refusal::NotAllowed);
        let of_line = edit(&house, &ada, &line, &line_again());
        assert_eq!(refusal(of_line), Refusal::NotFound("event"));
        let new = NewEvent::custom(&json!({"n": 2})).unwrap();
        assert!(edit(&house, &ada, &data, &new).unwrap().is_some());
        assert_eq!(now(&house, &visitor, &data).body, *new.body().unwrap());
    });
}

fn line_again() -> NewEvent {
    NewEvent::system_message("z", "y").unwrap()
}

#[test]
fn a_button_is_pressed_once_and_let_go_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let stored = house.send(&ada, chat, &rich("Tea?", &["yes", "yes"]));
        let stored = stored.unwrap().event;
        let last = house.row(chat).last_seq;

        let outcomes: Vec<bool> = [false, true, true, false, false, true]
            .into_iter()
            .map(|is| press(&house, &visitor, &stored, ("yes", is)).unwrap())
            .map(|event| event.is_some())
            .collect();

        assert_eq!(outcomes, [false, true, false, true, false, true]);
        assert_eq!(house.row(chat).last_seq, last + 3);
        let Body::RichMessage { content, .. } = now(&house, &ada, &stored).body else {
            panic!("no rich message")
        };
        for button in &content.elements[0].buttons {
            assert_eq!(button.user_ids, [visitor_id(&visitor)]);
        }
        let by_agent = press(&house, &ada, &stored, ("yes", true));
        assert_eq!(refusal(by_agent), Refusal::NotAllowed);
        let unknown = press(&house, &visitor, &stored, ("no", true));
        assert_eq!(refusal(unknown), Refusal::NotFound("postback"));
    });
}

#[test]
fn properties_of_a_note_change_behind_the_visitors_back() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let note = message("Psst").for_recipients(Recipients::Agents);
        let note = house.send(&ada, chat, &note).unwrap().event;
        let secret = update(&json!({"a": {"b": "secret"}}));

        let by_visitor = change(&house, &visitor, chat, (of(&note), secret.clone()));
        let by_agent = change(&house, &ada, chat, (of(&note), secret.clone())).unwrap();
        let again = change(&house, &ada, chat, (of(&note), secret)).unwrap();

        assert_eq!(refusal(by_visitor), Refusal::NotFound("event"));
        assert_eq!(by_agent.unwrap().recipients, Recipients::Agents);
        assert_eq!(again, None);
        let seen = format!("{:?}", house.slots(&visitor, chat));
        assert!(!seen.contains("secret"), "{seen}");
        let names = PropertyNames::parse("p", &json!({"a": ["b", "c"]})).unwrap();
        change(
            &house,
            &ada,
            chat,
            (of(&note), PropertyChange::Delete(names)),
        )
        .unwrap();
        let left = now(&house, &ada, &note);
        assert!(left.body.properties().unwrap().is_empty());
    });
}

#[test]
fn a_thread_is_rated_by_its_visitor_alone_in_the_thread_it_is_about() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, ada) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        let first = house.row(chat).thread.unwrap();
        house.close(&visitor, chat).unwrap();
        house.activate(&visitor, chat, &[message("Again")]).unwrap();
        let rating = || {
            (
                PropertyOwner::Thread(first),
                update(&json!({"rating": {"score": 0}})),
            )
        };

        let by_agent = change(&house, &ada, chat, rating());
        change(&house, &visitor, chat, rating()).unwrap();
        change(&house, &visitor, chat, rating()).unwrap();

        assert_eq!(refusal(by_agent), Refusal::NotAllowed);
        let said: Vec<(ThreadId, EventId)> = house
            .events(chat)
            .into_iter()
            .filter(|event| {
                matches!(&event.body, Body::SystemMessage { system_message_type, .. }
                    if system_message_type == "rating.chat_rated")
            })
            .map(|event| (event.thread, event.id))
            .collect();
        let [(thread, _)] = said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(thread, first);
    });
}

#[test]
fn visitors_send_no_rich_messages_and_no_notes_by_any_way() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, fresh) = (house.visitor(), house.visitor());
        let chat = house.chat(&visitor);
        let note = || message("x").for_recipients(Recipients::Agents);

        for new in [rich("x", &[]), note()] {
            assert_eq!(
                refusal(house.start(&fresh, std::slice::from_ref(&new))),
                Refusal::NotAllowed
            );
        }
        let sent = house.send(&visitor, chat, &rich("x", &[]));
        assert_eq!(refusal(sent), Refusal::NotAllowed);
        assert_eq!(
            refusal(house.send(&visitor, chat, &note())),
            Refusal::NotAllowed
        );
    });
}
