//! Reading chats, and closing them.

use serde_json::json;

use super::Api;

#[test]
fn chats_are_listed_by_list_and_visitor() {
    let api = Api::start();
    let (_, first) = api.chat();
    let (_, second) = api.chat();
    api.foreign_chat();
    let listed = |query: &str| -> Vec<String> {
        let page = api.get(&format!("/chats{query}")).ok();
        let items = page["items"].as_array().unwrap().clone();
        let id = |item: &serde_json::Value| item["id"].as_str().unwrap().to_owned();
        items.iter().map(id).collect()
    };

    let both = listed("");
    assert_eq!(both.len(), 2);
    assert!(both.contains(&first) && both.contains(&second));
    assert_eq!(listed("?list=unassigned").len(), 2);
    assert_eq!(listed("?list=mine"), Vec::<String>::new());
    assert_eq!(listed("?list=closed"), Vec::<String>::new());
    assert_eq!(listed("?group_id=0").len(), 2);
    api.put(&format!("/chats/{first}/closure"), None).ok();
    assert_eq!(listed("?list=closed"), std::slice::from_ref(&first));
    let chat = api.get(&format!("/chats/{first}")).ok();
    let visitor = chat["visitor_id"].as_str().unwrap();
    assert_eq!(listed(&format!("?visitor_id={visitor}")), [first]);
    for (query, error) in [
        ("?list=theirs", (400, "validation", "list")),
        ("?limit=0", (400, "validation", "limit")),
        ("?group_id=x", (400, "validation", "group_id")),
        ("?group_id=77", (400, "group_not_found", "")),
        ("?visitor_id=77", (404, "not_found", "")),
        ("?cursor=x", (400, "validation", "cursor")),
        ("?page=2", (400, "validation", "page")),
    ] {
        assert_eq!(api.get(&format!("/chats{query}")).error(), error, "{query}");
    }
}

#[test]
fn a_list_is_read_page_by_page() {
    let api = Api::start();
    let mut made: Vec<String> = (0..5).map(|_| api.chat().1).collect();
    let mut read = Vec::new();
    let mut path = "/chats?limit=2".to_owned();

    loop {
        let page = api.get(&path).ok();
        for item in page["items"].as_array().unwrap() {
            read.push(item["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/chats?limit=2&cursor={next}");
    }

    read.sort();
    made.sort();
    assert_eq!(read, made);
}

#[test]
fn a_chat_is_read_with_its_users_threads_events_and_notes() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    let id = chat.parse().unwrap();
    api.house.say(&api.agent, id, "Hi");
    let note = parlor::domain::event::NewEvent::message("he is cross")
        .unwrap()
        .for_recipients(parlor::domain::event::Recipients::Agents);
    api.house.send(&api.agent, id, &note).unwrap();
    api.house.close(&visitor, id).unwrap();

    let read = api.get(&format!("/chats/{chat}")).ok();
    assert_eq!(read["is_active"], false);
    assert_eq!(read["users"].as_array().unwrap().len(), 2);
    assert_eq!(read["thread"]["closed_by"]["type"], "visitor");
    let threads = api.get(&format!("/chats/{chat}/threads")).ok();
    assert_eq!(threads["items"][0]["first_seq"], 1);
    let events = api.get(&format!("/chats/{chat}/events?limit=100")).ok();
    let events = events["items"].as_array().unwrap();
    let seqs: Vec<i64> = events.iter().map(|e| e["seq"].as_i64().unwrap()).collect();
    assert_eq!(
        seqs,
        (1..=read["last_seq"].as_i64().unwrap()).collect::<Vec<_>>()
    );
    let notes = events
        .iter()
        .filter(|e| e["recipients"] == "agents")
        .count();
    assert_eq!(notes, 1);
    let rest = api
        .get(&format!("/chats/{chat}/events?after_seq=2&limit=1"))
        .ok();
    assert_eq!(rest["items"][0]["seq"], json!(3));
}

#[test]
fn a_chat_that_is_not_of_the_site_is_not_found_by_any_route() {
    let api = Api::start();
    let foreign = api.foreign_chat();
    for id in [foreign.as_str(), "77", "x", "0"] {
        for path in ["", "/threads", "/events"] {
            let reply = api.get(&format!("/chats/{id}{path}"));
            assert_eq!(reply.error(), (404, "not_found", ""), "{id}{path}");
        }
        let reply = api.put(&format!("/chats/{id}/closure"), None);
        assert_eq!(reply.error(), (404, "not_found", ""), "{id}");
    }
}

#[test]
fn a_chat_is_closed_once_and_twice_is_no_error() {
    let api = Api::start();
    let (_, chat) = api.chat();

    assert_eq!(api.put(&format!("/chats/{chat}/closure"), None).status, 204);
    assert_eq!(api.put(&format!("/chats/{chat}/closure"), None).status, 204);

    let read = api.get(&format!("/chats/{chat}")).ok();
    assert_eq!(read["thread"]["closed_by"]["type"], "agent");
    let kinds = api.house.kinds(chat.parse().unwrap());
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == "thread_closed")
            .count(),
        1
    );
}
