//! Invitations: greetings as visitors got them. One is open in a browser at a time; each state is counted once, in the
//! transaction that makes it so. Which greeting is due is decided in `due_greetings`.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::event::{Author, Body};
use crate::domain::greeting::EndReason;
use crate::domain::ids::{AgentId, BrowserId, GreetingId, InvitationId, SiteId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::{Hint, Refusal};
use crate::store::greetings::{self, Count};
use crate::store::{bans, json, visitors};
use crate::token;

/// How long an invitation that nobody answers stays open: a greeting of yesterday is none.
pub const OPEN_FOR_MS: i64 = 24 * 60 * 60 * 1000;

/// Bytes of randomness in the name of an invitation.
const UNIQUE_BYTES: usize = 16;

/// A greeting as one browser got it.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// Its row.
    pub id: InvitationId,
    /// Its random name on the wire: 32 upper-case hexadecimal digits.
    pub unique_id: String,
    /// The site.
    pub site: SiteId,
    /// The greeting.
    pub greeting: GreetingId,
    /// The greeting's number on the wire.
    pub number: i64,
    /// What agents call the greeting.
    pub name: String,
    /// The visitor row it was sent to.
    pub visitor: VisitorId,
    /// The browser it was sent to.
    pub browser: BrowserId,
    /// Whether an agent sent it.
    pub is_manual: bool,
    /// What it says, as it was when it was sent.
    pub content: Body,
    /// Whose name it carries; `None` is the site's.
    pub host: Option<Host>,
    /// Unix milliseconds.
    pub sent_at: i64,
    /// When a client of the visitor got it first, Unix milliseconds.
    pub delivered_at: Option<i64>,
    /// When it was seen first, Unix milliseconds.
    pub shown_at: Option<i64>,
    /// When it was accepted first, Unix milliseconds.
    pub accepted_at: Option<i64>,
    /// When and why it ended.
    pub ended: Option<(i64, EndReason)>,
}

/// The agent whose name an invitation carries, as visitors see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Who.
    pub agent: AgentId,
    /// Name.
    pub name: String,
    /// Job title, or empty.
    pub job_title: String,
    /// Address of a picture.
    pub avatar_url: Option<String>,
    /// Whether it is a program.
    pub is_bot: bool,
}

impl Invitation {
    /// Whether it can still be answered.
    #[must_use]
    pub const fn is_open(&self, now: i64) -> bool {
        self.ended.is_none() && now.saturating_sub(self.sent_at) < OPEN_FOR_MS
    }
}

/// What a visitor's client says of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It was seen.
    Shown,
    /// It was accepted, which means that it was seen; with the greeting's number where the client names it.
    Accepted(Option<i64>),
    /// It was closed.
    Canceled,
}

const SELECT: &str = "select i.id, i.unique_id, i.site_id, i.greeting_id, g.number, g.name, i.visitor_id, i.browser_id, \
     i.is_manual, i.content, i.agent_id, a.name, a.job_title, a.avatar_url, a.is_bot, i.sent_at, i.delivered_at, \
     i.shown_at, i.accepted_at, i.ended_at, i.end_reason \
     from invitations i \
     join greetings g on g.id = i.greeting_id \
     left join agents a on a.id = i.agent_id";

/// The invitation that is open in a browser.
///
/// # Errors
/// Any [`Error`].
pub fn open(tx: &mut dyn Tx, browser: BrowserId, now: i64) -> Result<Option<Invitation>> {
    let sql = format!("{SELECT} where i.browser_id = ?1 and i.ended_at is null");
    let found = tx.opt(&sql, &[browser.into()], read)?;
    Ok(found.filter(|invitation| invitation.is_open(now)))
}

/// The newest invitation of these visitor rows, open or not.
///
/// # Errors
/// Any [`Error`].
pub fn newest(tx: &mut dyn Tx, rows: &[VisitorId]) -> Result<Option<Invitation>> {
    let sql =
        format!("{SELECT} where i.visitor_id = ?1 order by i.sent_at desc, i.id desc limit 1");
    let mut newest: Option<Invitation> = None;
    for row in rows {
        if let Some(found) = tx.opt(&sql, &[(*row).into()], read)?
            && newest
                .as_ref()
                .is_none_or(|known| known.sent_at < found.sent_at)
        {
            newest = Some(found);
        }
    }
    Ok(newest)
}

/// Notes that a client gets an invitation; whether it is the first to get it.
///
/// # Errors
/// Any [`Error`].
pub fn deliver(tx: &mut dyn Tx, invitation: &Invitation, now: i64) -> Result<bool> {
    visitors::lock(tx, invitation.visitor)?;
    delivered(tx, invitation, now)
}

/// Takes a visitor's reaction to an invitation of their browser; whether it changed anything. A repeat changes nothing.
///
/// # Errors
/// [`Refusal::GreetingNotFound`] for one that is not the browser's, or has ended and can take this reaction no more;
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AnswerGreeting`]; or any other [`Error`].
pub fn react(
    tx: &mut dyn Tx,
    permit: &Permit,
    unique_id: &str,
    reaction: Reaction,
    now: i64,
) -> Result<bool> {
    let (site, root) = permit.visitor(&[Action::AnswerGreeting])?;
    let Subject::Visitor { browser, .. } = permit.subject() else {
        return Err(Refusal::NotAllowed.into());
    };
    let found = of_browser(tx, *browser, unique_id)?.ok_or(Refusal::GreetingNotFound)?;
    visitors::lock(tx, found.visitor)?;
    // What another tab did meanwhile is seen under the lock.
    let found = of_browser(tx, *browser, unique_id)?.ok_or(Refusal::GreetingNotFound)?;
    let is_changed = match reaction {
        Reaction::Shown => shown(tx, &found, now)?,
        Reaction::Accepted(Some(number)) if number != found.number => {
            return Err(Refusal::GreetingNotFound.into());
        }
        Reaction::Accepted(_) if found.accepted_at.is_some() => false,
        Reaction::Accepted(_) if may_accept(&found, now) => accept(tx, &found, now)?,
        Reaction::Canceled if found.is_open(now) => {
            end(tx, found.id, EndReason::Canceled, now)?;
            true
        }
        Reaction::Canceled if was_canceled(&found) => false,
        Reaction::Accepted(_) | Reaction::Canceled => return Err(Refusal::GreetingNotFound.into()),
    };
    if is_changed {
        tx.emit(Hint::GreetingChanged {
            site,
            visitor: root,
        })?;
    }
    Ok(is_changed)
}

/// Sends a greeting by hand to the browser in which the visitor was seen last; it takes the place of the one shown there.
///
/// # Errors
/// [`Refusal::NotFound`] for a greeting that is not one of the site's, or a visitor without a browser;
/// [`Refusal::Conflict`] while a chat is open; [`Refusal::Banned`]; [`Refusal::NotAllowed`] unless the permit is for
/// [`Action::SendGreeting`]; or any other [`Error`].
pub fn send(
    tx: &mut dyn Tx,
    permit: &Permit,
    greeting: GreetingId,
    now: i64,
) -> Result<Invitation> {
    let (site, visitor) = permit.visitor(&[Action::SendGreeting])?;
    let greeting = greetings::find(tx, site, greeting)?.ok_or(Refusal::NotFound("greeting"))?;
    let root = visitors::lock_root(tx, site, visitor)?;
    let state = visitors::get(tx, site, root)?.ok_or(Refusal::NotFound("visitor"))?;
    bans::refuse_banned(tx, site, root, &state.ip, now)?;
    if has_open_chat(tx, root)? {
        return Err(Refusal::Conflict("a chat is open").into());
    }
    let browser = last_browser(tx, root)?.ok_or(Refusal::NotFound("browser"))?;
    let agent = match permit.author(root) {
        Ok(Author::Agent(agent)) => Some(agent),
        Ok(Author::System | Author::Visitor(_)) | Err(_) => greeting.draft.agent,
    };
    let new = NewInvitation {
        greeting: &greeting,
        visitor: root,
        browser,
        agent,
        is_manual: true,
    };
    insert(tx, &new, now)?.ok_or_else(|| Error::Retry("another greeting was sent".into()))
}

/// A thread of a chat begins: what is open in the browser has led to it if the visitor began it, and is over in any case.
/// `permit` is the one the thread is opened under.
///
/// # Errors
/// Any [`Error`].
pub fn chat_opened(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &crate::domain::chat::Chat,
    now: i64,
) -> Result<()> {
    let (browser, is_visitor) = match permit.subject() {
        Subject::Visitor { browser, .. } => (*browser, true),
        Subject::Agent { .. }
        | Subject::ApiKey { .. }
        | Subject::System
        | Subject::Setup
        | Subject::Nobody => (chat.browser, false),
    };
    let Some(found) = open(tx, browser, now)? else {
        return Ok(());
    };
    visitors::lock(tx, found.visitor)?;
    let Some(found) = open(tx, browser, now)? else {
        return Ok(());
    };
    if is_visitor {
        shown(tx, &found, now)?;
        tx.exec(
            "update invitations set ended_at = ?2, end_reason = 'chat_started', chat_id = ?3
             where id = ?1",
            &[found.id.into(), now.into(), chat.id.into()],
        )?;
        greetings::count(tx, found.greeting, Count::Chats)?;
    } else {
        end(tx, found.id, EndReason::Canceled, now)?;
    }
    tx.emit(Hint::GreetingChanged {
        site: chat.site,
        visitor: chat.root,
    })
}

/// What an invitation is made of.
pub(super) struct NewInvitation<'a> {
    pub(super) greeting: &'a greetings::Greeting,
    /// The root of the visitor, under lock.
    pub(super) visitor: VisitorId,
    pub(super) browser: BrowserId,
    pub(super) agent: Option<AgentId>,
    pub(super) is_manual: bool,
}

/// Opens an invitation in place of the one that is open; `None` where another transaction was faster.
pub(super) fn insert(
    tx: &mut dyn Tx,
    new: &NewInvitation<'_>,
    now: i64,
) -> Result<Option<Invitation>> {
    tx.exec(
        "update invitations
         set ended_at = ?2,
             end_reason = case when sent_at > ?3 then 'replaced' else 'expired' end
         where browser_id = ?1 and ended_at is null",
        &[
            new.browser.into(),
            now.into(),
            now.saturating_sub(OPEN_FOR_MS).into(),
        ],
    )?;
    let id = InvitationId(tx.new_id(now));
    let content = json::write(&new.greeting.draft.content)?;
    let inserted = tx.exec(
        "insert into invitations
           (id, unique_id, site_id, greeting_id, visitor_id, browser_id, agent_id, is_manual, content,
            sent_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         on conflict do nothing",
        &[
            id.into(),
            (&unique_id()).into(),
            new.greeting.site.into(),
            new.greeting.id.into(),
            new.visitor.into(),
            new.browser.into(),
            new.agent.into(),
            new.is_manual.into(),
            (&content).into(),
            now.into(),
        ],
    )?;
    if inserted == 0 {
        return Ok(None);
    }
    greetings::count(tx, new.greeting.id, Count::Sent)?;
    tx.emit(Hint::GreetingChanged {
        site: new.greeting.site,
        visitor: new.visitor,
    })?;
    open(tx, new.browser, now)
}

/// Whether a thread is open in any chat that this visitor began.
pub(super) fn has_open_chat(tx: &mut dyn Tx, root: VisitorId) -> Result<bool> {
    let open = tx.opt(
        "select 1 from chats
         where is_active = 1
           and visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
         limit 1",
        &[root.into()],
        |_| Ok(()),
    )?;
    Ok(open.is_some())
}

/// The browser of the page that was looked at last; of a visitor without visits the one that came last.
fn last_browser(tx: &mut dyn Tx, root: VisitorId) -> Result<Option<BrowserId>> {
    let read = |row: &dyn Row| Ok(BrowserId(row.i64(0)?));
    let seen = tx.opt(
        "select s.browser_id from sessions s
         where s.visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
           and s.browser_id is not null
         order by s.last_seen_at desc
         limit 1",
        &[root.into()],
        read,
    )?;
    if seen.is_some() {
        return Ok(seen);
    }
    tx.opt(
        "select t.browser_id from visitor_tokens t
         where t.visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
           and t.revoked_at is null
         order by t.created_at desc, t.id desc
         limit 1",
        &[root.into()],
        read,
    )
}

/// An invitation of a browser by its random name, open or not.
///
/// # Errors
/// Any [`Error`].
pub fn of_browser(tx: &mut dyn Tx, browser: BrowserId, unique: &str) -> Result<Option<Invitation>> {
    let sql = format!("{SELECT} where i.unique_id = ?1 and i.browser_id = ?2");
    tx.opt(&sql, &[unique.into(), browser.into()], read)
}

/// Open, or ended by the very chat that accepting it leads to.
fn may_accept(invitation: &Invitation, now: i64) -> bool {
    invitation.is_open(now)
        || invitation
            .ended
            .is_some_and(|(_, reason)| reason == EndReason::ChatStarted)
}

fn was_canceled(invitation: &Invitation) -> bool {
    invitation
        .ended
        .is_some_and(|(_, reason)| reason == EndReason::Canceled)
}

/// Counts the first client that gets it, for the visitor.
fn delivered(tx: &mut dyn Tx, invitation: &Invitation, now: i64) -> Result<bool> {
    let is_first = tx.exec(
        "update invitations set delivered_at = ?2 where id = ?1 and delivered_at is null",
        &[invitation.id.into(), now.into()],
    )? > 0;
    if is_first {
        tx.exec(
            "update visitors set greetings_shown = greetings_shown + 1 where id = ?1",
            &[invitation.visitor.into()],
        )?;
    }
    Ok(is_first)
}

/// Counts the first time it was seen, for the greeting.
fn shown(tx: &mut dyn Tx, invitation: &Invitation, now: i64) -> Result<bool> {
    delivered(tx, invitation, now)?;
    let is_first = tx.exec(
        "update invitations set shown_at = ?2 where id = ?1 and shown_at is null",
        &[invitation.id.into(), now.into()],
    )? > 0;
    if is_first {
        greetings::count(tx, invitation.greeting, Count::Seen)?;
    }
    Ok(is_first)
}

/// Counts that it was accepted, for the greeting and the visitor.
fn accept(tx: &mut dyn Tx, invitation: &Invitation, now: i64) -> Result<bool> {
    shown(tx, invitation, now)?;
    let is_first = tx.exec(
        "update invitations set accepted_at = ?2 where id = ?1 and accepted_at is null",
        &[invitation.id.into(), now.into()],
    )? > 0;
    if is_first {
        greetings::count(tx, invitation.greeting, Count::Accepted)?;
        tx.exec(
            "update visitors set greetings_accepted = greetings_accepted + 1 where id = ?1",
            &[invitation.visitor.into()],
        )?;
    }
    Ok(is_first)
}

fn end(tx: &mut dyn Tx, id: InvitationId, reason: EndReason, now: i64) -> Result<()> {
    tx.exec(
        "update invitations set ended_at = ?2, end_reason = ?3 where id = ?1 and ended_at is null",
        &[id.into(), now.into(), reason.as_str().into()],
    )?;
    Ok(())
}

fn unique_id() -> String {
    let mut bytes = [0; UNIQUE_BYTES];
    token::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn read(row: &dyn Row) -> Result<Invitation> {
    let agent = row.opt_i64(10)?.map(AgentId);
    let host = match (agent, row.opt_text(11)?) {
        (Some(agent), Some(name)) => Some(Host {
            agent,
            name,
            job_title: row.opt_text(12)?.unwrap_or_default(),
            avatar_url: row.opt_text(13)?,
            is_bot: row.opt_i64(14)? == Some(1),
        }),
        _ => None,
    };
    let ended = match (row.opt_i64(19)?, row.opt_text(20)?) {
        (Some(at), Some(reason)) => {
            let known = EndReason::parse(&reason);
            Some((at, known.ok_or_else(|| Error::Db(format!("end {reason}")))?))
        }
        _ => None,
    };
    Ok(Invitation {
        id: InvitationId(row.i64(0)?),
        unique_id: row.text(1)?,
        site: SiteId(row.i64(2)?),
        greeting: GreetingId(row.i64(3)?),
        number: row.i64(4)?,
        name: row.text(5)?,
        visitor: VisitorId(row.i64(6)?),
        browser: BrowserId(row.i64(7)?),
        is_manual: row.bool(8)?,
        content: json::read(&row.text(9)?)?,
        host,
        sent_at: row.i64(15)?,
        delivered_at: row.opt_i64(16)?,
        shown_at: row.opt_i64(17)?,
        accepted_at: row.opt_i64(18)?,
        ended,
    })
}
