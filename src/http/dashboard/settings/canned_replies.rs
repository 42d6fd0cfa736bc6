//! Settings → Canned replies: texts that agents insert by a short word; and their list for the composer.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use askama::Template;
use serde_json::{Value, json};

use super::{Nav, Saved};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::canned_reply::{CannedReply, CannedText};
use crate::domain::chat::excerpt;
use crate::domain::ids::CannedReplyId;
use crate::domain::permission::{Action, Permit};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::canned_replies;

const PATH: &str = "/settings/canned-replies";

#[derive(Template)]
#[template(path = "settings/canned_replies.html")]
struct RepliesPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    rows: Vec<ReplyRow>,
    shortcut: String,
    text: String,
    errors: Errors,
}

struct ReplyRow {
    id: CannedReplyId,
    shortcut: String,
    excerpt: String,
}

#[derive(Template)]
#[template(path = "settings/canned_reply.html")]
struct ReplyPage {
    layout: Layout,
    nav: Nav,
    id: CannedReplyId,
    shortcut: String,
    text: String,
    errors: Errors,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/canned-replies.json").get(json_list))
        .service(web::resource(PATH).get(list).post(create))
        .service(
            web::resource("/settings/canned-replies/{id}")
                .get(show)
                .post(change),
        )
        .service(web::resource("/settings/canned-replies/{id}/deletion").post(delete));
}

/// What the composer offers.
async fn json_list(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    let items: Vec<Value> = read(&state, &signed)
        .await?
        .iter()
        .map(|reply| json!({"shortcut": reply.shortcut, "text": reply.text}))
        .collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({"items": items})))
}

async fn read(state: &State, signed: &Signed) -> Result<Vec<CannedReply>, ApiError> {
    let permit = signed.on_site(Action::ReadCannedReplies)?;
    Ok(state
        .db
        .read(move |tx| canned_replies::list(tx, &permit))
        .await?)
}

async fn list(
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let page = page(&state, &signed, &Fields::default(), Errors::default()).await?;
    html(
        StatusCode::OK,
        &RepliesPage {
            saved: saved.text(),
            ..page
        },
    )
}

async fn page(
    state: &State,
    signed: &Signed,
    fields: &Fields,
    errors: Errors,
) -> Result<RepliesPage, ApiError> {
    signed.on_site(Action::ConfigureChat)?;
    let rows = read(state, signed).await?;
    Ok(RepliesPage {
        layout: layout(state, signed, Area::Settings, PATH),
        nav: Nav::new(signed, "canned-replies"),
        saved: None,
        rows: rows
            .into_iter()
            .map(|reply| ReplyRow {
                id: reply.id,
                shortcut: reply.shortcut,
                excerpt: excerpt(&reply.text),
            })
            .collect(),
        shortcut: fields.get("shortcut").to_owned(),
        text: fields.get("text").to_owned(),
        errors,
    })
}

async fn create(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    let made = change_of(&state, &signed, &fields, move |tx, permit, new| {
        canned_replies::create(tx, permit, new, now).map(|_| ())
    })
    .await?;
    match made {
        Ok(()) => Ok(see_other(&state, "/settings/canned-replies?done=saved")),
        Err(errors) => {
            let page = page(&state, &signed, &fields, errors).await?;
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

fn parse_id(text: &str) -> Result<CannedReplyId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such reply"))
}

async fn show(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let id = parse_id(&id)?;
    let reply = state
        .db
        .read(move |tx| canned_replies::get(tx, &permit, id))
        .await?;
    let shown = (reply.shortcut, reply.text);
    html(
        StatusCode::OK,
        &reply_page(&state, &signed, id, shown, Errors::default()),
    )
}

fn reply_page(
    state: &State,
    signed: &Signed,
    id: CannedReplyId,
    (shortcut, text): (String, String),
    errors: Errors,
) -> ReplyPage {
    ReplyPage {
        layout: layout(state, signed, Area::Settings, PATH),
        nav: Nav::new(signed, "canned-replies"),
        id,
        shortcut,
        text,
        errors,
    }
}

async fn change(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let changed = change_of(&state, &signed, &fields, move |tx, permit, new| {
        canned_replies::update(tx, permit, id, new, now)
    })
    .await?;
    match changed {
        Ok(()) => Ok(see_other(&state, "/settings/canned-replies?done=saved")),
        Err(errors) => {
            let typed = (
                fields.get("shortcut").to_owned(),
                fields.get("text").to_owned(),
            );
            let page = reply_page(&state, &signed, id, typed, errors);
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// Reads the form and stores what it says; what does not fit is the form's business.
async fn change_of(
    state: &State,
    signed: &Signed,
    fields: &Fields,
    store: impl Fn(&mut dyn Tx, &Permit, &CannedText) -> db::Result<()> + Send + 'static,
) -> Result<Result<(), Errors>, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    // Browsers end lines with both characters.
    let text = fields.get("text").replace("\r\n", "\n");
    let new = match CannedText::parse(fields.get("shortcut"), &text) {
        Ok(new) => new,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let stored = state
        .db
        .write(Lane::Admin, move |tx| store(tx, &permit, &new))
        .await;
    match stored {
        Ok(()) => Ok(Ok(())),
        Err(db::Error::Refused(
            refusal @ (Refusal::Validation { .. } | Refusal::LimitReached(_)),
        )) => Ok(Err(refusal.into())),
        Err(error) => Err(error.into()),
    }
}

async fn delete(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let id = parse_id(&id)?;
    state
        .db
        .write(Lane::Admin, move |tx| {
            canned_replies::delete(tx, &permit, id)
        })
        .await?;
    Ok(see_other(&state, "/settings/canned-replies?done=deleted"))
}
