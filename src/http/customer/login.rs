//! `login`: the first frame of a socket. It brings the token, and gets everything the client needs to begin.

use std::rc::Rc;

use serde_json::{Value, json};

use super::actions::Page;
use super::availability::{Statuses, Told, Watching};
use super::caller::{Caller, Member};
use super::close::Close;
use super::connection::Session;
use super::fields::Fields;
use super::frame::{Failure, Request};
use super::greetings::{self, Greeted};
use super::objects;
use super::profile::{self, ProfileRequest};
use super::streams::Streams;
use super::subscription::Subscription;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::ids::ChatId;
use crate::domain::page;
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::routing::GroupStatus;
use crate::http::connected::{Full, Place};
use crate::live::Topic;
use crate::store::visitor_tokens::{self, Bearer, NewToken, TokenKind};
use crate::store::visitors::{self, NewVisitor};
use crate::store::{bans, chats, groups};
use crate::token::{Token, TokenHash};

/// Longest `token` with its scheme, in characters.
const MAX_TOKEN_CHARS: usize = 128;

/// How a login ends that was not refused.
pub(super) enum Login {
    /// It went well.
    In(Box<LoggedIn>),
    /// The socket ends, with a word that the protocol has for it.
    Out(Close),
}

/// A login that went well.
pub(super) struct LoggedIn {
    /// The payload of the response.
    pub(super) payload: Value,
    /// What the connection has from now on.
    pub(super) session: Session,
}

/// What a login asks for.
struct Wanted {
    hash: TokenHash,
    profile: ProfileRequest,
    page: Option<Page>,
    subscription: Subscription,
    referrer: String,
    group: Option<i64>,
}

impl Wanted {
    fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let token = fields.text("token", MAX_TOKEN_CHARS)?;
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        // What is no token is one that nobody has.
        let hash = Token::parse(token).ok_or(Refusal::Authentication)?.hash();
        let profile = match fields.opt_object("customer")? {
            None => ProfileRequest::default(),
            Some(customer) => ProfileRequest::parse(Fields::within(customer, "customer", ""))?,
        };
        let page = fields
            .opt_object("customer_page")?
            .map(|page| Page::parse(Fields::within(page, "customer_page", "")))
            .transpose()?;
        Ok(Self {
            hash,
            profile,
            page,
            subscription: Subscription::parse(fields)?,
            referrer: referrer(fields)?,
            group: fields.opt_int("group_id", i64::MIN, i64::MAX)?,
        })
    }
}

/// Where the visitor came from; what is no address is left out, since clients send whatever the browser says.
fn referrer(fields: Fields<'_>) -> Result<String, Refusal> {
    let text = fields.opt_text("referrer", usize::MAX)?.unwrap_or_default();
    Ok(page::referrer("referrer", text).unwrap_or_default())
}

/// Logs a visitor in: listens first, then reads, so that nothing in between is missed.
///
/// # Errors
/// [`Failure`] of type `authentication` for a token that opens nothing here, `customer_banned`, `users_limit_reached`,
/// `validation`, or a retryable one.
pub(super) async fn log_in(
    caller: Rc<Caller>,
    request: Request,
    now: i64,
) -> Result<Login, Failure> {
    let wanted = Wanted::parse(Fields::of(&request.payload))?;
    let mut member = find(&caller, wanted.hash, now).await?;
    if let Some(number) = wanted.group {
        member.group = known_group(&caller, number).await?;
    }
    let place = match enter(&caller, &member) {
        Ok(place) => place,
        Err(Full::Site) => return Err(Refusal::UsersLimitReached.into()),
        Err(Full::Visitor) => return Ok(Login::Out(one_too_many(&caller, &member))),
    };
    // The token is bound to one row, and that row may lead to another: both can end.
    for row in [member.bearer.visitor, member.customer] {
        caller.attachment.subscribe(Topic::Visitor(row));
        caller.attachment.subscribe(Topic::Tokens(row));
    }
    refuse_banned(&caller, &member, now).await?;
    if !wanted.profile.is_empty() {
        let (member, profile) = (member.clone(), wanted.profile);
        let job = move |tx: &mut dyn Tx| profile::apply(tx, &member, &profile, now);
        caller.state.db.write(Lane::Chat, job).await?;
    }
    let mut watching = Watching::start(&caller.state, caller.site.id).await?;
    let read = listen_and_read(&caller, &member).await?;
    let told = wanted
        .page
        .as_ref()
        .map(|page| greetings::first_page(&caller, page.url(), &wanted.referrer, now));
    let mut greeted = Greeted::at(told);
    let greeting = greetings::at_login(&caller, &member, &mut greeted, now).await?;
    if let Some(page) = wanted.page {
        page.announce(&caller, &member, now);
    }
    let shown = watching.statuses();
    let mut payload = json!({
        "epoch": caller.state.db.epoch(),
        "customer": read.customer,
        "chats": read.chats,
        "has_active_thread": read.has_open_thread,
        "__priv_dynamic_config": dynamic_config(member.group, shown.statuses()),
    });
    if let Some(greeting) = greeting {
        payload["greeting"] = greeting;
    }
    Ok(Login::In(Box::new(LoggedIn {
        payload,
        session: Session {
            _place: place,
            member: Rc::new(member),
            streams: read.streams,
            shown: read.shown,
            watching,
            told: Told::of(&shown),
            has_open_thread: read.has_open_thread,
            subscription: wanted.subscription,
            greeted,
        },
    })))
}

/// The group a login names, or the default one: a refusal would make published clients log in again and again.
async fn known_group(caller: &Caller, number: i64) -> Result<i64, Failure> {
    let site = caller.site.id;
    let found = caller.state.db.read(move |tx| {
        let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
        Ok(groups::list(tx, &permit)?
            .iter()
            .any(|group| group.number == number))
    });
    Ok(if found.await? {
        number
    } else {
        groups::DEFAULT_NUMBER
    })
}

/// What the response to a login shows.
pub(super) struct Begun {
    pub(super) customer: Value,
    pub(super) shown: serde_json::Map<String, Value>,
    pub(super) chats: Vec<Value>,
    pub(super) streams: Streams,
    pub(super) has_open_thread: bool,
}

async fn listen_and_read(caller: &Caller, member: &Member) -> Result<Begun, Failure> {
    let subject = member.subject.clone();
    let listed = caller
        .state
        .db
        .read(move |tx| chats::list_visible(tx, &subject, None, chats::MAX_LIST))
        .await?;
    for chat in &listed {
        caller.attachment.subscribe(Topic::Chat(chat.id));
    }
    let ids: Vec<ChatId> = listed.iter().map(|chat| chat.id).collect();
    let member = member.clone();
    let begun = caller.state.db.read(move |tx| begin(tx, &member, &ids));
    Ok(begun.await?)
}

fn begin(tx: &mut dyn Tx, member: &Member, ids: &[ChatId]) -> db::Result<Begun> {
    let visitor = profile::visitor(tx, member)?;
    let mut begun = Begun {
        customer: profile::with_statistics(tx, member)?,
        shown: objects::customer(member.customer, &visitor),
        chats: Vec::with_capacity(ids.len()),
        streams: Streams::default(),
        has_open_thread: false,
    };
    for id in ids {
        let (chat, permit) = chats::authorized(tx, &member.subject, Action::ReadChat, *id)?;
        let unread = chats::unread(tx, &permit)?;
        begun.streams.advance(chat.id, chat.last_seq);
        begun.has_open_thread |= chat.is_active;
        begun.chats.push(line(&chat, unread.visitor > 0));
    }
    Ok(begun)
}

fn line(chat: &Chat, has_unread_events: bool) -> Value {
    json!({
        "chat_id": chat.id,
        "has_unread_events": has_unread_events,
        "has_active_thread": chat.is_active,
        "last_seq": chat.last_seq,
    })
}

/// The published SDK reads availability out of this: online if the customer's group is among those online.
fn dynamic_config(own: i64, statuses: &Statuses) -> Value {
    let online: Vec<i64> = statuses
        .iter()
        .filter(|(_, status)| **status != GroupStatus::Offline)
        .map(|(number, _)| *number)
        .collect();
    let mut config = json!({"customer_groups": {"monitoring": {"id": own}}});
    if !online.is_empty() {
        config["online_groups_ids"] = online.into();
    }
    config
}

/// The member behind a token; a token that a browser made itself and that was never seen is a new visitor.
async fn find(caller: &Caller, hash: TokenHash, now: i64) -> Result<Member, Failure> {
    let db = &caller.state.db;
    let site = caller.site.id;
    let found = db.read(move |tx| visitor_tokens::find(tx, &hash)).await?;
    let bearer = match found {
        Some(bearer) => bearer,
        None if caller.is_widget => {
            let context = caller.context.clone();
            let create = move |tx: &mut dyn Tx| {
                let new = NewVisitor {
                    site,
                    context: &context,
                    seen_at: now,
                };
                first_seen(tx, &hash, &new, now)
            };
            db.write(Lane::Chat, create).await?
        }
        None => return Err(Refusal::Authentication.into()),
    };
    if bearer.site != site || bearer.has_ended(now) {
        return Err(Refusal::Authentication.into());
    }
    Ok(Member::new(bearer, hash))
}

/// Asked after the socket listens: a ban that comes later ends it.
async fn refuse_banned(caller: &Caller, member: &Member, now: i64) -> Result<(), Failure> {
    let (site, root, ip) = (caller.site.id, member.customer, caller.address.truncated());
    let job = move |tx: &mut dyn Tx| bans::refuse_banned(tx, site, root, &ip, now);
    Ok(caller.state.db.read(job).await?)
}

/// The visitor's place among those who are connected.
fn enter(caller: &Caller, member: &Member) -> Result<Place, Full> {
    let of_site = caller.site.settings.max_connected_visitors;
    caller
        .state
        .limits
        .visitor(caller.site.id, member.customer, of_site)
}

/// Who keeps coming back with too many sockets is told so.
fn one_too_many(caller: &Caller, member: &Member) -> Close {
    match caller.state.limits.comes_back(member.customer) {
        Ok(()) => Close::TooManySockets,
        Err(_) => Close::Blocked,
    }
}

/// The bearer of a token that a browser made itself; one that was never seen becomes a new visitor's.
///
/// # Errors
/// Any [`db::Error`].
pub(super) fn first_seen(
    tx: &mut dyn Tx,
    hash: &TokenHash,
    new: &NewVisitor<'_>,
    now: i64,
) -> db::Result<Bearer> {
    // Two tabs may log in at once: the second finds what the first has made.
    if let Some(found) = visitor_tokens::find(tx, hash)? {
        return Ok(found);
    }
    let token = NewToken {
        hash,
        site: new.site,
        visitor: visitors::create(tx, new, now)?,
        browser: None,
        kind: TokenKind::Browser,
        is_signed: false,
        expires_at: None,
    };
    let bound = visitor_tokens::bind(tx, &token, now)?;
    // On PostgreSQL the other tab may have committed since: the job is run again and finds it.
    bound.ok_or_else(|| db::Error::Retry("the token was bound meanwhile".into()))
}
