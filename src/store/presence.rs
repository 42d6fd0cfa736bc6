//! What a batch does to sessions and activities: decided by `domain::session::plan`, written in as few statements as can be.
//!
//! A visitor whose session goes on costs three: the activities, the session, the visitor; a heartbeat the session alone,
//! but for one a minute.

use std::borrow::Cow;

use super::activities::{self, ActivityKind, NewActivity};
use super::batches::{CallResult, Run};
use super::sessions::{self, NewSession, PageInView, Progress};
use super::visitors::{self, Arrival, Visit};
use crate::db::{Error, Result, Tx};
use crate::domain::activity::{Page, What};
use crate::domain::ids::SessionId;
use crate::domain::session::{PageNow, Plan, Sign, Stretch, plan};
use crate::domain::{Hint, Refusal, page};

/// Writes the calls that wait, all of them under the visitor the browser is now.
pub(super) fn flush(tx: &mut dyn Tx, run: &mut Run<'_>) -> Result<()> {
    let mut waiting = std::mem::take(&mut run.waiting);
    if waiting.is_empty() {
        return Ok(());
    }
    if run.who.has_ended {
        return look_up(tx, run, &waiting);
    }
    let open = run.who.open(tx)?;
    let idle_ms = run.batch.site.settings.session_idle_ms();
    let before = open.as_ref().map(|(_, open)| open);
    let mut signs = signs_of(run, &waiting);
    let mut decided = plan(before, &signs, idle_ms);
    if decided.starts_any() {
        // A repeat must not start a session, so this rare path looks first.
        let known = known_numbers(tx, run, &waiting)?;
        mark_known(run, &known);
        waiting.retain(|number| !known.contains(number));
        if waiting.is_empty() {
            return Ok(());
        }
        signs = signs_of(run, &waiting);
        decided = plan(before, &signs, idle_ms);
    }
    let sessions = write_sessions(
        tx,
        run,
        &waiting,
        &decided,
        open.as_ref().map(|(id, _)| *id),
    )?;
    let repeated = write_activities(tx, run, &waiting, &decided, &sessions.ids)?;
    if !repeated.is_empty() {
        mark_known(run, &repeated);
        // They were signs of life, and pages only the first time: the same stretches with fewer pages.
        for (number, sign) in waiting.iter().zip(&mut signs) {
            if repeated.contains(number) {
                sign.1 = Sign::Event;
            }
        }
        decided = plan(before, &signs, idle_ms);
    }
    finish(tx, run, &waiting, &decided, &sessions)
}

/// A repeat through a token that has ended: what is stored is known, and nothing new is taken.
fn look_up(tx: &mut dyn Tx, run: &mut Run<'_>, waiting: &[usize]) -> Result<()> {
    let known = known_numbers(tx, run, waiting)?;
    for number in waiting {
        run.results[*number] = if known.contains(number) || !is_activity(run, *number) {
            CallResult::Known
        } else {
            CallResult::Refused(Refusal::Authentication)
        };
    }
    Ok(())
}

fn signs_of<'a>(run: &Run<'a>, waiting: &[usize]) -> Vec<(i64, Sign<'a>)> {
    let batch = run.batch;
    let sign = |number: usize| match &batch.calls[number].what {
        What::Page(_) => Sign::Page(&batch.calls[number].id),
        What::Seen { page } => Sign::Seen(page.as_deref()),
        What::Leave { page } => Sign::Leave(page),
        What::Event { .. }
        | What::Identify(_)
        | What::Update(_)
        | What::Greeting { .. }
        | What::Reset { .. } => Sign::Event,
    };
    waiting
        .iter()
        .map(|number| (run.at(*number), sign(*number)))
        .collect()
}

/// Which of the waiting calls the visitor row has as activities.
fn known_numbers(tx: &mut dyn Tx, run: &Run<'_>, waiting: &[usize]) -> Result<Vec<usize>> {
    let ids: Vec<&str> = waiting
        .iter()
        .filter(|number| is_activity(run, **number))
        .map(|number| run.batch.calls[*number].id.as_str())
        .collect();
    let known = activities::known(tx, run.who.bearer.visitor, &ids)?;
    let is_known = |number: &usize| {
        let call = &run.batch.calls[*number];
        is_activity(run, *number) && known.iter().any(|(id, _)| *id == call.id)
    };
    Ok(waiting.iter().copied().filter(is_known).collect())
}

fn is_activity(run: &Run<'_>, number: usize) -> bool {
    matches!(
        run.batch.calls[number].what,
        What::Page(_) | What::Event { .. }
    )
}

fn mark_known(run: &mut Run<'_>, numbers: &[usize]) {
    for number in numbers {
        run.results[*number] = CallResult::Known;
    }
}

/// The session of each stretch, how many were started here, and the page the first of those began with.
#[derive(Default)]
struct Sessions<'a> {
    ids: Vec<SessionId>,
    started: i64,
    landing: Option<&'a Page>,
}

/// Makes the sessions of a plan: all are there afterwards, and all but the last are finished.
fn write_sessions<'a>(
    tx: &mut dyn Tx,
    run: &Run<'a>,
    waiting: &[usize],
    plan: &Plan<'_>,
    open: Option<SessionId>,
) -> Result<Sessions<'a>> {
    let mut sessions = Sessions::default();
    for (index, stretch) in plan.stretches.iter().enumerate() {
        let id = match open {
            Some(id) if !stretch.is_new => id,
            _ => start(tx, run, waiting, (plan, index), &mut sessions)?,
        };
        if stretch.is_ended {
            let progress = progress(tx, run, waiting, stretch)?;
            sessions::advance(tx, id, &progress)?;
            sessions::end(tx, run.site(), run.who.bearer.visitor, id, run.now)?;
        }
        sessions.ids.push(id);
    }
    Ok(sessions)
}

fn start<'a>(
    tx: &mut dyn Tx,
    run: &Run<'a>,
    waiting: &[usize],
    (plan, index): (&Plan<'_>, usize),
    sessions: &mut Sessions<'a>,
) -> Result<SessionId> {
    let visitor = run.who.bearer.visitor;
    let landing = waiting
        .iter()
        .zip(&plan.of)
        .filter(|(_, of)| **of == Some(index))
        .find_map(|(number, _)| opened(run, *number).map(|page| (*number, page)));
    let in_view = landing.map_or_else(PageInView::default, |(number, page)| PageInView {
        call_id: run.batch.calls[number].id.clone(),
        url: page.url.clone(),
        title: page.title.clone(),
        at: run.at(number),
    });
    let new = NewSession {
        site: run.site(),
        visitor,
        context: &run.batch.context,
        is_bot: run.who.is_bot,
        referrer: landing.map_or("", |(_, page)| page.referrer.as_str()),
        page: &in_view,
        started_at: plan.stretches[index].first_at,
    };
    if let Some(id) = sessions::start(tx, &new, run.now)? {
        if sessions.started == 0 {
            sessions.landing = landing.map(|(_, page)| page);
        }
        sessions.started += 1;
        return Ok(id);
    }
    // Another request of this visitor started one at the same moment.
    let (id, _) = sessions::open(tx, visitor)?
        .ok_or_else(|| Error::Retry("the session ended while it was found".into()))?;
    Ok(id)
}

fn opened<'a>(run: &Run<'a>, number: usize) -> Option<&'a Page> {
    match &run.batch.calls[number].what {
        What::Page(page) => Some(page),
        What::Event { .. }
        | What::Identify(_)
        | What::Update(_)
        | What::Greeting { .. }
        | What::Reset { .. }
        | What::Seen { .. }
        | What::Leave { .. } => None,
    }
}

/// Writes the activities and returns the calls that had been stored before.
fn write_activities(
    tx: &mut dyn Tx,
    run: &Run<'_>,
    waiting: &[usize],
    plan: &Plan<'_>,
    sessions: &[SessionId],
) -> Result<Vec<usize>> {
    let mut numbers = Vec::with_capacity(waiting.len());
    let mut new = Vec::with_capacity(waiting.len());
    for (number, of) in waiting.iter().zip(&plan.of) {
        let Some(session) = of.and_then(|index| sessions.get(index)) else {
            continue;
        };
        let id = tx.new_id(run.now);
        if let Some(activity) = activity_of(run, *number, id, *session) {
            numbers.push(*number);
            new.push(activity);
        }
    }
    let visitor = run.who.bearer.visitor;
    let stored = activities::insert(tx, run.site(), visitor, &new, run.now)?;
    if stored == new.len() as u64 {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = new.iter().map(|one| one.client_id.as_ref()).collect();
    let known = activities::known(tx, visitor, &ids)?;
    let is_ours = |one: &NewActivity<'_>| {
        known
            .iter()
            .any(|(client_id, id)| *client_id == one.client_id && *id == one.id)
    };
    Ok(numbers
        .into_iter()
        .zip(&new)
        .filter(|(_, one)| !is_ours(one))
        .map(|(number, _)| number)
        .collect())
}

fn activity_of<'a>(
    run: &Run<'a>,
    number: usize,
    id: i64,
    session: SessionId,
) -> Option<NewActivity<'a>> {
    let call = &run.batch.calls[number];
    let mut activity = NewActivity {
        id,
        session,
        kind: ActivityKind::PageView,
        name: "",
        client_id: Cow::Borrowed(&call.id),
        url: "",
        title: "",
        properties: None,
        occurred_at: run.at(number),
    };
    match &call.what {
        What::Page(page) => {
            activity.url = &page.url;
            activity.title = &page.title;
            activity.properties = referrer_of(page).map(Cow::Owned);
        }
        What::Event { name, properties } => {
            activity.kind = ActivityKind::Custom;
            activity.name = name;
            activity.properties = properties.as_deref().map(Cow::Borrowed);
        }
        What::Identify(_)
        | What::Update(_)
        | What::Greeting { .. }
        | What::Reset { .. }
        | What::Seen { .. }
        | What::Leave { .. } => return None,
    }
    Some(activity)
}

fn referrer_of(page: &Page) -> Option<String> {
    (!page.referrer.is_empty()).then(|| serde_json::json!({"referrer": page.referrer}).to_string())
}

/// Moves the last session and the visitor on, and tells who watches.
fn finish(
    tx: &mut dyn Tx,
    run: &mut Run<'_>,
    waiting: &[usize],
    plan: &Plan<'_>,
    sessions: &Sessions<'_>,
) -> Result<()> {
    let (Some(stretch), Some(id)) = (plan.stretches.last(), sessions.ids.last()) else {
        return Ok(());
    };
    let progress = progress(tx, run, waiting, stretch)?;
    sessions::advance(tx, *id, &progress)?;
    let bearer = run.who.bearer;
    let visit = Visit {
        visits: sessions.started,
        page_views: plan.stretches.iter().map(|s| s.page_views).sum(),
        seen_at: stretch.last_seen_at,
    };
    if sessions.started > 0 {
        let none = Page::default();
        let Page { url, referrer, .. } = sessions.landing.unwrap_or(&none);
        let arrival = Arrival {
            context: &run.batch.context,
            referrer: page::arrival(referrer, url),
            utm: &page::campaign(url),
        };
        visitors::arrive(tx, bearer.visitor, visit, &arrival)?;
    } else {
        visitors::touch_since(tx, bearer.visitor, visit, run.who.seen_at.0)?;
    }
    if bearer.root != bearer.visitor {
        // The list of visitors shows the root, so that has to be seen too.
        let seen = Visit {
            seen_at: stretch.last_seen_at,
            ..Visit::default()
        };
        visitors::touch_since(tx, bearer.root, seen, run.who.seen_at.1)?;
    }
    run.who.forget_open();
    tx.emit(Hint::VisitorSeen {
        site: run.site(),
        visitor: bearer.root,
    })
}

fn progress(
    tx: &mut dyn Tx,
    run: &Run<'_>,
    waiting: &[usize],
    stretch: &Stretch<'_>,
) -> Result<Progress> {
    let page = match stretch.page {
        None => None,
        Some(PageNow::Opened(sign)) => {
            let number = waiting[sign];
            opened(run, number).map(|page| PageInView {
                call_id: run.batch.calls[number].id.clone(),
                url: page.url.clone(),
                title: page.title.clone(),
                at: run.at(number),
            })
        }
        Some(PageNow::Again(call_id, at)) => activities::page(tx, run.who.bearer.root, call_id)?
            .map(|(url, title)| PageInView {
                call_id: call_id.to_owned(),
                url,
                title,
                at,
            }),
    };
    Ok(Progress {
        last_seen_at: stretch.last_seen_at,
        page_views: stretch.page_views,
        page,
        left_at: stretch.left_at,
        moves_left_at: stretch.moves_left_at,
        browser: Some(run.who.bearer.browser),
    })
}
