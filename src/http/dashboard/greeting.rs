//! Greetings on a visitor's pane: what the visitor got last, and what can be sent.

use super::times::Times;
use crate::db::{self, Tx};
use crate::domain::greeting::EndReason;
use crate::domain::ids::{SiteId, VisitorId};
use crate::store::greetings::{self, Greeting};
use crate::store::invitations::{self, Invitation};

/// What is read for the pane.
#[derive(Clone, Debug)]
pub(crate) struct GreetingRows {
    all: Vec<Greeting>,
    newest: Option<Invitation>,
}

impl GreetingRows {
    /// Reads the greetings of a site, and what these rows of one visitor got last.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub(crate) fn read(tx: &mut dyn Tx, site: SiteId, rows: &[VisitorId]) -> db::Result<Self> {
        Ok(Self {
            all: greetings::of_site(tx, site)?,
            newest: invitations::newest(tx, rows)?,
        })
    }

    /// Id and name of the greetings that can be sent.
    pub(crate) fn choices(&self) -> Vec<(String, String)> {
        self.all
            .iter()
            .map(|greeting| (greeting.id.to_string(), greeting.draft.name.clone()))
            .collect()
    }

    /// The greeting that the visitor got last.
    pub(crate) fn shown(&self, times: &Times) -> Option<GreetingShown> {
        let newest = self.newest.as_ref()?;
        Some(GreetingShown {
            name: newest.name.clone(),
            state: state(newest, times.now()),
            when: times.when(newest.sent_at),
            iso: super::times::iso(newest.sent_at),
        })
    }
}

/// A greeting that a visitor got, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct GreetingShown {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) when: String,
    pub(crate) iso: String,
}

fn state(invitation: &Invitation, now: i64) -> &'static str {
    match invitation.ended.map(|(_, reason)| reason) {
        Some(EndReason::ChatStarted) => "Led to a chat",
        Some(EndReason::Canceled) => "Closed",
        Some(EndReason::Replaced) => "Replaced by another",
        Some(EndReason::Expired) => "Not answered",
        None if !invitation.is_open(now) => "Not answered",
        None if invitation.accepted_at.is_some() => "Accepted",
        None if invitation.shown_at.is_some() => "Seen",
        None => "Sent, not seen yet",
    }
}
