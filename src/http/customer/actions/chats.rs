//! Beginning a chat, opening a further thread, closing it: each ends in a push with the request's id.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::db;
use crate::domain::ids::{ChatId, GroupId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::properties::Properties;
use crate::domain::{Hint, Refusal};
use crate::http::customer::backlog;
use crate::http::customer::fields::Fields;
use crate::http::customer::frame::Failure;
use crate::http::customer::pushes::{self, Push};
use crate::http::customer::view::View;
use crate::http::new_event::{self, Sender};
use crate::store::chats::{self, Opened, Opening};
use crate::store::groups;

/// `start_chat`: begins the visitor's chat.
pub(super) async fn start(call: Call) -> Result<Answer, Failure> {
    let asked = Asked::parse(&call)?;
    call.caller.state.limits.chat(call.caller.address)?;
    let (member, now) = (call.member.as_ref().clone(), call.now);
    let settled = call
        .write(move |tx| {
            let (site, root) = (member.bearer.site, member.customer);
            let object = Object::Visitor { site, root };
            let permit = authorize(&member.subject, Action::StartChat, object)?;
            let opening = asked.opening(tx, &member.subject)?;
            let opened = chats::start(tx, &permit, &opening, now).map_err(in_thread)?;
            // The visitor's other sockets do not know of this chat yet.
            tx.emit(Hint::VisitorUpdated {
                site,
                visitor: root,
            })?;
            Settled::read(tx, &member.subject, opened, None)
        })
        .await?;
    Ok(settled.answer(call.request_id()))
}

/// `activate_chat`: opens a further thread of the chat.
pub(super) async fn activate(call: Call) -> Result<Answer, Failure> {
    let asked = Asked::parse(&call)?;
    let at = call.fields().object("chat")?;
    let chat: ChatId = Fields::within(at, "chat", "").id("id", "chat")?;
    call.caller.state.limits.chat(call.caller.address)?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    let sent = call.streams.sent(chat);
    let settled = call
        .write(move |tx| {
            let (_, permit) = chats::authorized(tx, &subject, Action::OpenThread, chat)?;
            let opening = asked.opening(tx, &subject)?;
            let opened = chats::activate(tx, &permit, &opening, now).map_err(in_thread)?;
            Settled::read(tx, &subject, opened, sent)
        })
        .await?;
    Ok(settled.answer(call.request_id()))
}

/// `deactivate_chat`: closes the open thread.
pub(super) async fn deactivate(call: Call) -> Result<Answer, Failure> {
    let field = call.caller.version.chat_id_field();
    let id: ChatId = call.fields().id(field, "chat")?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    let sent = call.streams.sent(id);
    let (closed_seq, missing) = call
        .write(move |tx| {
            let (_, permit) = chats::authorized(tx, &subject, Action::CloseThread, id)?;
            let chat = chats::close(tx, &permit, now)?;
            let (_, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            // A connection that did not listen gets the last two: the line and the end of the thread.
            let after = sent.unwrap_or(chat.last_seq - 2);
            let missing = backlog::up_to(tx, &permit, &chat, after, chat.last_seq)?;
            Ok((chat.last_seq, missing))
        })
        .await?;
    let mut answer = Answer::done();
    answer.settle(id, &missing, closed_seq, call.request_id());
    Ok(answer)
}

/// The store knows an event by its place among the first ones; the client by its whole path.
fn in_thread(error: db::Error) -> db::Error {
    if let db::Error::Refused(Refusal::Validation { field, reason }) = &error
        && field.starts_with("events.")
    {
        return Refusal::invalid(format!("chat.thread.{field}"), reason.as_str()).into();
    }
    error
}

/// What `start_chat` and `activate_chat` ask for.
struct Asked {
    groups: Option<Vec<i64>>,
    /// Where none is named: the group of the login.
    own_group: i64,
    opening: Opening,
}

impl Asked {
    fn parse(call: &Call) -> Result<Self, Refusal> {
        let fields = call.fields();
        fields.flag("continuous")?;
        fields.flag("active")?;
        let mut opening = Opening::default();
        let mut groups = None;
        if let Some(chat) = fields.opt_object("chat")? {
            let chat = Fields::within(chat, "chat", "");
            groups = groups_named(chat)?;
            opening.chat_properties = properties(chat)?;
            if let Some(thread) = chat.opt_object("thread")? {
                let thread = Fields::within(thread, "chat", "thread");
                opening.thread_properties = properties(thread)?;
                opening.events = new_event::parse_list(thread, "events", Sender::Visitor)?;
            }
        }
        Ok(Self {
            groups,
            own_group: call.member.group,
            opening,
        })
    }

    /// The same with the group's own id.
    fn opening(&self, tx: &mut dyn db::Tx, subject: &Subject) -> db::Result<Opening> {
        let group = match &self.groups {
            Some(numbers) => Some(find_group(tx, subject, numbers)?),
            // One that was deleted since the login is as if it had not been named.
            None if self.own_group == groups::DEFAULT_NUMBER => None,
            None => match find_group(tx, subject, &[self.own_group]) {
                Err(db::Error::Refused(Refusal::GroupNotFound)) => None,
                found => Some(found?),
            },
        };
        Ok(Opening {
            group,
            ..self.opening.clone()
        })
    }
}

fn properties(fields: Fields<'_>) -> Result<Properties, Refusal> {
    match fields.get("properties") {
        None => Ok(Properties::default()),
        Some(json) => Properties::parse(&fields.path("properties"), json),
    }
}

/// The groups a chat may be sent to, in the order of preference; `None` where none is named.
fn groups_named(chat: Fields<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    let Some(access) = chat.opt_object("access")? else {
        return Ok(None);
    };
    let access = Fields::within(access, "chat", "access");
    let Some(listed) = access.opt_list("group_ids", 100)? else {
        return Ok(None);
    };
    let numbers: Option<Vec<i64>> = listed.iter().map(Value::as_i64).collect();
    let numbers =
        numbers.ok_or_else(|| access.invalid("group_ids", "must be a list of whole numbers"))?;
    Ok(Some(numbers).filter(|numbers| !numbers.is_empty()))
}

/// The first of these groups that the site has.
fn find_group(tx: &mut dyn db::Tx, subject: &Subject, numbers: &[i64]) -> db::Result<GroupId> {
    let Subject::Visitor { site, .. } = subject else {
        return Err(Refusal::NotAllowed.into());
    };
    let permit = authorize(subject, Action::ReadGroups, Object::Site(*site))?;
    let known = groups::list(tx, &permit)?;
    let mut found = numbers
        .iter()
        .filter_map(|number| known.iter().find(|group| group.number == *number));
    Ok(found.next().ok_or(Refusal::GroupNotFound)?.id)
}

/// An opened thread, read in the transaction that opened it.
struct Settled {
    opened: Opened,
    view: View,
    /// What the connection was not sent before the thread began.
    before: Vec<Push>,
}

impl Settled {
    fn read(
        tx: &mut dyn db::Tx,
        subject: &Subject,
        opened: Opened,
        sent: Option<i64>,
    ) -> db::Result<Self> {
        let (chat, permit): (_, Permit) =
            chats::authorized(tx, subject, Action::ReadChat, opened.chat.id)?;
        let view = View::read(tx, &permit, chat, Some(opened.thread))?;
        let before = match sent {
            None => Vec::new(),
            Some(sent) => backlog::up_to(tx, &permit, &view.chat, sent, view.first_seq() - 1)?,
        };
        Ok(Self {
            opened,
            view,
            before,
        })
    }

    fn answer(self, request_id: Option<&str>) -> Answer {
        let events = &self.opened.events;
        let ids: Vec<String> = events.iter().map(|a| a.event.id.to_string()).collect();
        let chat = &self.view.chat;
        let mut pushes: Vec<_> = self.before.iter().map(|push| push.frame(None)).collect();
        pushes.push(pushes::incoming_chat(
            request_id,
            self.view.first_seq(),
            chat,
            &self.view.draw(),
        ));
        Answer {
            payload: json!({
                "chat_id": chat.id,
                "thread_id": self.opened.thread,
                "event_ids": ids,
                "duplicate": self.opened.is_duplicate,
            }),
            pushes,
            sent: Some((chat.id, chat.last_seq)),
            place: self.view.place(),
        }
    }
}
