//! The actions of the chat wire: one table, one file a family. An action parses, makes one store call, and renders.

use std::rc::Rc;

use bytestring::ByteString;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::caller::{Caller, Member};
use super::fields::Fields;
use super::frame::{Failure, Request};
use super::pushes::Push;
use super::streams::Streams;
use crate::db::{self, Lane, Tx};
use crate::domain::ids::{ChatId, ThreadId};
use crate::domain::thread::Place;

mod chats;
mod customer;
mod events;
mod forms;
mod greetings;
mod groups;
mod history;
mod pages;
mod postback;
mod properties;
mod resume;
mod seen;
mod url_info;

pub(super) use customer::Page;

/// One request of a logged-in visitor.
pub(super) struct Call {
    pub(super) caller: Rc<Caller>,
    pub(super) member: Rc<Member>,
    pub(super) request: Request,
    /// How far each chat was sent when the action began; it stays so until the action is done if it holds updates.
    pub(super) streams: Streams,
    /// Unix milliseconds, read once.
    pub(super) now: i64,
}

impl Call {
    /// The fields of the payload.
    const fn fields(&self) -> Fields<'_> {
        Fields::of(&self.request.payload)
    }

    /// The request's id, for the one push that carries it.
    fn request_id(&self) -> Option<&str> {
        self.request.id.as_deref()
    }

    /// Reads in one snapshot.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> db::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.caller.state.db.read(job).await?)
    }

    /// Writes on the chat lane; what comes back is on disk.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> db::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        if self.caller.state.is_draining() {
            return Err(Failure::later(
                "service_unavailable",
                "the server is stopping, try again",
                1,
            ));
        }
        Ok(self.caller.state.db.write(Lane::Chat, job).await?)
    }
}

/// What an action leads to.
pub(super) struct Answer {
    /// The payload of the response.
    pub(super) payload: Value,
    /// Pushes to this connection alone, after the response, in their order.
    pub(super) pushes: Vec<ByteString>,
    /// What the pushes, or the response itself, brought the client up to.
    pub(super) sent: Option<(ChatId, i64)>,
    /// The place in a queue that the client was told of.
    pub(super) place: Option<(ThreadId, Place)>,
}

impl Answer {
    /// A response and nothing else.
    const fn of(payload: Value) -> Self {
        Self {
            payload,
            pushes: Vec::new(),
            sent: None,
            place: None,
        }
    }

    /// The empty response.
    fn done() -> Self {
        Self::of(json!({}))
    }

    /// Pushes what this connection was not sent yet, in order; the one numbered `own_seq` carries the request's id.
    fn settle(&mut self, chat: ChatId, missing: &[Push], own_seq: i64, request_id: Option<&str>) {
        self.pushes.extend(missing.iter().map(|push| {
            let is_own = push.seq == own_seq;
            push.frame(request_id.filter(|_| is_own))
        }));
        self.sent = Some((chat, own_seq));
    }
}

/// An action under way.
pub(super) type Acting = LocalBoxFuture<'static, Result<Answer, Failure>>;

/// One line of the table.
pub(super) struct Action {
    name: &'static str,
    /// Whether the connection's updates wait until it is done, since it says how far the client has been sent.
    pub(super) holds_updates: bool,
    /// Whether it is something a person does, so that the connection counts as used.
    pub(super) is_sign_of_life: bool,
    /// Begins it.
    pub(super) begin: fn(Call) -> Acting,
}

/// What an action is to the connection.
#[derive(Clone, Copy)]
enum Sort {
    /// Done by a person; ends in a push with the request's id.
    Settled,
    /// Done by a person; answered by the response alone.
    Personal,
    /// Done by programs; says how far the client has been sent.
    CatchUp,
    /// Done by programs.
    Plain,
}

const fn action(name: &'static str, sort: Sort, begin: fn(Call) -> Acting) -> Action {
    Action {
        name,
        holds_updates: matches!(sort, Sort::Settled | Sort::CatchUp),
        is_sign_of_life: matches!(sort, Sort::Settled | Sort::Personal),
        begin,
    }
}

/// All actions of a logged-in visitor. `login` and `ping` are the connection's own.
static ACTIONS: [Action; 28] = [
    action("start_chat", Sort::Settled, |c| Box::pin(chats::start(c))),
    action("activate_chat", Sort::Settled, |c| {
        Box::pin(chats::activate(c))
    }),
    action("deactivate_chat", Sort::Settled, |c| {
        Box::pin(chats::deactivate(c))
    }),
    action("send_event", Sort::Settled, |c| Box::pin(events::send(c))),
    action("send_rich_message_postback", Sort::Personal, |c| {
        Box::pin(postback::send(c))
    }),
    action("update_chat_properties", Sort::Personal, |c| {
        Box::pin(properties::update(c, properties::Of::Chat))
    }),
    action("update_thread_properties", Sort::Personal, |c| {
        Box::pin(properties::update(c, properties::Of::Thread))
    }),
    action("update_event_properties", Sort::Personal, |c| {
        Box::pin(properties::update(c, properties::Of::Event))
    }),
    action("delete_chat_properties", Sort::Personal, |c| {
        Box::pin(properties::delete(c, properties::Of::Chat))
    }),
    action("delete_thread_properties", Sort::Personal, |c| {
        Box::pin(properties::delete(c, properties::Of::Thread))
    }),
    action("delete_event_properties", Sort::Personal, |c| {
        Box::pin(properties::delete(c, properties::Of::Event))
    }),
    action("send_sneak_peek", Sort::Personal, |c| {
        Box::pin(events::sneak_peek(c))
    }),
    action("typing", Sort::Personal, |c| Box::pin(events::typing(c))),
    action("mark_events_as_seen", Sort::Personal, |c| {
        Box::pin(seen::mark(c))
    }),
    action("get_chat", Sort::Plain, |c| Box::pin(history::get_chat(c))),
    action("list_chats", Sort::Plain, |c| {
        Box::pin(history::list_chats(c))
    }),
    action("list_threads", Sort::Plain, |c| {
        Box::pin(history::list_threads(c))
    }),
    action("resume", Sort::CatchUp, |c| Box::pin(resume::resume(c))),
    action("get_customer", Sort::Plain, |c| Box::pin(customer::get(c))),
    action("update_customer", Sort::Personal, |c| {
        Box::pin(customer::update(c))
    }),
    action("set_customer_session_fields", Sort::Plain, |c| {
        Box::pin(customer::set_fields(c))
    }),
    action("update_customer_page", Sort::Personal, |c| {
        Box::pin(customer::update_page(c))
    }),
    action("get_form", Sort::Plain, |c| Box::pin(forms::get(c))),
    action("get_url_info", Sort::Plain, |c| Box::pin(url_info::get(c))),
    action("accept_greeting", Sort::Personal, |c| {
        Box::pin(greetings::accept(c))
    }),
    action("cancel_greeting", Sort::Personal, |c| {
        Box::pin(greetings::cancel(c))
    }),
    action("list_group_statuses", Sort::Plain, |c| {
        Box::pin(groups::list_statuses(c))
    }),
    action("get_predicted_agent", Sort::Plain, |c| {
        Box::pin(groups::predicted_agent(c))
    }),
];

/// The action with this name.
pub(super) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}
