//! The inbox of a site on one socket: followed by number, so that no change of a chat is missed across reconnects.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use bytestring::ByteString;

use super::message::{InboxChanged, Update as Frame};
use super::socket::{End, LiveSocket, broken};
use crate::db::{self, Db, Tx};
use crate::domain::ids::{ChatId, SiteId};
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::close::Close;
use crate::http::dashboard::inbox::{RowPartial, RowShown};
use crate::http::dashboard::layout::Bare;
use crate::http::dashboard::times::Times;
use crate::live::{InboxUpdate, Topic};
use crate::store::inbox::{self, InboxChange, InboxPage};
use crate::store::inbox_view::{self, InboxRow};
use askama::Template;

impl LiveSocket {
    /// Follows the inbox from `after`, or from now where the page shows none of it.
    pub(super) async fn follow(
        &mut self,
        after: Option<i64>,
        epoch: Option<&str>,
    ) -> Result<(), End> {
        if epoch.is_some_and(|epoch| epoch != self.state.db.epoch()) {
            return self.resync_inbox().await;
        }
        // Listen first, then read what was missed: any other order has a hole.
        self.attachment.subscribe(Topic::Inbox(self.acting.site));
        self.attachment.subscribe(Topic::Tickets(self.acting.site));
        if let Some(after) = after {
            self.inbox_sent = Some(after);
            self.attachment.outbox().start_catch_up();
            self.catch_up_inbox().await?;
            self.finish_catch_up().await?;
        } else {
            let page = self.missed(0, 0).await?;
            self.inbox_sent = Some(page.head);
            let epoch = self.state.db.epoch().to_owned();
            let following = Frame::Following {
                inbox_seq: page.head,
                epoch: &epoch,
            };
            self.say(&following).await?;
        }
        self.due.counts();
        Ok(())
    }

    /// New rows, drawn once for all agents of the site.
    pub(super) async fn inbox_advanced(&mut self, update: &InboxUpdate) -> Result<(), End> {
        let (Some(sent), Some(first), Some(last)) =
            (self.inbox_sent, update.rows.first(), update.rows.last())
        else {
            return Ok(());
        };
        if last.inbox_seq <= sent {
            return Ok(());
        }
        if first.inbox_seq > sent + 1 {
            self.attachment.outbox().start_catch_up();
            self.catch_up_inbox().await?;
            return self.finish_catch_up().await;
        }
        let drawn = update
            .frame_async(async || {
                let now = self.state.clock.now();
                frame(&self.state.db, update.site, &self.layout, &update.rows, now).await
            })
            .await
            .map_err(|error| broken(&error))?;
        let frame = ByteString::try_from(drawn).map_err(|_| Close::Internal)?;
        self.inbox_sent = Some(last.inbox_seq);
        self.due.counts();
        self.send(frame).await?;
        self.queue_moved().await
    }

    /// Sends what came after the last number that was sent.
    pub(super) async fn catch_up_inbox(&mut self) -> Result<(), End> {
        while let Some(sent) = self.inbox_sent {
            let page = self.missed(sent, inbox::MAX_PAGE).await?;
            if page.is_lost {
                return self.resync_inbox().await;
            }
            let Some(last) = page.changes.last() else {
                return Ok(());
            };
            let now = self.state.clock.now();
            let drawn = frame(
                &self.state.db,
                self.acting.site,
                &self.layout,
                &page.changes,
                now,
            )
            .await
            .map_err(|error| broken(&error))?;
            let frame = ByteString::try_from(drawn).map_err(|_| Close::Internal)?;
            self.inbox_sent = Some(last.inbox_seq);
            self.due.counts();
            self.send(frame).await?;
        }
        Ok(())
    }

    /// Ends a catch-up: if updates were dropped meanwhile, everything followed is read again.
    pub(super) async fn finish_catch_up(&mut self) -> Result<(), End> {
        while !self.attachment.outbox().finish_catch_up() {
            self.catch_up_inbox().await?;
            self.catch_up_chat().await?;
            self.due.everything();
        }
        Ok(())
    }

    async fn missed(&self, after: i64, limit: i64) -> Result<InboxPage, End> {
        let acting = self.acting.clone();
        self.state
            .db
            .read(move |tx| {
                let object = Object::Site(acting.site);
                let permit = authorize(&acting.subject, Action::ReadInbox, object)?;
                inbox::after(tx, &permit, after, limit)
            })
            .await
            .map_err(|error| broken(&error))
    }

    async fn resync_inbox(&mut self) -> Result<(), End> {
        self.inbox_sent = None;
        let of = "inbox".to_owned();
        self.say(&Frame::Resync { of }).await
    }
}

/// The frame of these changes: one row a chat, at the number of its last change.
async fn frame(
    db: &Db,
    site: SiteId,
    layout: &Bare,
    changes: &[InboxChange],
    now: i64,
) -> db::Result<Bytes> {
    let changes = changes.to_vec();
    let found = db
        .read(move |tx| {
            let last = last_changes(&changes);
            last.into_values()
                .map(|(change, seqs)| Changed::read(tx, site, change, &seqs))
                .collect::<db::Result<Vec<_>>>()
        })
        .await?;
    let times = Times::new(None, now);
    let mut rows: Vec<InboxChanged> = found
        .iter()
        .map(|changed| changed.draw(layout, &times))
        .collect();
    rows.sort_by_key(|row| row.inbox_seq);
    Ok(Frame::Inbox { rows }.frame().into_bytes())
}

/// By chat: the last change, and the places of all.
fn last_changes(changes: &[InboxChange]) -> HashMap<ChatId, (InboxChange, Vec<i64>)> {
    let mut last: HashMap<ChatId, (InboxChange, Vec<i64>)> = HashMap::new();
    for change in changes {
        let entry = last
            .entry(change.chat)
            .or_insert_with(|| (*change, Vec::new()));
        entry.0 = *change;
        entry.1.push(change.chat_seq);
    }
    last
}

struct Changed {
    change: InboxChange,
    row: Option<InboxRow>,
    is_new: bool,
}

impl Changed {
    fn read(tx: &mut dyn Tx, site: SiteId, change: InboxChange, seqs: &[i64]) -> db::Result<Self> {
        let row = inbox_view::row(tx, site, change.chat)?;
        let mut is_new = false;
        for seq in seqs {
            is_new |= crate::store::conversation_view::is_by_visitor(tx, change.chat, *seq)?;
        }
        // What another agent has seen by now needs no sound.
        let is_new = is_new && row.as_ref().is_some_and(|row| row.is_unread);
        Ok(Self {
            change,
            row,
            is_new,
        })
    }

    fn draw(&self, layout: &Bare, times: &Times) -> InboxChanged {
        let (inbox_seq, chat) = (self.change.inbox_seq, self.change.chat);
        let Some(row) = &self.row else {
            return InboxChanged {
                inbox_seq,
                chat,
                at: 0,
                is_active: false,
                agent: String::new(),
                name: String::new(),
                text: String::new(),
                is_new: false,
                is_gone: true,
                html: String::new(),
            };
        };
        let shown = RowShown::new(row, &layout.base, None, times);
        let html = RowPartial {
            layout,
            row: &shown,
        }
        .render();
        InboxChanged {
            inbox_seq,
            chat,
            at: row.last_event_at,
            is_active: row.is_active,
            agent: row.agent.map(|agent| agent.to_string()).unwrap_or_default(),
            text: shown.last_text.clone(),
            is_new: self.is_new,
            is_gone: false,
            html: html.unwrap_or_default(),
            name: shown.name,
        }
    }
}

/// The numbers beside the lists, by the lists' names.
pub(super) fn list_counts(counts: &inbox_view::InboxCounts) -> BTreeMap<&'static str, String> {
    use crate::http::dashboard::inbox::{ListName, count_of};
    ListName::ALL
        .into_iter()
        .map(|list| (list.name(), count_of(counts, list)))
        .collect()
}
