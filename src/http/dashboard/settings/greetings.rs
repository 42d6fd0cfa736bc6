//! Settings → Greetings: the list in the order in which they are tried, with what came of each; and writing one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use askama::Template;

use super::greeting_form::GreetingForm;
use super::{Nav, Saved};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::greeting::Draft;
use crate::domain::ids::GreetingId;
use crate::domain::permission::{Action, Permit};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::agents;
use crate::store::greetings::{self, Direction, Greeting};

#[derive(Template)]
#[template(path = "settings/greetings.html")]
struct GreetingsPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    rows: Vec<Row>,
}

/// One greeting of the list.
struct Row {
    id: GreetingId,
    name: String,
    is_enabled: bool,
    is_first: bool,
    is_last: bool,
    counts: Vec<CountShown>,
}

/// One counter, with its share of what was sent.
struct CountShown {
    label: &'static str,
    count: i64,
    /// 0 to 100.
    share: i64,
}

#[derive(Template)]
#[template(path = "settings/greeting.html")]
struct GreetingPage {
    layout: Layout,
    nav: Nav,
    /// `None` for a new one.
    id: Option<GreetingId>,
    form: GreetingForm,
    /// Id and name of those whose name it can carry.
    agents: Vec<(String, String)>,
    errors: Errors,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/greetings").get(list))
        .service(
            web::resource("/settings/greetings/new")
                .get(fresh)
                .post(create),
        )
        .service(
            web::resource("/settings/greetings/{greeting}")
                .get(edit)
                .post(update),
        )
        .service(web::resource("/settings/greetings/{greeting}/order").post(reorder))
        .service(web::resource("/settings/greetings/{greeting}/sending").post(enable))
        .service(web::resource("/settings/greetings/{greeting}/deletion").post(delete));
}

async fn list(
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let all = state
        .db
        .read(move |tx| greetings::list(tx, &permit))
        .await?;
    let last = all.len().saturating_sub(1);
    let rows = all
        .into_iter()
        .enumerate()
        .map(|(at, greeting)| Row::of(&greeting, at == 0, at == last))
        .collect();
    html(
        StatusCode::OK,
        &GreetingsPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/greetings"),
            nav: Nav::new(&signed, "greetings"),
            saved: saved.text(),
            rows,
        },
    )
}

impl Row {
    fn of(greeting: &Greeting, is_first: bool, is_last: bool) -> Self {
        let counted = greeting.counted;
        let count = |label, count: i64| CountShown {
            label,
            count,
            share: (count * 100 / counted.sent.max(1)).clamp(0, 100),
        };
        Self {
            id: greeting.id,
            name: greeting.draft.name.clone(),
            is_enabled: greeting.draft.is_enabled,
            is_first,
            is_last,
            counts: vec![
                count("Sent", counted.sent),
                count("Seen", counted.seen),
                count("Accepted", counted.accepted),
                count("Chats", counted.chats),
            ],
        }
    }
}

async fn fresh(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ConfigureChat)?;
    let form = (None, GreetingForm::fresh());
    page(&state, &signed, form, Errors::default()).await
}

async fn edit(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let greeting = find(&state, &signed, &id).await?;
    let form = (Some(greeting.id), GreetingForm::of(&greeting));
    page(&state, &signed, form, Errors::default()).await
}

async fn create(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let form = GreetingForm::typed(&fields, None);
    let now = state.clock.now();
    let write = move |tx: &mut dyn Tx, draft: &Draft| {
        greetings::create(tx, &permit, draft, now)?;
        Ok(())
    };
    save(&state, &signed, (None, form), write).await
}

async fn update(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let stored = find(&state, &signed, &id).await?;
    let form = GreetingForm::typed(&fields, Some(&stored));
    let (id, group, now) = (stored.id, stored.draft.group, state.clock.now());
    let write = move |tx: &mut dyn Tx, draft: &Draft| {
        let draft = Draft {
            group,
            ..draft.clone()
        };
        greetings::update(tx, &permit, id, &draft, now)?;
        Ok(())
    };
    save(&state, &signed, (Some(id), form), write).await
}

/// Checks a form and writes it; what is wrong stands beside its field.
async fn save(
    state: &State,
    signed: &Signed,
    (id, form): (Option<GreetingId>, GreetingForm),
    write: impl Fn(&mut dyn Tx, &Draft) -> db::Result<()> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let draft = match form.check() {
        Ok(draft) => draft,
        Err(errors) => return page(state, signed, (id, form), errors).await,
    };
    let written = state
        .db
        .write(Lane::Admin, move |tx| write(tx, &draft))
        .await;
    match written {
        Ok(()) => Ok(see_other(state, "/settings/greetings?done=saved")),
        Err(db::Error::Refused(refusal)) => page(state, signed, (id, form), refusal.into()).await,
        Err(error) => Err(error.into()),
    }
}

async fn reorder(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let direction = match fields.get("direction") {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return Err(Refusal::invalid("direction", "is up or down").into()),
    };
    change(&state, &signed, &id, move |tx, permit, id, _| {
        greetings::move_by_one(tx, permit, id, direction)
    })
    .await
}

async fn enable(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let is_enabled = fields.get("is_enabled") == "1";
    change(&state, &signed, &id, move |tx, permit, id, now| {
        greetings::enable(tx, permit, id, is_enabled, now)
    })
    .await
}

async fn delete(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    change(&state, &signed, &id, greetings::delete).await
}

async fn change(
    state: &State,
    signed: &Signed,
    id: &str,
    work: impl Fn(&mut dyn Tx, &Permit, GreetingId, i64) -> db::Result<()> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let (id, now) = (parse(id)?, state.clock.now());
    state
        .db
        .write(Lane::Admin, move |tx| work(tx, &permit, id, now))
        .await?;
    Ok(see_other(state, "/settings/greetings?done=saved"))
}

async fn find(state: &State, signed: &Signed, id: &str) -> Result<Greeting, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let id = parse(id)?;
    let read = move |tx: &mut dyn Tx| greetings::get(tx, &permit, id);
    Ok(state.db.read(read).await?)
}

fn parse(id: &str) -> Result<GreetingId, ApiError> {
    id.parse()
        .map_err(|_| ApiError::not_found("there is no such greeting"))
}

async fn page(
    state: &State,
    signed: &Signed,
    (id, form): (Option<GreetingId>, GreetingForm),
    errors: Errors,
) -> Result<HttpResponse, ApiError> {
    let site = signed.site.id;
    let all = state.db.read(move |tx| agents::of_site(tx, site)).await?;
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    html(
        status,
        &GreetingPage {
            layout: layout(state, signed, Area::Settings, "/settings/greetings"),
            nav: Nav::new(signed, "greetings"),
            id,
            form,
            agents: all
                .into_iter()
                .filter(|agent| agent.deactivated_at.is_none())
                .map(|agent| (agent.id.to_string(), agent.name))
                .collect(),
            errors,
        },
    )
}
