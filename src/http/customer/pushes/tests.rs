//! Events as they are pushed to their visitor.

use super::*;
use crate::domain::chat::ChatUser;
use crate::domain::event::{AssignReason, Recipients};
use crate::domain::ids::{AgentId, BrowserId, EventId, SiteId, VisitorId};
use crate::store::chat_users::UserProfile;

const ADA: Author = Author::Agent(AgentId(8));

fn stored(author: Author, body: Body) -> Event {
    Event {
        chat: ChatId(1),
        seq: 7,
        id: EventId(3),
        thread: ThreadId(2),
        site: SiteId(9),
        author,
        recipients: Recipients::All,
        custom_id: None,
        body,
        refers_to: None,
        created_at: 0,
        edited_at: None,
    }
}

fn message(text: &str) -> Body {
    Body::Message {
        text: text.into(),
        postback: None,
        properties: Properties::default(),
    }
}

fn chat() -> Chat {
    Chat {
        id: ChatId(1),
        site: SiteId(9),
        visitor: VisitorId(4),
        root: VisitorId(50),
        browser: BrowserId(6),
        last_seq: 7,
        is_active: true,
        thread: Some(ThreadId(2)),
        agent: None,
        group: None,
        group_number: 0,
        waiting_since: None,
        last_event_at: 0,
        last_text: String::new(),
        last_author: String::new(),
        visitor_seen_seq: 0,
        agent_seen_seq: 0,
        properties: Properties::default(),
        created_at: 0,
        changed_at: 0,
        read_at_seq: 0,
    }
}

fn ada() -> Participant {
    Participant {
        user: ChatUser {
            user: ADA,
            is_present: true,
            seen_seq: 0,
            seen_at: 0,
            joined_at: 0,
        },
        profile: UserProfile::Agent {
            name: "Ada".into(),
            job_title: "Support".into(),
            avatar_url: None,
        },
    }
}

fn drawn(event: &Event, about: Option<&Event>) -> Push {
    let (chat, users) = (chat(), [ada()]);
    let around = Around {
        chat: &chat,
        users: &users,
        about,
    };
    draw(event, around)
}

fn pushed(event: &Event, about: Option<&Event>) -> Value {
    serde_json::from_str(&drawn(event, about).frame(None)).unwrap()
}

#[test]
fn a_message_names_the_root_of_a_merged_visitor_as_its_author() {
    let event = stored(Author::Visitor(VisitorId(4)), message("Hi"));

    assert_eq!(
        pushed(&event, None),
        json!({"action": "incoming_event", "type": "push", "payload": {
            "chat_id": "1", "thread_id": "2",
            "event": {"id": "3", "type": "message", "created_at": "1970-01-01T00:00:00.000000Z",
                "author_id": "50", "seq": 7, "text": "Hi"}}})
    );
    let resumed = drawn(&event, None).resumed();
    assert_eq!(resumed["thread_id"], "2");
    assert_eq!(resumed["seq"], 7);
}

#[test]
fn a_note_is_a_bare_number() {
    let mut event = stored(ADA, message("secret"));
    event.recipients = Recipients::Agents;

    let push = drawn(&event, None);

    assert_eq!(push.resumed(), json!({"seq": 7}));
    let frame = push.frame(None);
    assert!(
        frame.contains("seq_only") && !frame.contains("secret"),
        "{frame}"
    );
}

#[test]
fn an_edit_has_its_own_number_and_the_event_keeps_its_first() {
    let mut original = stored(ADA, message("old"));
    original.seq = 4;
    let mut edit = stored(
        ADA,
        Body::EventUpdated {
            body: Box::new(message("new")),
        },
    );
    edit.refers_to = Some(4);

    let payload = &pushed(&edit, Some(&original))["payload"];

    assert_eq!(about(&edit), Some(4));
    assert_eq!(payload["seq"], 7);
    assert_eq!(payload["event"]["seq"], 4);
    assert_eq!(payload["event"]["text"], "new");
}

#[test]
fn every_stored_change_has_a_push_with_its_number() {
    let cases = [
        (
            Body::ThreadOpened {
                previous_thread_id: None,
            },
            "incoming_chat",
        ),
        (Body::ThreadClosed {}, "chat_deactivated"),
        (
            Body::Seen {
                up_to: 3,
                up_to_at: 5,
            },
            "events_marked_as_seen",
        ),
        (
            Body::Assigned {
                from: None,
                to: None,
                reason: AssignReason::Manual,
                group: None,
                queue: None,
            },
            "chat_transferred",
        ),
        (Body::UserAdded { user: ADA }, "user_added_to_chat"),
        (Body::UserRemoved { user: ADA }, "user_removed_from_chat"),
    ];
    for (body, action) in cases {
        let event = stored(ADA, body);
        let push = pushed(&event, None);

        assert_eq!(push["action"], action);
        assert_eq!(push["payload"]["seq"], 7, "{push}");
        assert_eq!(drawn(&event, None).resumed()["action"], action);
    }
}

#[test]
fn a_visitor_sees_name_picture_and_title_of_an_agent() {
    let push = pushed(&stored(ADA, Body::UserAdded { user: ADA }), None);

    assert_eq!(
        push["payload"]["user"],
        json!({"id": "8", "type": "agent", "name": "Ada", "avatar": "", "job_title": "Support", "present": true})
    );
}

#[test]
fn a_thread_that_the_router_closed_has_no_user() {
    let push = pushed(&stored(Author::System, Body::ThreadClosed {}), None);

    assert_eq!(
        push["payload"],
        json!({"chat_id": "1", "thread_id": "2", "seq": 7})
    );
}
