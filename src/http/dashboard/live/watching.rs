//! What a socket shows of visitors and counts: gathered as it changes, and read at most twice a second.

use std::collections::HashSet;
use std::time::Duration;

use askama::Template;
use tokio::time::Instant;

use super::following::list_counts;
use super::message::{Seen, Update as Frame};
use super::socket::{End, LiveSocket, broken};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::{AgentId, ChatId, SiteId, VisitorId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::http::dashboard::beside::{AboutPartial, BesidePartial, BesideRows, BesideShown};
use crate::http::dashboard::times::Times;
use crate::http::dashboard::visitors::{HERE_CAP, LiveRow, LiveRowPartial, here_label};
use crate::live::{Topic, VisitorsSeen};
use crate::store::bans;
use crate::store::inbox_view::{self, InboxCounts};
use crate::store::profile_view;
use crate::store::tickets;
use crate::store::visitor_view::{self, HERE_MS, LiveVisitor};

/// How long changes are gathered before they are read and shown.
const GATHER: Duration = Duration::from_millis(200);
/// The least time between two readings.
const READ_EVERY: Duration = Duration::from_millis(500);

/// What has to be read and shown soon.
#[derive(Debug, Default)]
pub(super) struct Due {
    at: Option<Instant>,
    read_at: Option<Instant>,
    has_counts: bool,
    has_beside: bool,
    has_about: bool,
    /// The list of visitors is followed.
    lists: bool,
    /// Everybody who is here.
    has_all: bool,
    visitors: HashSet<VisitorId>,
}

impl Due {
    /// When it is time to read.
    pub(super) const fn at(&self) -> Option<Instant> {
        self.at
    }

    /// The counts of the inbox changed.
    pub(super) fn counts(&mut self) {
        self.has_counts = true;
        self.soon();
    }

    /// The visitor beside the open chat changed.
    pub(super) fn beside(&mut self) {
        self.has_beside = true;
        self.soon();
    }

    /// A visitor was seen, who may stand in the list.
    pub(super) fn visitor(&mut self, visitor: VisitorId) {
        if self.lists {
            self.visitors.insert(visitor);
            self.soon();
        }
    }

    /// Visitors were seen.
    pub(super) fn visitors(&mut self, seen: &VisitorsSeen) {
        if self.lists {
            self.visitors.extend(&seen.visitors);
            self.has_all |= seen.has_more;
            self.soon();
        }
    }

    /// Updates were lost: all that is shown is read again.
    pub(super) fn everything(&mut self) {
        self.has_counts = true;
        self.has_beside = true;
        self.has_about = true;
        self.has_all = self.lists;
        self.soon();
    }

    fn soon(&mut self) {
        if self.at.is_none() {
            let now = Instant::now();
            let earliest = self.read_at.map_or(now, |read| read + READ_EVERY);
            self.at = Some((now + GATHER).max(earliest));
        }
    }

    /// What is due, taken: the list goes on being followed.
    fn take(&mut self) -> Self {
        let lists = self.lists;
        let next = Self {
            lists,
            read_at: Some(Instant::now()),
            ..Self::default()
        };
        std::mem::replace(self, next)
    }
}

/// What one reading is about.
struct Wanted {
    site: SiteId,
    agent: AgentId,
    subject: Subject,
    counts: bool,
    beside: Option<(ChatId, VisitorId)>,
    about: Option<VisitorId>,
    visitors: Vec<VisitorId>,
    has_all: bool,
    lists: bool,
    now: i64,
}

/// What one reading found.
struct Found {
    counts: Option<Counts>,
    beside: Option<BesideRows>,
    about: Option<BesideRows>,
    visitors: Vec<(VisitorId, Option<LiveVisitor>)>,
    banned: HashSet<VisitorId>,
    here: i64,
}

/// The numbers of the rail and of the lists.
struct Counts {
    waiting: i64,
    tickets: i64,
    lists: InboxCounts,
}

impl Wanted {
    fn read(&self, tx: &mut dyn Tx) -> db::Result<Found> {
        let site = self.site;
        let counts = if self.counts {
            Some(Counts {
                waiting: inbox_view::waiting(tx, site, self.agent)?,
                tickets: tickets::open_on(tx, site)?,
                lists: inbox_view::counts(tx, site, self.agent)?,
            })
        } else {
            None
        };
        let beside = match self.beside {
            Some((chat, root)) => BesideRows::read(tx, site, root, Some(chat), self.now)?,
            None => None,
        };
        let about = match self.about {
            Some(root) => BesideRows::read(tx, site, root, None, self.now)?,
            None => None,
        };
        let mut visitors = Vec::new();
        let mut banned = HashSet::new();
        let mut here = 0;
        if self.lists && (self.has_all || !self.visitors.is_empty()) {
            authorize(&self.subject, Action::ReadVisitors, Object::Site(site))?;
            here = visitor_view::count_here(tx, site, self.now, HERE_CAP)?;
            visitors = self.read_visitors(tx)?;
            let roots: Vec<_> = visitors.iter().map(|(visitor, _)| *visitor).collect();
            banned = bans::among(tx, &roots, self.now)?;
        }
        Ok(Found {
            counts,
            beside,
            about,
            visitors,
            banned,
            here,
        })
    }

    fn read_visitors(&self, tx: &mut dyn Tx) -> db::Result<Vec<(VisitorId, Option<LiveVisitor>)>> {
        if self.has_all {
            let here = visitor_view::here_now(tx, self.site, self.now)?;
            return Ok(here
                .into_iter()
                .map(|live| (live.visitor, Some(live)))
                .collect());
        }
        let mut found = Vec::with_capacity(self.visitors.len());
        for visitor in &self.visitors {
            found.push((*visitor, visitor_view::live(tx, self.site, *visitor)?));
        }
        Ok(found)
    }
}

impl LiveSocket {
    /// Follows the list of who is here, or no longer; the first reading names everybody.
    pub(super) fn list_visitors(&mut self, is_on: bool) {
        let topic = Topic::Visitors(self.acting.site);
        self.due.lists = is_on;
        if is_on {
            self.attachment.subscribe(topic);
            self.due.has_all = true;
            self.due.soon();
        } else {
            self.attachment.unsubscribe(topic);
        }
    }

    /// Follows one visitor's profile.
    pub(super) async fn watch(&mut self, visitor: VisitorId) -> Result<(), End> {
        let (site, subject) = (self.acting.site, self.acting.subject.clone());
        let found = self
            .state
            .db
            .read(move |tx| {
                let profile =
                    profile_view::get(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
                let root = profile.visitor;
                authorize(
                    &subject,
                    Action::ReadVisitor,
                    Object::Visitor { site, root },
                )?;
                Ok::<_, db::Error>(root)
            })
            .await;
        match found {
            Ok(root) => {
                self.attachment.subscribe(Topic::Visitor(root));
                self.watched = Some(root);
                self.due.has_about = true;
                self.due.soon();
                Ok(())
            }
            Err(error) => self.refuse(error).await,
        }
    }

    /// A visitor was seen or changed: beside the open chat, or on the profile.
    pub(super) fn visitor_changed(&mut self, visitor: VisitorId) {
        if self.open.as_ref().is_some_and(|open| open.root == visitor) {
            self.due.beside();
        }
        if self.watched == Some(visitor) {
            self.due.has_about = true;
            self.due.soon();
        }
    }

    /// Reads what is due in one snapshot and shows it.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let due = self.due.take();
        let now = self.state.clock.now();
        let open = self.open.as_ref().map(|open| (open.id, open.root));
        let wanted = Wanted {
            site: self.acting.site,
            agent: self.agent,
            subject: self.acting.subject.clone(),
            counts: due.has_counts && self.inbox_sent.is_some(),
            beside: open.filter(|_| due.has_beside),
            about: self.watched.filter(|_| due.has_about),
            visitors: due.visitors.iter().copied().collect(),
            has_all: due.has_all,
            lists: due.lists,
            now,
        };
        let (beside_of, about_of) = (wanted.beside, wanted.about);
        let (has_all, has_list) = (
            wanted.has_all,
            wanted.lists && (wanted.has_all || !wanted.visitors.is_empty()),
        );
        let found = self
            .state
            .db
            .read(move |tx| wanted.read(tx))
            .await
            .map_err(|error| broken(&error))?;
        let times = Times::new(None, now);
        if let Some(counts) = found.counts {
            self.say(&Frame::Counts {
                waiting: counts.waiting,
                tickets: counts.tickets,
                lists: list_counts(&counts.lists),
            })
            .await?;
        }
        if let (Some((chat, _)), Some(rows)) = (beside_of, &found.beside) {
            let html = self.draw_beside(rows, &times);
            self.say(&Frame::Beside { chat, html }).await?;
        }
        if let (Some(visitor), Some(rows)) = (about_of, &found.about) {
            let html = self.draw_about(rows, &times);
            self.say(&Frame::About { visitor, html }).await?;
        }
        if has_list {
            let rows = self.draw_visitors(&found.visitors, &found.banned, &times);
            let here = here_label(found.here);
            self.say(&Frame::Visitors {
                rows,
                is_all: has_all,
                here,
            })
            .await?;
        }
        Ok(())
    }

    fn draw_beside(&self, rows: &BesideRows, times: &Times) -> String {
        let beside = BesideShown::new(rows, times);
        let partial = BesidePartial {
            layout: &self.layout,
            beside: &beside,
        };
        partial.render().unwrap_or_default()
    }

    fn draw_about(&self, rows: &BesideRows, times: &Times) -> String {
        let beside = BesideShown::new(rows, times);
        let partial = AboutPartial {
            layout: &self.layout,
            beside: &beside,
        };
        partial.render().unwrap_or_default()
    }

    fn draw_visitors(
        &self,
        found: &[(VisitorId, Option<LiveVisitor>)],
        banned: &HashSet<VisitorId>,
        times: &Times,
    ) -> Vec<Seen> {
        found
            .iter()
            .map(
                |(visitor, live)| match live.as_ref().filter(|live| is_here(live, times)) {
                    Some(live) => {
                        let row = LiveRow::new(live, banned.contains(visitor), times);
                        let partial = LiveRowPartial {
                            layout: &self.layout,
                            row: &row,
                        };
                        Seen {
                            visitor: *visitor,
                            started: live.started_at,
                            is_here: true,
                            html: partial.render().unwrap_or_default(),
                        }
                    }
                    None => Seen {
                        visitor: *visitor,
                        started: 0,
                        is_here: false,
                        html: String::new(),
                    },
                },
            )
            .collect()
    }
}

fn is_here(live: &LiveVisitor, times: &Times) -> bool {
    !live.has_left && times.now() - live.last_seen_at < HERE_MS
}
