//! A file for a chat without a script: a page with a file field, and its upload and sending in one request.
//!
//! With a script the composer uploads to `/chats/upload` and sends the address over the socket.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::chats;
use super::form::Errors;
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::writing;
use crate::db::{self, Error, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::http::files;
use crate::http::state::State;
use crate::token::Token;

#[derive(Template)]
#[template(path = "chats/attach.html")]
struct AttachPage {
    layout: Layout,
    chat: ChatId,
    custom_id: String,
    errors: Errors,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/chats/{chat}/files").get(show).post(send));
}

async fn show(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    check(&state, &signed, id).await?;
    html(
        StatusCode::OK,
        &page(&state, &signed, id, Errors::default()),
    )
}

/// Refuses a chat that the agent may not write in, before ten megabytes are read for it.
async fn check(state: &State, signed: &Signed, id: ChatId) -> Result<(), ApiError> {
    let acting = chats::acting(signed);
    let job = move |tx: &mut dyn Tx| acting.on(tx, Action::SendNote, id).map(|_| ());
    Ok(state.db.read(job).await?)
}

fn page(state: &State, signed: &Signed, chat: ChatId, errors: Errors) -> AttachPage {
    AttachPage {
        layout: layout(state, signed, Area::Chats, &format!("/chats/{chat}")),
        chat,
        custom_id: Token::random().as_str().to_owned(),
        errors,
    }
}

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    custom_id: String,
}

async fn send(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    signed: Signed,
    (chat, sent): (Path<String>, Query<Sent>),
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    check(&state, &signed, id).await?;
    let uploaded = files::upload(&req, payload, &state, &signed.subject(), signed.site.id).await;
    let file = match uploaded {
        Ok(file) => file,
        Err(error) if error.is_of_the_file() => {
            let mut errors = Errors::default();
            errors.add("file", error.message());
            return html(
                StatusCode::UNPROCESSABLE_ENTITY,
                &page(&state, &signed, id, errors),
            );
        }
        Err(error) => return Err(error),
    };
    let new = writing::written_file(&file.url(), &sent.custom_id, sent.kind == "note")?;
    let (acting, now) = (chats::acting(&signed), state.clock.now());
    let stored: db::Result<_> = state
        .db
        .write(Lane::Chat, move |tx| {
            writing::send(tx, &acting, id, &new, now)
        })
        .await;
    match stored {
        // The id was made for this one page: whoever comes with it again has sent the form twice.
        Ok(_) | Err(Error::Refused(Refusal::CustomIdReused)) => {
            Ok(see_other(&state, &format!("/chats/{id}")))
        }
        Err(error) => Err(error.into()),
    }
}
