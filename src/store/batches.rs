//! A batch of tracked calls, written in one transaction: whose it is, what each call does, who the browser is after it.
//!
//! Activities and sessions are in `presence`, identify and reset in `identify`; this file knows the order of things.

use std::collections::HashSet;
use std::sync::Arc;

use super::invitations::{self, Reaction};
use super::visitor_tokens::{self, Bearer, NewToken, TokenKind};
use super::{identify, presence, sessions, visitors};
use crate::db::{Error, Result, Tx};
use crate::domain::Refusal;
use crate::domain::activity::{Call, GreetingState, What};
use crate::domain::context::Context;
use crate::domain::ids::{BrowserId, SessionId, SiteId, TokenId, VisitorId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::session::{Open, occurred_at};
use crate::domain::site::Site;
use crate::token::{Token, TokenHash};

/// Calls that came together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The site they are about.
    pub site: Arc<Site>,
    /// The browser's token; `None` makes one.
    pub token: Option<Token>,
    /// When the browser sent them, by its own clock in Unix milliseconds.
    pub sent_at: Option<i64>,
    /// The browser.
    pub context: Context,
    /// The calls, in the order they happened.
    pub calls: Vec<Call>,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What became of each call, in their order.
    pub results: Vec<CallResult>,
    /// The token to use from now on, where that is another one.
    pub token: Option<Token>,
    /// Who the browser is now: a root.
    pub visitor: VisitorId,
    /// The token it goes on with.
    pub bearer: Bearer,
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// It is stored.
    Stored,
    /// It had been stored before.
    Known,
    /// It is not stored.
    Refused(Refusal),
}

/// Writes a batch. A repeat of it, also of one that moved the browser to another visitor, stores nothing twice.
///
/// # Errors
/// [`Refusal::Authentication`] when the token is another site's or has ended; [`Error::Unique`] when two browsers
/// took one user id at the same moment (run it again); any other [`Error`].
pub fn record(tx: &mut dyn Tx, batch: &Batch, now: i64) -> Result<Recorded> {
    let (who, made) = arrive(tx, batch, now)?;
    let mut run = Run {
        batch,
        now,
        results: vec![CallResult::Stored; batch.calls.len()],
        token: made,
        who,
        waiting: Vec::new(),
        client_ids: HashSet::new(),
    };
    for (number, call) in batch.calls.iter().enumerate() {
        match &call.what {
            What::Page(_) | What::Event { .. } if !run.client_ids.insert(&call.id) => {
                run.results[number] = CallResult::Known;
            }
            What::Page(_) | What::Event { .. } | What::Seen { .. } | What::Leave { .. } => {
                run.waiting.push(number);
            }
            What::Identify(claim) => {
                run.results[number] = identify::identify(tx, &mut run, claim)?;
            }
            What::Update(change) => run.results[number] = identify::update(tx, &run, change)?,
            What::Greeting { unique_id, state } => {
                run.results[number] = greeting(tx, &run, unique_id, *state)?;
            }
            What::Reset { new_token } => {
                run.results[number] = identify::reset(tx, &mut run, new_token.as_ref())?;
            }
        }
    }
    presence::flush(tx, &mut run)?;
    if run.who.has_ended {
        return Err(Refusal::Authentication.into());
    }
    Ok(Recorded {
        visitor: run.who.bearer.root,
        bearer: run.who.bearer,
        results: run.results,
        token: run.token,
    })
}

/// Takes what the visitor did with a greeting; a refusal concerns this call alone.
fn greeting(
    tx: &mut dyn Tx,
    run: &Run<'_>,
    unique_id: &str,
    state: GreetingState,
) -> Result<CallResult> {
    if run.who.has_ended {
        return Ok(CallResult::Refused(Refusal::Authentication));
    }
    let bearer = run.who.bearer;
    let (site, root) = (bearer.site, bearer.root);
    let subject = Subject::Visitor {
        site,
        visitor: root,
        browser: bearer.browser,
        signed: bearer.is_signed,
    };
    let permit = authorize(
        &subject,
        Action::AnswerGreeting,
        Object::Visitor { site, root },
    )?;
    let reaction = match state {
        GreetingState::Shown => Reaction::Shown,
        GreetingState::Accepted => Reaction::Accepted(None),
        GreetingState::Canceled => Reaction::Canceled,
    };
    match invitations::react(tx, &permit, unique_id, reaction, run.now) {
        Ok(true) => Ok(CallResult::Stored),
        Ok(false) => Ok(CallResult::Known),
        Err(Error::Refused(why)) => Ok(CallResult::Refused(why)),
        Err(other) => Err(other),
    }
}

/// A batch on its way through.
pub(super) struct Run<'a> {
    pub(super) batch: &'a Batch,
    pub(super) now: i64,
    pub(super) results: Vec<CallResult>,
    /// The token the browser has to go on with, where it is not the one it sent.
    pub(super) token: Option<Token>,
    pub(super) who: Who,
    /// Calls not yet written, by number.
    pub(super) waiting: Vec<usize>,
    client_ids: HashSet<&'a str>,
}

impl Run<'_> {
    pub(super) fn site(&self) -> SiteId {
        self.batch.site.id
    }

    pub(super) fn at(&self, number: usize) -> i64 {
        occurred_at(self.now, self.batch.sent_at, self.batch.calls[number].at)
    }

    /// Goes on under the visitor a token leads to.
    pub(super) fn enter(&mut self, tx: &mut dyn Tx, token: Token) -> Result<()> {
        self.who = Who::find(tx, &token.hash(), self.now)?.ok_or(Error::NotFound)?;
        self.token = Some(token);
        Ok(())
    }
}

/// Who the browser is, in one read.
pub(super) struct Who {
    pub(super) bearer: Bearer,
    /// The token opens nothing any more; only a repeat may still pass through it.
    pub(super) has_ended: bool,
    pub(super) is_bot: bool,
    /// The user id of the root.
    pub(super) user_id: Option<String>,
    /// When the visitor row and its root were last seen, as their rows say.
    pub(super) seen_at: (i64, i64),
    open: Option<(SessionId, Open)>,
    /// Whether `open` has to be read again.
    is_stale: bool,
}

impl Who {
    pub(super) fn find(tx: &mut dyn Tx, hash: &TokenHash, now: i64) -> Result<Option<Self>> {
        tx.opt(
            "select t.id, t.site_id, t.visitor_id, r.id, t.browser_id, t.is_signed, \
                    coalesce(t.revoked_at, t.expires_at), v.is_bot, r.user_id, s.id, \
                    s.last_seen_at, s.page_at, s.page_call_id, s.left_at, v.last_seen_at, r.last_seen_at \
             from visitor_tokens t \
             join visitors v on v.id = t.visitor_id \
             join visitors r on r.id = coalesce(v.merged_into, v.id) \
             left join sessions s on s.visitor_id = v.id and s.ended_at is null \
             where t.token_hash = ?1",
            &[hash.into()],
            |row| {
                let bearer = Bearer {
                    token: TokenId(row.i64(0)?),
                    site: SiteId(row.i64(1)?),
                    visitor: VisitorId(row.i64(2)?),
                    root: VisitorId(row.i64(3)?),
                    browser: BrowserId(row.i64(4)?),
                    is_signed: row.bool(5)?,
                    ends_at: row.opt_i64(6)?,
                };
                let open = match row.opt_i64(9)? {
                    Some(id) => Some((SessionId(id), sessions::read_open(row, 10)?)),
                    None => None,
                };
                Ok(Self {
                    bearer,
                    has_ended: bearer.has_ended(now),
                    is_bot: row.bool(7)?,
                    user_id: row.opt_text(8)?,
                    seen_at: (row.i64(14)?, row.i64(15)?),
                    open,
                    is_stale: false,
                })
            },
        )
    }

    /// The open session of the row.
    pub(super) fn open(&mut self, tx: &mut dyn Tx) -> Result<Option<(SessionId, Open)>> {
        if self.is_stale {
            self.open = sessions::open(tx, self.bearer.visitor)?;
            self.is_stale = false;
        }
        Ok(self.open.clone())
    }

    /// The session was written: what was read of it is no longer so.
    pub(super) const fn forget_open(&mut self) {
        self.is_stale = true;
    }
}

/// Finds whose the batch is, or makes the visitor; with the token the browser has to learn of, if it brought none.
fn arrive(tx: &mut dyn Tx, batch: &Batch, now: i64) -> Result<(Who, Option<Token>)> {
    let Some(token) = &batch.token else {
        let token = Token::random();
        let who = create(tx, batch, &token.hash(), now)?;
        return Ok((who, Some(token)));
    };
    let hash = token.hash();
    let who = match Who::find(tx, &hash, now)? {
        Some(who) => who,
        None => create(tx, batch, &hash, now)?,
    };
    if who.bearer.site == batch.site.id {
        Ok((who, None))
    } else {
        Err(Refusal::Authentication.into())
    }
}

fn create(tx: &mut dyn Tx, batch: &Batch, hash: &TokenHash, now: i64) -> Result<Who> {
    let visitor = create_visitor(tx, batch, now)?;
    let bound = visitor_tokens::bind(
        tx,
        &NewToken {
            hash,
            site: batch.site.id,
            visitor,
            browser: None,
            kind: TokenKind::Browser,
            is_signed: false,
            expires_at: None,
        },
        now,
    )?;
    if bound.is_none() {
        // The same browser's other request was first: it made the visitor, and this one is nobody's.
        tx.exec("delete from visitors where id = ?1", &[visitor.into()])?;
    }
    Who::find(tx, hash, now)?.ok_or(Error::NotFound)
}

/// Makes the visitor a batch is of: seen first when its first call happened.
pub(super) fn create_visitor(tx: &mut dyn Tx, batch: &Batch, now: i64) -> Result<VisitorId> {
    let at = batch.calls.first().and_then(|call| call.at);
    visitors::create(
        tx,
        &visitors::NewVisitor {
            site: batch.site.id,
            context: &batch.context,
            seen_at: occurred_at(now, batch.sent_at, at),
        },
        now,
    )
}
