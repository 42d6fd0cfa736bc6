//! What an agent does over the socket: writes, types, looks.

use super::message::{Refused, Update as Frame};
use super::socket::{End, LiveSocket};
use crate::db::{self, Lane};
use crate::domain::event::{Author, Recipients};
use crate::domain::ids::ChatId;
use crate::http::dashboard::writing;
use crate::live::{Lossy, Topic};

/// What an agent says.
pub(super) enum Said {
    /// Words.
    Text(String),
    /// An upload, by its address.
    File(String),
}

impl LiveSocket {
    /// Stores a message and says so when it is on disk; the event itself comes as to everybody else.
    pub(super) async fn store(
        &mut self,
        chat: ChatId,
        custom_id: String,
        said: Said,
        is_note: bool,
    ) -> Result<(), End> {
        let outcome = self.try_store(chat, &custom_id, said, is_note).await;
        match outcome {
            Ok((seq, duplicate)) => {
                self.say(&Frame::Stored {
                    chat,
                    custom_id: &custom_id,
                    seq,
                    duplicate,
                })
                .await
            }
            Err(error) => {
                let refused = Refused {
                    chat: Some(chat),
                    custom_id: Some(custom_id),
                    ..Refused::of(error)
                };
                self.say(&Frame::Refused(refused)).await
            }
        }
    }

    async fn try_store(
        &self,
        chat: ChatId,
        custom_id: &str,
        said: Said,
        is_note: bool,
    ) -> db::Result<(i64, bool)> {
        if self.state.is_draining() {
            return Err(db::Error::Unavailable("stopping".to_owned()));
        }
        let new = match said {
            Said::Text(text) => writing::written(&text.replace('\0', ""), custom_id, is_note)?,
            Said::File(url) => writing::written_file(&url, custom_id, is_note)?,
        };
        let (acting, now) = (self.acting.clone(), self.state.clock.now());
        self.state
            .db
            .write(Lane::Chat, move |tx| {
                let sent = writing::send(tx, &acting, chat, &new, now)?;
                Ok((sent.event.seq, sent.is_duplicate))
            })
            .await
    }

    /// Tells the others that the agent types in the chat that is open here.
    pub(super) fn pass_typing(&self, chat: ChatId, is_typing: bool, is_note: bool) {
        if self.open.as_ref().is_none_or(|open| open.id != chat) {
            return;
        }
        let lossy = Lossy::Typing {
            chat,
            author: Author::Agent(self.agent),
            is_typing,
            recipients: if is_note {
                Recipients::Agents
            } else {
                Recipients::All
            },
        };
        self.state.hub.lossy(Topic::Chat(chat), lossy);
    }

    /// Notes that the agent has seen the chat up to `seq`.
    pub(super) async fn mark_seen(&mut self, chat: ChatId, seq: i64) -> Result<(), End> {
        let (acting, now) = (self.acting.clone(), self.state.clock.now());
        let marked = self
            .state
            .db
            .write(Lane::Chat, move |tx| {
                writing::mark_seen(tx, &acting, chat, seq, now)
            })
            .await;
        match marked {
            Ok(()) => Ok(()),
            // A mark that is not stored is said again with the next message; it is not worth the socket.
            Err(error) if error.is_retryable() => Ok(()),
            Err(error) => self.refuse(error).await,
        }
    }
}
