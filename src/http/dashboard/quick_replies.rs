//! Quick replies: a question with buttons that answer it, sent by an agent.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use askama::Template;

use super::chats;
use super::form::{Errors, Fields};
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::writing;
use crate::db::{Lane, Tx};
use crate::domain::event::NewEvent;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::domain::rich_message::{Button, ButtonKind, Element, RichMessage, Template as Layouts};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::token::Token;

/// Buttons that the form has room for.
const BUTTONS: usize = 6;

#[derive(Template)]
#[template(path = "chats/quick_replies.html")]
struct QuickRepliesPage {
    layout: Layout,
    chat: ChatId,
    text: String,
    buttons: Vec<Label>,
    custom_id: String,
    errors: Errors,
}

/// One button of the form.
struct Label {
    field: String,
    number: usize,
    text: String,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/chats/{chat}/quick-replies")
            .get(show)
            .post(send),
    );
}

async fn show(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    let acting = chats::acting(&signed);
    let job = move |tx: &mut dyn Tx| acting.on(tx, Action::SendEvent, id).map(|_| ());
    state.db.read(job).await?;
    let page = page(&state, &signed, id, &Fields::default(), Errors::default());
    html(StatusCode::OK, &page)
}

async fn send(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    let new = match asked(&fields) {
        Ok(new) => new,
        Err(errors) => {
            let page = page(&state, &signed, id, &fields, errors);
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let (acting, now) = (chats::acting(&signed), state.clock.now());
    let job = move |tx: &mut dyn Tx| writing::send(tx, &acting, id, &new, now);
    state.db.write(Lane::Chat, job).await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

/// The rich message that the form describes.
fn asked(fields: &Fields) -> Result<NewEvent, Errors> {
    let mut errors = Errors::default();
    let text = fields.get("text").trim();
    if text.is_empty() {
        errors.add("text", "write the question");
    } else if text.chars().count() > RichMessage::MAX_TITLE_CHARS {
        errors.add(
            "text",
            &format!("at most {} characters", RichMessage::MAX_TITLE_CHARS),
        );
    }
    let mut buttons = Vec::new();
    for number in 1..=BUTTONS {
        let field = format!("button_{number}");
        let label = fields.get(&field).trim();
        if label.chars().count() > RichMessage::MAX_BUTTON_CHARS {
            let limit = RichMessage::MAX_BUTTON_CHARS;
            errors.add(field, &format!("at most {limit} characters"));
        } else if !label.is_empty() {
            buttons.push(button(number, label));
        }
    }
    if buttons.is_empty() && errors.is_empty() {
        errors.add("button_1", "give at least one answer to choose");
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let element = Element {
        title: Some(text.to_owned()),
        buttons,
        ..Element::default()
    };
    let content = RichMessage {
        template_id: Layouts::QuickReplies,
        elements: vec![element],
    };
    NewEvent::rich_message(content)
        .with_custom_id(fields.get("custom_id"))
        .map_err(Errors::from)
}

fn button(number: usize, label: &str) -> Button {
    Button {
        kind: Some(ButtonKind::Message),
        text: label.to_owned(),
        postback_id: format!("reply_{number}"),
        user_ids: Vec::new(),
        value: Some(label.to_owned()),
        role: None,
        target: None,
        webview_height: None,
    }
}

fn page(
    state: &State,
    signed: &Signed,
    chat: ChatId,
    fields: &Fields,
    errors: Errors,
) -> QuickRepliesPage {
    let custom_id = match fields.get("custom_id") {
        "" => Token::random().as_str().to_owned(),
        kept => kept.to_owned(),
    };
    QuickRepliesPage {
        layout: layout(state, signed, Area::Chats, &format!("/chats/{chat}")),
        chat,
        text: fields.get("text").to_owned(),
        buttons: (1..=BUTTONS)
            .map(|number| {
                let field = format!("button_{number}");
                Label {
                    number,
                    text: fields.get(&field).to_owned(),
                    field,
                }
            })
            .collect(),
        custom_id,
        errors,
    }
}
