//! How the dashboard draws what is not plain text, on the page and over the socket.

use parlor::domain::event::NewEvent;
use parlor::domain::permission::Action;
use parlor::domain::rich_message::RichMessage;
use parlor::store::edits;
use parlor::store::postbacks::{self, Press};
use serde_json::json;

use crate::dashboard_room::Room;
use crate::support::house::message;

const HOSTILE: &str = "<script>alert(1)</script>";

#[tokio::test]
async fn cards_custom_events_and_edits_are_drawn_alike_on_the_page_and_live() {
    let room = Room::open();
    let (ada, visitor) = (room.house.agent("Ada"), room.house.visitor());
    let chat = room.house.chat(&visitor);
    let cards = json!({"template_id": "cards", "elements": [{
        "title": HOSTILE, "subtitle": "Fresh", "image": {"url": "https://shop.example/t.png", "name": "Tea"},
        "buttons": [{"type": "url", "text": "Look", "postback_id": "look", "value": "https://shop.example/tea"},
            {"text": "Yes", "postback_id": "yes"}]}]});
    let cards = RichMessage::parse("", cards.as_object().unwrap()).unwrap();
    let cards = NewEvent::rich_message(cards);
    let cards = room.house.send(&ada, chat, &cards).unwrap().event;
    let data = NewEvent::custom(&json!({"order": HOSTILE})).unwrap();
    room.house.send(&ada, chat, &data).unwrap();
    let said = room.house.send(&ada, chat, &message("Helo")).unwrap().event;

    let mut live = room.owner.live().await;
    let seq = room.house.row(chat).last_seq;
    live.say(json!({"type": "open", "chat": chat, "after_seq": seq}))
        .await;
    live.hear("chat").await;
    let press = Press {
        thread: cards.thread,
        event: cards.id,
        postback_id: "yes".into(),
        is_toggled: true,
    };
    room.house
        .with(&visitor, Action::SendEvent, chat, move |tx, permit, now| {
            postbacks::toggle(tx, permit, &press, now)
        })
        .unwrap();
    let pressed = live.hear("events").await["events"][0].clone();
    room.house
        .with(&ada, Action::EditEvent, chat, move |tx, permit, now| {
            edits::edit(tx, permit, said.seq, &NewEvent::message("Hello you")?, now)
        })
        .unwrap();
    let edited = live.hear("events").await["events"][0].clone();

    let page = room.owner.get(&format!("/chats/{chat}")).body;
    assert!(!page.contains("<script>alert"), "{page}");
    assert_eq!(pressed["edits"], cards.seq);
    assert_eq!(edited["edits"], said.seq);
    for place in [&pressed, &edited] {
        let html = place["html"].as_str().unwrap();
        let drawn = html.replace(" continues", "");
        let found = page.replace(" continues", "");
        // Whether it stands last is the page's to know.
        let body = drawn.split("<p class=\"state\">").next().unwrap().trim();
        assert!(found.contains(body), "{body}\nis not in\n{page}");
    }
    let html = pressed["html"].as_str().unwrap();
    for part in [
        "pressed by",
        "opens shop.example",
        "https://shop.example/t.png",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<img"), "no picture of a stranger: {html}");
    assert!(edited["html"].as_str().unwrap().contains("Edited"));
    assert!(page.contains("sent data:"), "{page}");
    assert!(!page.contains("Helo<"), "the edit is what is shown");
}
