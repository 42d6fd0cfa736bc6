//! Identify, update and reset inside a batch: `domain::identity` decides where the browser lands, this writes it.
//!
//! A call that moves the browser carries the token it goes on with. Finding that token bound means the call was
//! done before, so a repeat walks the same way and writes nothing.

use super::batches::{CallResult, Run, create_visitor};
use super::endings::{self, Ending};
use super::merges::{self, Cause, NewMerge};
use super::presence;
use super::sessions::{self, NewSession, PageInView, Progress};
use super::visitor_tokens::{self, NewToken, TokenKind};
use super::visitors::{self, Visit};
use crate::db::{Error, Result, Tx};
use crate::domain::activity::Identify;
use crate::domain::identity::{Claim, Current, IDENTIFY, Outcome, resolve};
use crate::domain::ids::{BrowserId, VisitorId};
use crate::domain::session::{Step, step};
use crate::domain::visitor::{Change, ProfileChange};
use crate::domain::{Hint, Refusal};
use crate::token::Token;

/// An unsigned claim is what a page can make by itself; proofs come with a later change.
const IS_SIGNED: bool = false;

pub(super) fn identify(tx: &mut dyn Tx, run: &mut Run<'_>, claim: &Identify) -> Result<CallResult> {
    let is_same = run.who.user_id.as_deref() == Some(&claim.user_id);
    let is_plain = is_same && !run.who.has_ended && run.who.bearer.root == run.who.bearer.visitor;
    if !is_plain && let Some(token) = &claim.new_token {
        match earlier_landing(tx, run, token)? {
            Landing::None => {}
            Landing::Here(user_id) if user_id.as_ref() == Some(&claim.user_id) => {
                presence::flush(tx, run)?;
                run.enter(tx, token.clone())?;
                return Ok(CallResult::Known);
            }
            Landing::Here(_) | Landing::Elsewhere => return Ok(used_before()),
        }
    }
    if run.who.has_ended {
        return Ok(CallResult::Refused(Refusal::Authentication));
    }
    let found = visitors_with(tx, run, claim, is_same)?;
    let current = Current {
        id: run.who.bearer.root,
        user_id: run.who.user_id.as_deref(),
    };
    let said = Claim {
        user_id: &claim.user_id,
        is_signed: IS_SIGNED,
    };
    let outcome = resolve(&IDENTIFY, current, said, found, &run.batch.site.settings);
    land(tx, run, claim, outcome)
}

fn visitors_with(
    tx: &mut dyn Tx,
    run: &Run<'_>,
    claim: &Identify,
    is_same: bool,
) -> Result<Option<VisitorId>> {
    if is_same {
        return Ok(Some(run.who.bearer.root));
    }
    visitors::by_user_id(tx, run.site(), &claim.user_id)
}

fn land(
    tx: &mut dyn Tx,
    run: &mut Run<'_>,
    claim: &Identify,
    outcome: Outcome,
) -> Result<CallResult> {
    let root = run.who.bearer.root;
    match outcome {
        Outcome::Stay => {}
        Outcome::Claim => {
            let email = claim.change.email.set().map(String::as_str);
            visitors::keep_claim(tx, root, &claim.user_id, email, run.now)?;
            let change = ProfileChange {
                email: Change::Keep,
                ..claim.change.clone()
            };
            return update(tx, run, &change);
        }
        Outcome::Attach => {
            visitors::name_user(tx, root, &claim.user_id, IS_SIGNED, run.now)?;
            run.who.user_id = Some(claim.user_id.clone());
            tx.emit(Hint::VisitorUpdated {
                site: run.site(),
                visitor: root,
            })?;
        }
        Outcome::MergeInto(target) => {
            presence::flush(tx, run)?;
            let target = merge(tx, run, target)?;
            let browser = run.who.bearer.browser;
            move_to(tx, run, target, Some(browser), claim.new_token.as_ref())?;
        }
        Outcome::Switch(target) => {
            presence::flush(tx, run)?;
            move_to(tx, run, target, None, claim.new_token.as_ref())?;
        }
        Outcome::New => {
            presence::flush(tx, run)?;
            let new = create_visitor(tx, run.batch, run.now)?;
            visitors::name_user(tx, new, &claim.user_id, IS_SIGNED, run.now)?;
            move_to(tx, run, new, None, claim.new_token.as_ref())?;
        }
    }
    update(tx, run, &claim.change)
}

fn merge(tx: &mut dyn Tx, run: &Run<'_>, target: VisitorId) -> Result<VisitorId> {
    let new = NewMerge {
        site: run.site(),
        source: run.who.bearer.root,
        target,
        cause: Cause::Identify {
            is_signed: IS_SIGNED,
        },
        force: false,
    };
    match merges::merge(tx, &new, run.now) {
        // Another request of this browser was first; from its result the next run decides anew.
        Err(Error::Refused(_)) => Err(Error::Retry("the visitor was identified elsewhere".into())),
        merged => merged,
    }
}

/// Changes the profile of the root; a refusal concerns this call alone.
pub(super) fn update(tx: &mut dyn Tx, run: &Run<'_>, change: &ProfileChange) -> Result<CallResult> {
    if run.who.has_ended {
        return Ok(CallResult::Refused(Refusal::Authentication));
    }
    match visitors::update(tx, run.site(), run.who.bearer.root, change, run.now) {
        Ok(_) => Ok(CallResult::Stored),
        Err(Error::Refused(why)) => Ok(CallResult::Refused(why)),
        Err(other) => Err(other),
    }
}

pub(super) fn reset(
    tx: &mut dyn Tx,
    run: &mut Run<'_>,
    new_token: Option<&Token>,
) -> Result<CallResult> {
    if let Some(token) = new_token {
        match earlier_landing(tx, run, token)? {
            Landing::None => {}
            Landing::Here(_) => {
                presence::flush(tx, run)?;
                run.enter(tx, token.clone())?;
                return Ok(CallResult::Known);
            }
            Landing::Elsewhere => return Ok(used_before()),
        }
    }
    if run.who.has_ended {
        return Ok(CallResult::Refused(Refusal::Authentication));
    }
    presence::flush(tx, run)?;
    let visitor = create_visitor(tx, run.batch, run.now)?;
    move_to(tx, run, visitor, None, new_token)?;
    Ok(CallResult::Stored)
}

/// What is known of the token a call wants to go on with.
enum Landing {
    /// Nobody has it.
    None,
    /// It is bound to a visitor of this site with this user id, by an earlier run of this call.
    Here(Option<String>),
    /// It is another site's, or the one in use.
    Elsewhere,
}

fn earlier_landing(tx: &mut dyn Tx, run: &Run<'_>, token: &Token) -> Result<Landing> {
    let Some(bearer) = visitor_tokens::find(tx, &token.hash())? else {
        return Ok(Landing::None);
    };
    if bearer.site != run.site() || bearer.token == run.who.bearer.token {
        return Ok(Landing::Elsewhere);
    }
    let root = visitors::get(tx, bearer.site, bearer.root)?.ok_or(Error::NotFound)?;
    Ok(Landing::Here(root.user_id))
}

fn used_before() -> CallResult {
    CallResult::Refused(Refusal::invalid(
        "new_token",
        "was used before; make a new one",
    ))
}

/// Binds the next token to `target` and goes on there. `browser` stays through a merge; without it this is a new
/// browser, and the old token ends.
fn move_to(
    tx: &mut dyn Tx,
    run: &mut Run<'_>,
    target: VisitorId,
    browser: Option<BrowserId>,
    new_token: Option<&Token>,
) -> Result<()> {
    let token = new_token.cloned().unwrap_or_else(Token::random);
    carry_session(tx, run, target)?;
    let bound = visitor_tokens::bind(
        tx,
        &NewToken {
            hash: &token.hash(),
            site: run.site(),
            visitor: target,
            browser,
            kind: TokenKind::Browser,
            is_signed: IS_SIGNED,
            expires_at: None,
        },
        run.now,
    )?;
    if bound.is_none() {
        return Err(Error::Retry("this call is being done elsewhere".into()));
    }
    if browser.is_none() {
        visitor_tokens::revoke(tx, &run.who.bearer, run.now)?;
    } else {
        endings::note(tx, Ending::Tokens(run.who.bearer.visitor), run.now)?;
    }
    run.enter(tx, token)
}

/// The session of who the browser was ends; the page in view goes along, since it is still being looked at.
fn carry_session(tx: &mut dyn Tx, run: &mut Run<'_>, target: VisitorId) -> Result<()> {
    let Some((id, before)) = run.who.open(tx)? else {
        return Ok(());
    };
    let (page, referrer) = sessions::page_in_view(tx, id)?;
    sessions::end(tx, run.site(), run.who.bearer.visitor, id, run.now)?;
    run.who.forget_open();
    if before.has_left {
        return Ok(());
    }
    let at = before.last_seen_at;
    let mut visit = Visit {
        seen_at: at,
        ..Visit::default()
    };
    if !goes_on(tx, run, target, (at, &page))? {
        let new = NewSession {
            site: run.site(),
            visitor: target,
            context: &run.batch.context,
            is_bot: run.who.is_bot,
            referrer: &referrer,
            page: &page,
            started_at: at,
        };
        visit.visits = i64::from(sessions::start(tx, &new, run.now)?.is_some());
    }
    visitors::touch(tx, target, visit)?;
    tx.emit(Hint::VisitorSeen {
        site: run.site(),
        visitor: target,
    })
}

/// Shows the page in the open session of `target`, if there is one that has not been silent too long.
fn goes_on(
    tx: &mut dyn Tx,
    run: &Run<'_>,
    target: VisitorId,
    (at, page): (i64, &PageInView),
) -> Result<bool> {
    let Some((id, open)) = sessions::open(tx, target)? else {
        return Ok(false);
    };
    let idle_ms = run.batch.site.settings.session_idle_ms();
    if step(Some(open.last_seen_at), at, idle_ms) == Step::Restarts {
        sessions::end(tx, run.site(), target, id, run.now)?;
        return Ok(false);
    }
    let progress = Progress {
        last_seen_at: at,
        page: (page.at >= open.page_at).then(|| page.clone()),
        moves_left_at: true,
        ..Progress::default()
    };
    sessions::advance(tx, id, &progress)?;
    Ok(true)
}
