//! Editing what an agent wrote: a form with the message as it reads now.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use askama::Template;

use super::chats;
use super::form::{Errors, Fields};
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::writing::Acting;
use crate::db::{self, Error, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::event::{Body, NewEvent};
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::edits;
use crate::store::events::{self, Slot};

#[derive(Template)]
#[template(path = "chats/edit.html")]
struct EditPage {
    layout: Layout,
    chat: ChatId,
    seq: i64,
    text: String,
    errors: Errors,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/chats/{chat}/events/{seq}/edit")
            .get(show)
            .post(edit),
    );
}

/// The chat and the place that an address names.
fn place(path: &(String, String)) -> Result<(ChatId, i64), ApiError> {
    let id = chats::chat_id(&path.0)?;
    let seq = path.1.parse().ok().filter(|seq: &i64| *seq > 0);
    let seq = seq.ok_or_else(|| ApiError::not_found("there is no such message"))?;
    Ok((id, seq))
}

async fn show(
    state: Data<State>,
    signed: Signed,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (chat, seq) = place(&path)?;
    let acting = chats::acting(&signed);
    let job = move |tx: &mut dyn Tx| text_of(tx, &acting, chat, seq);
    let text = state.db.read(job).await?;
    html(
        StatusCode::OK,
        &page(&state, &signed, (chat, seq), text, Errors::default()),
    )
}

/// How the message reads now.
fn text_of(tx: &mut dyn Tx, acting: &Acting, chat: ChatId, seq: i64) -> db::Result<String> {
    acting.on(tx, Action::EditEvent, chat)?;
    let (_, permit) = acting.on(tx, Action::ReadChat, chat)?;
    let found = events::current_after(tx, &permit, seq - 1, 1)?;
    if let Some(Slot::Event(event)) = found.into_iter().next()
        && event.seq == seq
        && let Body::Message { text, .. } = event.body
    {
        Ok(text)
    } else {
        Err(Refusal::NotFound("message").into())
    }
}

fn page(
    state: &State,
    signed: &Signed,
    (chat, seq): (ChatId, i64),
    text: String,
    errors: Errors,
) -> EditPage {
    EditPage {
        layout: layout(state, signed, Area::Chats, &format!("/chats/{chat}")),
        chat,
        seq,
        text,
        errors,
    }
}

async fn edit(
    state: Data<State>,
    signed: Signed,
    path: Path<(String, String)>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let (chat, seq) = place(&path)?;
    let text = fields.get("text");
    let new = match NewEvent::message(text) {
        Ok(new) => new,
        Err(refusal) => {
            let (place, errors) = ((chat, seq), Errors::from(refusal));
            let page = page(&state, &signed, place, text.to_owned(), errors);
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let (acting, now) = (chats::acting(&signed), state.clock.now());
    let job = move |tx: &mut dyn Tx| {
        let (_, permit) = acting.on(tx, Action::EditEvent, chat)?;
        match edits::edit(tx, &permit, seq, &new, now) {
            Ok(_) => Ok(()),
            // A file or a card is no message: this form does not edit it.
            Err(Error::Refused(Refusal::Validation { .. })) => {
                Err(Refusal::NotFound("message").into())
            }
            Err(error) => Err(error),
        }
    };
    state.db.write(Lane::Chat, job).await?;
    Ok(see_other(&state, &format!("/chats/{chat}")))
}
