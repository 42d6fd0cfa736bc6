//! Reading chats and threads, page by page.

use serde_json::{Map, Value, json};

use super::pages::{ChatsPage, ThreadsPage};
use super::{Answer, Call};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::{ChatId, ThreadId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::thread::Thread;
use crate::http::customer::frame::Failure;
use crate::http::customer::objects;
use crate::http::customer::view::{self, View};
use crate::store::chat_users::{self, Participant};
use crate::store::{chats, events, threads};

/// `get_chat`: the chat with one thread, the newest where none is named.
pub(super) async fn get_chat(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let id: ChatId = fields.id("chat_id", "chat")?;
    let thread: Option<ThreadId> = fields.opt_id("thread_id", "thread")?;
    let subject = call.member.subject.clone();
    let view = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            View::read(tx, &permit, chat, thread)
        })
        .await?;
    Ok(Answer::of(view.draw()))
}

/// `list_chats`: summaries, the chat with the newest event first.
pub(super) async fn list_chats(call: Call) -> Result<Answer, Failure> {
    let page = ChatsPage::parse(call.fields())?;
    let subject = call.member.subject.clone();
    let payload = call
        .read(move |tx| {
            let total = chats::count_visible(tx, &subject)?;
            let read = page.read(tx, &subject)?;
            let summaries = read
                .items
                .iter()
                .map(|chat| summary(tx, &subject, chat))
                .collect::<db::Result<Vec<Value>>>()?;
            let mut payload = json!({"chats_summary": summaries, "total_chats": total});
            read.put_cursors(&mut payload);
            Ok(payload)
        })
        .await?;
    Ok(Answer::of(payload))
}

fn summary(tx: &mut dyn Tx, subject: &Subject, chat: &Chat) -> db::Result<Value> {
    let (chat, permit) = chats::authorized(tx, subject, Action::ReadChat, chat.id)?;
    let users = chat_users::participants(tx, &permit)?;
    let mut out = Map::new();
    out.insert("id".into(), chat.id.to_string().into());
    out.insert("active".into(), chat.is_active.into());
    let drawn: Vec<Value> = users.iter().map(objects::chat_user).collect();
    out.insert("users".into(), drawn.into());
    out.insert("access".into(), objects::access(chat.group_number));
    out.insert("last_seq".into(), chat.last_seq.into());
    if !chat.properties.is_empty() {
        out.insert("properties".into(), json!(chat.properties));
    }
    if let Some(id) = chat.thread {
        let thread = threads::get(tx, &permit, id)?.ok_or(Refusal::NotFound("thread"))?;
        out.insert("last_thread_id".into(), id.to_string().into());
        let at = objects::time(thread.created_at);
        out.insert("last_thread_created_at".into(), at.into());
    }
    let last = last_event_per_type(tx, &permit, &chat)?;
    if !last.is_empty() {
        out.insert("last_event_per_type".into(), last.into());
    }
    Ok(Value::Object(out))
}

fn last_event_per_type(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
) -> db::Result<Map<String, Value>> {
    let mut out = Map::new();
    for event in events::last_per_kind(tx, permit)? {
        let thread = threads::get(tx, permit, event.thread)?.ok_or(Refusal::NotFound("thread"))?;
        let line = json!({
            "thread_id": thread.id,
            "thread_created_at": objects::time(thread.created_at),
            "event": objects::event(&event, chat.root),
        });
        out.insert(event.body.kind().as_str().into(), line);
    }
    Ok(out)
}

/// `list_threads`: whole threads of a chat, from the newest or the oldest.
pub(super) async fn list_threads(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let id: ChatId = fields.id("chat_id", "chat")?;
    let page = ThreadsPage::parse(fields)?;
    let subject = call.member.subject.clone();
    let payload = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            let users = chat_users::participants(tx, &permit)?;
            let found = threads::count(tx, &permit)?;
            let read = page.read(tx, &permit)?;
            let mut payload = json!({
                "threads": draw(&read.items, &chat, &users),
                "found_threads": found,
            });
            read.put_cursors(&mut payload);
            Ok(payload)
        })
        .await?;
    Ok(Answer::of(payload))
}

fn draw(threads: &[(Thread, Vec<Event>)], chat: &Chat, users: &[Participant]) -> Vec<Value> {
    threads
        .iter()
        .map(|(thread, entries)| view::draw_thread(thread, entries, chat, users))
        .collect()
}
