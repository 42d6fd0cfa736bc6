//! The greeting in an answer: the one that is open in the browser, or the one that has just become due.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::db::{self, Lane, Tx};
use crate::domain::event::Body;
use crate::domain::site::Site;
use crate::http::state::State;
use crate::store::due_greetings::{self, Due, Guest};
use crate::store::invitations::{self, Invitation};
use crate::store::visitor_tokens::Bearer;

/// A greeting as the widget draws it.
#[derive(Serialize)]
pub(super) struct ShownGreeting {
    unique_id: String,
    /// Whether the visitor has answered it already: it is not shown again.
    accepted: bool,
    agent: Host,
    content: Value,
}

/// Whose name it carries: the agent's, or the site's.
#[derive(Serialize)]
struct Host {
    name: String,
    job_title: String,
    avatar: String,
}

/// Puts the browser's greeting into the answer to a batch; sites without greetings cost nothing here.
///
/// # Errors
/// Any [`db::Error`].
pub(super) async fn fill(
    state: &State,
    site: &Site,
    bearer: Bearer,
    answer: &mut Answer<'_>,
) -> db::Result<()> {
    let greetings = state.greetings.of(site.id).await?;
    if greetings.is_empty() {
        return Ok(());
    }
    let now = state.clock.now();
    let guest = Guest {
        site: site.id,
        visitor: bearer.visitor,
        root: bearer.root,
        browser: bearer.browser,
        page: None,
    };
    let (asked, known) = (guest.clone(), Arc::clone(&greetings));
    let read = move |tx: &mut dyn Tx| {
        let due = due_greetings::look(tx, &asked, &known, now)?;
        Ok((due, invitations::open(tx, asked.browser, now)?))
    };
    let (due, mut open) = state.db.read(read).await?;
    match due {
        Due::Now(_) => {
            let send = move |tx: &mut dyn Tx| {
                due_greetings::send_due(tx, &guest, &greetings, now)?;
                invitations::open(tx, guest.browser, now)
            };
            open = state.db.write(Lane::Tracking, send).await?;
        }
        Due::After(ms) => answer.greeting_after_ms = Some(ms),
        Due::Nothing => {}
    }
    answer.greeting = Some(open.map(|invitation| draw(invitation, site)));
    Ok(())
}

fn draw(invitation: Invitation, site: &Site) -> ShownGreeting {
    let agent = match invitation.host {
        Some(host) => Host {
            name: host.name,
            job_title: host.job_title,
            avatar: host.avatar_url.unwrap_or_default(),
        },
        None => Host {
            name: site.name.clone(),
            job_title: String::new(),
            avatar: String::new(),
        },
    };
    ShownGreeting {
        unique_id: invitation.unique_id,
        accepted: invitation.accepted_at.is_some(),
        agent,
        content: content(&invitation.content),
    }
}

/// What it says; only the first two are ever stored as the content of a greeting.
fn content(body: &Body) -> Value {
    if let Body::RichMessage { content, .. } = body {
        return json!({
            "type": "rich_message",
            "template_id": content.template_id,
            "elements": content.elements,
        });
    }
    json!({"type": "message", "text": body.text().unwrap_or_default()})
}
