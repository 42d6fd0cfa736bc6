//! Tickets: left by visitors, read and answered by agents. No function here answers a visitor with more than an id.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::ids::{AgentId, GroupId, SiteId, TicketId, VisitorId};
use crate::domain::permission::{Action, Permit};
use crate::domain::ticket::{NewTicket, REPEAT_MS, Ticket, TicketStatus};
use crate::domain::{Hint, Refusal};
use crate::store::{forms, visitors};

const COLUMNS: &str = "
    t.id, t.site_id, t.number, coalesce(v.merged_into, t.visitor_id), t.is_proven, t.group_id,
    t.agent_id, t.status, t.name, t.email, t.subject, t.message, t.question, t.source_url,
    t.timezone, t.created_at, t.updated_at, t.closed_at";

/// Most tickets that one read returns.
pub const MAX_PAGE: i64 = 100;

/// Longest text to search for, in characters; what is beyond is cut off.
const SEARCH_CHARS: usize = 100;

/// Who sends a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nobody known.
    Unknown,
    /// Somebody who says to be this visitor.
    Claimed(VisitorId),
    /// The holder of a token of this visitor.
    Proven(VisitorId),
}

/// The outcome of leaving a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The ticket: the first one where it was a repeat.
    pub id: TicketId,
    /// Its number.
    pub number: i64,
    /// Whether nothing was written because it is stored already.
    pub is_duplicate: bool,
}

/// Stores a ticket, once: the client's own id of it tells a repeat, and without one the same content from the same sender
/// within [`REPEAT_MS`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::SendTicket`]; [`Refusal::GroupNotFound`];
/// [`Refusal::CustomIdReused`] where the id came with another content; or any other [`Error`].
pub fn create(
    tx: &mut dyn Tx,
    permit: &Permit,
    new: &NewTicket,
    sender: Sender,
    now: i64,
) -> Result<Created> {
    let site = permit.site(&[Action::SendTicket])?;
    let link = linked(tx, site, sender)?;
    let group = match new.group() {
        None => None,
        Some(number) => Some(forms::find_group(tx, site, number)?.0),
    };
    // The site's row orders those who leave tickets at once: numbers have no holes, repeats do not pass each other.
    let lock = tx.dialect().for_update();
    let sql = format!("select id from sites where id = ?1{lock}");
    tx.opt(&sql, &[site.into()], |_| Ok(()))?
        .ok_or(Refusal::NotFound("site"))?;
    let author = link.map_or_else(String::new, |link| link.visitor.to_string());
    let hash = new.content_hash(&author);
    if let Some(repeat) = find_repeat(tx, site, new, &hash, now)? {
        return Ok(repeat);
    }
    let draft = Draft {
        site,
        link,
        group,
        hash,
    };
    let created = insert(tx, new, &draft, now)?;
    if let Some(Link {
        root,
        is_proven: true,
        ..
    }) = link
    {
        visitors::make_lead(tx, root, now)?;
        tx.emit(Hint::VisitorUpdated {
            site,
            visitor: root,
        })?;
    }
    tx.emit(Hint::TicketsChanged { site })?;
    Ok(created)
}

/// Which tickets a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Open or closed ones.
    pub status: TicketStatus,
    /// A number, or a part of an e-mail address, a subject or a name; empty is all.
    pub search: String,
    /// Only those behind this one: its `updated_at` and id.
    pub after: Option<(i64, TicketId)>,
}

/// The tickets of the site of the permit that fit, the last changed first, at most `limit` and [`MAX_PAGE`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadTickets`], or any other [`Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit, filter: &Filter, limit: i64) -> Result<Vec<Ticket>> {
    let site = permit.site(&[Action::ReadTickets])?;
    let search: String = filter.search.trim().chars().take(SEARCH_CHARS).collect();
    let number = search.trim_start_matches('#').parse::<i64>().ok();
    let pattern = (!search.is_empty()).then(|| containing(&search.to_lowercase()));
    let (at, id) = filter.after.unwrap_or((i64::MAX, TicketId(i64::MAX)));
    // A search reads through the site's tickets of one status by their index.
    let sql = format!(
        "select {COLUMNS}
         from tickets t
         left join visitors v on v.id = t.visitor_id
         where t.site_id = ?1 and t.status = ?2
           and (cast(?3 as text) is null or t.search like ?3 escape '!' or t.number = ?4)
           and (t.updated_at, t.id) < (?5, ?6)
         order by t.updated_at desc, t.id desc
         limit ?7"
    );
    tx.all(
        &sql,
        &[
            site.into(),
            filter.status.as_str().into(),
            pattern.as_ref().into(),
            number.unwrap_or(0).into(),
            at.into(),
            id.into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_row,
    )
}

/// How many tickets of a site are open, counted to 100: the number beside the entry of the rail.
///
/// # Errors
/// Any [`Error`].
pub fn open_on(tx: &mut dyn Tx, site: SiteId) -> Result<i64> {
    tx.int(
        "select count(*)
         from (select 1 from tickets where site_id = ?1 and status = 'open' limit 100) waiting",
        &[site.into()],
    )
}

/// One ticket of the site of the permit.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadTickets`]; [`Refusal::NotFound`]; or any other
/// [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, id: TicketId) -> Result<Ticket> {
    let site = permit.site(&[Action::ReadTickets])?;
    let sql = format!(
        "select {COLUMNS}
         from tickets t
         left join visitors v on v.id = t.visitor_id
         where t.id = ?1 and t.site_id = ?2"
    );
    tx.opt(&sql, &[id.into(), site.into()], read_row)?
        .ok_or_else(|| Refusal::NotFound("ticket").into())
}

/// The newest tickets linked to a visitor and all that was merged into it, at most `limit` and [`MAX_PAGE`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadTickets`], or any other [`Error`].
pub fn of_visitor(
    tx: &mut dyn Tx,
    permit: &Permit,
    root: VisitorId,
    limit: i64,
) -> Result<Vec<Ticket>> {
    let site = permit.site(&[Action::ReadTickets])?;
    let sql = format!(
        "select {COLUMNS}
         from tickets t
         left join visitors v on v.id = t.visitor_id
         where t.visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
           and t.site_id = ?2
         order by t.id desc
         limit ?3"
    );
    tx.all(
        &sql,
        &[root.into(), site.into(), limit.clamp(0, MAX_PAGE).into()],
        read_row,
    )
}

/// Closes or reopens a ticket; one that is so already stays as it is.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ChangeTicket`]; [`Refusal::NotFound`]; or any other
/// [`Error`].
pub fn set_status(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: TicketId,
    status: TicketStatus,
    now: i64,
) -> Result<()> {
    let site = hold(tx, permit, id)?;
    let closed_at = match status {
        TicketStatus::Open => None,
        TicketStatus::Closed => Some(now),
    };
    let changed = tx.exec(
        "update tickets set status = ?2, closed_at = ?3, updated_at = ?4
         where id = ?1 and status <> ?2",
        &[
            id.into(),
            status.as_str().into(),
            closed_at.into(),
            now.into(),
        ],
    )?;
    if changed > 0 {
        tx.emit(Hint::TicketsChanged { site })?;
    }
    Ok(())
}

/// Gives a ticket to an agent of the site, or back to all.
///
/// # Errors
/// As [`set_status`], and [`Refusal::NotFound`] for an agent who does not work for the site.
pub fn assign(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: TicketId,
    agent: Option<AgentId>,
    now: i64,
) -> Result<()> {
    let site = hold(tx, permit, id)?;
    if let Some(agent) = agent {
        tx.opt(
            "select 1
             from agents a
             join agent_sites s on s.agent_id = a.id
             where a.id = ?1 and s.site_id = ?2 and a.deactivated_at is null",
            &[agent.into(), site.into()],
            |_| Ok(()),
        )?
        .ok_or(Refusal::NotFound("agent"))?;
    }
    let changed = tx.exec(
        "update tickets set agent_id = ?2, updated_at = ?3
         where id = ?1 and agent_id is distinct from ?2",
        &[id.into(), agent.into(), now.into()],
    )?;
    if changed > 0 {
        tx.emit(Hint::TicketsChanged { site })?;
    }
    Ok(())
}

/// Deletes all tickets of this visitor row, those it only claimed included, and returns how many.
///
/// # Errors
/// Any [`Error`].
pub fn delete_of_visitor(tx: &mut dyn Tx, visitor: VisitorId) -> Result<u64> {
    let sites = tx.all(
        "select distinct site_id from tickets where visitor_id = ?1",
        &[visitor.into()],
        |row| Ok(SiteId(row.i64(0)?)),
    )?;
    let deleted = tx.exec(
        "delete from tickets where visitor_id = ?1",
        &[visitor.into()],
    )?;
    for site in sites {
        tx.emit(Hint::TicketsChanged { site })?;
    }
    Ok(deleted)
}

/// Cuts the link to a visitor row that is forgotten because nobody came back; the messages stay.
///
/// # Errors
/// Any [`Error`].
pub(super) fn unlink_visitor(tx: &mut dyn Tx, visitor: VisitorId) -> Result<()> {
    tx.exec(
        "update tickets set visitor_id = null, is_proven = 0 where visitor_id = ?1",
        &[visitor.into()],
    )?;
    Ok(())
}

/// Where a new ticket belongs.
struct Draft {
    site: SiteId,
    link: Option<Link>,
    group: Option<GroupId>,
    hash: [u8; 32],
}

/// The visitor row a ticket is linked to.
#[derive(Clone, Copy, Debug)]
struct Link {
    visitor: VisitorId,
    root: VisitorId,
    is_proven: bool,
}

/// Links only to a visitor that really is of this site.
fn linked(tx: &mut dyn Tx, site: SiteId, sender: Sender) -> Result<Option<Link>> {
    let (visitor, is_proven) = match sender {
        Sender::Unknown => return Ok(None),
        Sender::Claimed(visitor) => (visitor, false),
        Sender::Proven(visitor) => (visitor, true),
    };
    let root = visitors::root(tx, site, visitor)?.map(|root| root.id);
    Ok(root.map(|root| Link {
        visitor,
        root,
        is_proven,
    }))
}

fn find_repeat(
    tx: &mut dyn Tx,
    site: SiteId,
    new: &NewTicket,
    hash: &[u8; 32],
    now: i64,
) -> Result<Option<Created>> {
    let created = |row: &dyn Row| {
        Ok(Created {
            id: TicketId(row.i64(0)?),
            number: row.i64(1)?,
            is_duplicate: true,
        })
    };
    let Some(client_id) = new.client_id() else {
        return tx.opt(
            "select id, number from tickets
             where site_id = ?1 and content_hash = ?2 and created_at > ?3
             order by id limit 1",
            &[site.into(), hash.into(), (now - REPEAT_MS).into()],
            created,
        );
    };
    let found = tx.opt(
        "select id, number, content_hash from tickets where site_id = ?1 and client_id = ?2",
        &[site.into(), client_id.into()],
        |row| Ok((created(row)?, row.blob(2)?)),
    )?;
    match found {
        None => Ok(None),
        Some((first, known)) if known == hash => Ok(Some(first)),
        Some(_) => Err(Refusal::CustomIdReused.into()),
    }
}

fn insert(tx: &mut dyn Tx, new: &NewTicket, draft: &Draft, now: i64) -> Result<Created> {
    let id = TicketId(tx.new_id(now));
    let search = new.search_text();
    let number = tx.int(
        "insert into tickets
           (id, site_id, number, client_id, content_hash, visitor_id, is_proven, group_id, name,
            email, subject, message, question, search, source_url, timezone, created_at, updated_at)
         values (?1, ?2, coalesce((select max(number) from tickets where site_id = ?2), 0) + 1, ?3,
                 ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)
         returning number",
        &[
            id.into(),
            draft.site.into(),
            new.client_id().into(),
            (&draft.hash).into(),
            draft.link.map(|link| link.visitor).into(),
            draft.link.is_some_and(|link| link.is_proven).into(),
            draft.group.into(),
            new.name().into(),
            new.email().into(),
            new.subject().into(),
            new.message().into(),
            new.question().into(),
            (&search).into(),
            new.source_url().into(),
            new.timezone().into(),
            now.into(),
        ],
    )?;
    Ok(Created {
        id,
        number,
        is_duplicate: false,
    })
}

/// Locks the ticket, which has to be of the site of the permit.
fn hold(tx: &mut dyn Tx, permit: &Permit, id: TicketId) -> Result<SiteId> {
    let site = permit.site(&[Action::ChangeTicket])?;
    let lock = tx.dialect().for_update();
    let sql = format!("select id from tickets where id = ?1 and site_id = ?2{lock}");
    tx.opt(&sql, &[id.into(), site.into()], |_| Ok(()))?
        .ok_or(Refusal::NotFound("ticket"))?;
    Ok(site)
}

/// The pattern of `like` for texts that hold this one.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn read_row(row: &dyn Row) -> Result<Ticket> {
    let status = row.text(7)?;
    Ok(Ticket {
        id: TicketId(row.i64(0)?),
        site: SiteId(row.i64(1)?),
        number: row.i64(2)?,
        visitor: row.opt_i64(3)?.map(VisitorId),
        is_proven: row.bool(4)?,
        group: row.opt_i64(5)?.map(GroupId),
        agent: row.opt_i64(6)?.map(AgentId),
        status: TicketStatus::parse(&status)
            .ok_or_else(|| Error::Db(format!("ticket status {status}")))?,
        name: row.text(8)?,
        email: row.text(9)?,
        subject: row.text(10)?,
        message: row.text(11)?,
        question: row.text(12)?,
        source_url: row.text(13)?,
        timezone: row.text(14)?,
        created_at: row.i64(15)?,
        updated_at: row.i64(16)?,
        closed_at: row.opt_i64(17)?,
    })
}
