//! Greetings: written, ordered by when they were made, and sent by hand.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::chats::find_group;
use super::endpoint::{Endpoint, Verb};
use super::objects::{self, time};
use super::schemas::{self, about, bounded, flag, id, int, list_of, nullable, object, refer, text};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::event::Content;
use crate::domain::greeting::{Draft, Rules};
use crate::domain::ids::{AgentId, GreetingId, GroupId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Scope, authorize};
use crate::http::customer::fields::Fields;
use crate::http::error::ApiError;
use crate::http::new_event::{self, Sender};
use crate::store::greetings::{self, Greeting};
use crate::store::{groups, invitations, visitors};

const TAG: &str = "Greetings";
const PATH: &str = "/greetings";
const ONE: &str = "/greetings/{greeting_id}";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listGreetings",
        path: PATH,
        tag: TAG,
        summary: "List greetings in the order in which they are tried",
        answer: Some(|| object(&[("items", list_of("Greeting"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "createGreeting",
        path: PATH,
        tag: TAG,
        summary: "Make a greeting, the last in the order",
        body: Some(content),
        answer: Some(|| refer("Greeting")),
        errors: &["not_found", "group_not_found", "limit_reached"],
        handler: |call| Box::pin(create(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "changeGreeting",
        verb: Verb::Put,
        path: ONE,
        tag: TAG,
        summary: "Change a greeting; its counters go on",
        body: Some(content),
        answer: Some(|| refer("Greeting")),
        errors: &["not_found", "group_not_found"],
        handler: |call| Box::pin(change(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "deleteGreeting",
        verb: Verb::Delete,
        path: ONE,
        tag: TAG,
        summary: "Delete a greeting",
        errors: &["not_found"],
        handler: |call| Box::pin(delete(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "sendGreeting",
        verb: Verb::Post,
        path: "/visitors/{visitor_id}/greetings",
        tag: TAG,
        summary: "Send a greeting to the browser in which the visitor was seen last",
        scope: Scope::WriteVisitors,
        body: Some(|| object(&[("greeting_id", id())])),
        answer: Some(|| object(&[("invitation_id", id()), ("sent_at", schemas::time())])),
        errors: &["not_found", "conflict", "customer_banned"],
        handler: |call| Box::pin(send(call)),
        ..Endpoint::READ
    },
];

fn content() -> Value {
    object(&[
        ("name", bounded(1, Draft::NAME_CHARS)),
        ("is_enabled?", about(flag(), "Sent by itself.")),
        ("rules?", refer("GreetingRules")),
        (
            "content",
            json!({"oneOf": [refer("MessageEdit"), refer("RichMessageEdit")]}),
        ),
        ("group_id?", int()),
        ("agent_id?", about(id(), "Whose name it carries.")),
    ])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let rules = about(
        object(&[(
            "all?",
            json!({"type": "array", "items": {"type": "object"}}),
        )]),
        "All conditions have to hold; none holds at once. Each has a `kind`: `url` and `referrer` (`how`: contains, exact or \
         wildcard; `text`), `time_on_page` and `time_on_site` (`at_least_s`), `pages_seen` (`at_least`), `visits` \
         (`at_least`, `at_most`), `language` and `device` (`is`), `online`, `all` and `any` (`of`).",
    );
    let counted = object(&[
        ("sent", int()),
        ("seen", int()),
        ("accepted", int()),
        ("chats", int()),
    ]);
    let greeting = object(&[
        ("id", id()),
        ("number", about(int(), "What the chat wire calls it.")),
        ("name", text()),
        ("is_enabled", flag()),
        ("rules", refer("GreetingRules")),
        ("content", refer("Content")),
        ("group_id", int()),
        ("agent_id", nullable(id())),
        ("counted", counted),
        ("updated_at", schemas::time()),
    ]);
    vec![("GreetingRules", rules), ("Greeting", greeting)]
}

fn shown(greeting: &Greeting, group: i64) -> Value {
    let (draft, counted) = (&greeting.draft, greeting.counted);
    json!({
        "id": greeting.id,
        "number": greeting.number,
        "name": draft.name,
        "is_enabled": draft.is_enabled,
        "rules": draft.rules,
        "content": objects::content(&draft.content, VisitorId(0)),
        "group_id": group,
        "agent_id": draft.agent,
        "counted": {
            "sent": counted.sent,
            "seen": counted.seen,
            "accepted": counted.accepted,
            "chats": counted.chats,
        },
        "updated_at": time(greeting.updated_at),
    })
}

/// The number of a group by its id; a greeting without one is the default group's.
fn number_of(known: &[groups::Group], group: Option<GroupId>) -> i64 {
    known
        .iter()
        .find(|known| Some(known.id) == group)
        .map_or(groups::DEFAULT_NUMBER, |known| known.number)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadSite)?;
    let of_groups = call.on_site(Action::ReadGroups)?;
    let (all, known) = call
        .read(move |tx| Ok((greetings::list(tx, &permit)?, groups::list(tx, &of_groups)?)))
        .await?;
    let items: Vec<Value> = all
        .iter()
        .map(|greeting| shown(greeting, number_of(&known, greeting.draft.group)))
        .collect();
    Ok(Answer::of(json!({"items": items})))
}

/// What a body says, with the number of its group.
#[derive(Clone)]
struct Wanted {
    draft: Draft,
    group: Option<i64>,
}

fn parse(fields: Fields<'_>) -> Result<Wanted, Refusal> {
    let rules = match fields.get("rules") {
        None => Rules::default(),
        Some(json) => serde_json::from_value(json.clone())
            .map_err(|error| fields.invalid("rules", &error.to_string()))?,
    };
    let said = Fields::within(fields.object("content")?, "content", "");
    let new = new_event::content(said, Sender::Agent)?;
    let Content::Body(content) = new.content() else {
        return Err(fields.invalid("content", "must be a message or a rich message"));
    };
    Ok(Wanted {
        draft: Draft {
            name: fields.text("name", Draft::NAME_CHARS)?.to_owned(),
            is_enabled: fields.flag("is_enabled")?,
            rules,
            content: content.clone(),
            group: None,
            agent: fields.opt_id::<AgentId>("agent_id", "agent")?,
        },
        group: fields.opt_int("group_id", 0, i64::MAX)?,
    })
}

impl Wanted {
    /// The draft, with the group that its number names.
    fn draft(&self, tx: &mut dyn Tx, permit: &Permit) -> db::Result<Draft> {
        let group = self.group.filter(|n| *n != groups::DEFAULT_NUMBER);
        Ok(Draft {
            group: group.map(|n| find_group(tx, permit, n)).transpose()?,
            ..self.draft.clone()
        })
    }
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let wanted = parse(call.fields())?;
    let number = wanted.group.unwrap_or(groups::DEFAULT_NUMBER);
    let made = call
        .configure(move |tx| {
            let draft = wanted.draft(tx, &permit)?;
            greetings::create(tx, &permit, &draft, now)
        })
        .await?;
    Ok(Answer::of(shown(&made, number)))
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let id: GreetingId = call.id("greeting_id", "greeting")?;
    let wanted = parse(call.fields())?;
    let number = wanted.group.unwrap_or(groups::DEFAULT_NUMBER);
    let changed = call
        .configure(move |tx| {
            let draft = wanted.draft(tx, &permit)?;
            greetings::update(tx, &permit, id, &draft, now)
        })
        .await?;
    Ok(Answer::of(shown(&changed, number)))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let id: GreetingId = call.id("greeting_id", "greeting")?;
    call.configure(move |tx| greetings::delete(tx, &permit, id, now))
        .await?;
    Ok(Answer::done())
}

async fn send(call: Call) -> Result<Answer, ApiError> {
    let (subject, site, now) = (call.subject.clone(), call.site, call.now);
    let visitor: VisitorId = call.id("visitor_id", "visitor")?;
    let greeting: GreetingId = call.fields().id("greeting_id", "greeting")?;
    let sent = call
        .write(move |tx| {
            let found = visitors::root(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
            let root = found.id;
            let object = Object::Visitor { site, root };
            let permit = authorize(&subject, Action::SendGreeting, object)?;
            invitations::send(tx, &permit, greeting, now)
        })
        .await?;
    Ok(Answer::of(
        json!({"invitation_id": sent.id, "sent_at": time(sent.sent_at)}),
    ))
}
