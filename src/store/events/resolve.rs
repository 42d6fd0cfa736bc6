//! What an event is stored with, where the client cannot know it: the upload behind an address.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{Author, Body, Content, NewEvent, Recipients};
use crate::domain::file_body::FileBody;
use crate::domain::permission::Permit;
use crate::store::{files, forms};

/// The event with all it is stored with; a repeat of one that was resolved before changes nothing.
///
/// # Errors
/// [`Refusal::NotAllowed`] for what a visitor may not send; [`Refusal::Validation`] of the `url` of a file that is not an
/// own upload; what [`forms::check`] refuses of a filled form; or any other [`crate::db::Error`].
pub(in crate::store) fn resolve(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
    new: &NewEvent,
    now: i64,
) -> Result<NewEvent> {
    let author = permit.author(chat.visitor)?;
    if matches!(author, Author::Visitor(_))
        && new.recipients() == Recipients::Agents
        && !matches!(new.body(), Some(Body::SystemMessage { .. }))
    {
        return Err(Refusal::NotAllowed.into());
    }
    match (new.content(), author) {
        (Content::Body(Body::RichMessage { .. }), Author::Visitor(_)) => {
            Err(Refusal::NotAllowed.into())
        }
        (
            Content::Body(Body::FilledForm {
                form_id,
                fields,
                properties,
            }),
            Author::Visitor(_),
        ) => {
            let fields = forms::accept(tx, chat, form_id, fields, now)?;
            Ok(new.clone().resolved_to(Body::FilledForm {
                form_id: form_id.clone(),
                fields,
                properties: properties.clone(),
            }))
        }
        (Content::Body(_), _) => Ok(new.clone()),
        (
            Content::File {
                file_url,
                alternative_text,
                properties,
            },
            _,
        ) => {
            let file = files::claim(tx, permit, file_url, chat.id, now)?;
            Ok(new.clone().resolved_to(Body::File {
                file: FileBody::of(&file, alternative_text.clone()),
                properties: properties.clone(),
            }))
        }
    }
}
