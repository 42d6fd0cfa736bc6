//! Banning a visitor and lifting it: a form beside the chat and on the profile, and what both say of a ban.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use askama::Template;
use serde::Deserialize;

use super::face;
use super::form::{Errors, Fields};
use super::layout::{Area, Layout};
use super::page::{html, layout, safe_path, see_other};
use super::session::Signed;
use super::times::{self, Times};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::ids::{SiteId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::bans::{self, Ban, NewBan};
use crate::store::profile_view::{self, Profile};

const HOUR_MS: i64 = 3_600_000;
/// What can be chosen, by its name in the form.
const LENGTHS: [(&str, &str, Option<i64>); 4] = [
    ("hour", "1 hour", Some(HOUR_MS)),
    ("day", "1 day", Some(24 * HOUR_MS)),
    ("week", "1 week", Some(7 * 24 * HOUR_MS)),
    ("lifted", "Until somebody lifts it", None),
];

#[derive(Template)]
#[template(path = "visitors/ban.html")]
struct BanPage {
    layout: Layout,
    visitor: VisitorId,
    name: String,
    /// The truncated address; empty where none is known.
    ip: String,
    lengths: Vec<Length>,
    reason: String,
    with_address: bool,
    back: String,
    errors: Errors,
}

struct Length {
    name: &'static str,
    label: &'static str,
    is_chosen: bool,
}

/// A ban as pages show it.
#[derive(Clone, Debug)]
pub(crate) struct BanShown {
    /// Whose ban it is: for a shared address it may be somebody else's.
    pub(crate) visitor: VisitorId,
    /// The ban was said of another visitor at the same address.
    pub(crate) is_of_neighbour: bool,
    pub(crate) reason: String,
    /// The truncated address it also holds for; may be empty.
    pub(crate) ip: String,
    /// When it ends; none until somebody lifts it.
    pub(crate) until: Option<String>,
    pub(crate) until_iso: String,
    pub(crate) since: String,
    pub(crate) since_iso: String,
}

impl BanShown {
    /// The ban, seen from the visitor with these rows.
    pub(crate) fn new(ban: &Ban, rows: &[VisitorId], times: &Times) -> Self {
        Self {
            visitor: ban.visitor,
            is_of_neighbour: !rows.contains(&ban.visitor),
            reason: ban.reason.clone(),
            ip: ban.ip.clone(),
            until: ban.expires_at.map(|at| times.when(at)),
            until_iso: ban.expires_at.map(times::iso).unwrap_or_default(),
            since: times.when(ban.created_at),
            since_iso: times::iso(ban.created_at),
        }
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/visitors/{visitor}/ban").get(show).post(ban))
        .service(web::resource("/visitors/{visitor}/ban/lifting").post(lift));
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

async fn show(
    state: Data<State>,
    signed: Signed,
    visitor: Path<String>,
    query: Query<Back>,
) -> Result<HttpResponse, ApiError> {
    let visitor = visitor_id(&visitor)?;
    let (profile, _) = permitted(&state, &signed, visitor).await?;
    let back = back_path(&query.back, &profile);
    let page = page(&state, &signed, &profile, &Fields::default(), back);
    html(StatusCode::OK, &page)
}

async fn ban(
    state: Data<State>,
    signed: Signed,
    visitor: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let visitor = visitor_id(&visitor)?;
    let (profile, permit) = permitted(&state, &signed, visitor).await?;
    let back = back_path(fields.get("back"), &profile);
    let banned = match new_ban(&fields) {
        Ok(new) => {
            let now = state.clock.now();
            let job = move |tx: &mut dyn Tx| bans::ban(tx, &permit, &new, now);
            state.db.write(Lane::Chat, job).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    match banned {
        Ok(_) => Ok(see_other(&state, &back)),
        Err(db::Error::Refused(refusal @ Refusal::Validation { .. })) => {
            let page = BanPage {
                errors: refusal.into(),
                ..page(&state, &signed, &profile, &fields, back)
            };
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

fn new_ban(fields: &Fields) -> Result<NewBan, Refusal> {
    let chosen = LENGTHS
        .iter()
        .find(|(name, _, _)| *name == fields.get("length"));
    let (_, _, length_ms) =
        chosen.ok_or_else(|| Refusal::invalid("length", "choose how long it lasts"))?;
    Ok(NewBan {
        length_ms: *length_ms,
        reason: fields.get("reason").to_owned(),
        with_address: fields.is_checked("with_address"),
    })
}

async fn lift(
    state: Data<State>,
    signed: Signed,
    visitor: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let visitor = visitor_id(&visitor)?;
    let (profile, permit) = permitted(&state, &signed, visitor).await?;
    let now = state.clock.now();
    let job = move |tx: &mut dyn Tx| bans::lift(tx, &permit, now);
    // One that has ended or was lifted by somebody else is lifted as well.
    state.db.write(Lane::Chat, job).await?;
    Ok(see_other(&state, &back_path(fields.get("back"), &profile)))
}

/// The root of a visitor of the site, and a permit to ban them.
async fn permitted(
    state: &State,
    signed: &Signed,
    visitor: VisitorId,
) -> Result<(Profile, Permit), ApiError> {
    let (site, subject) = (signed.site.id, signed.subject());
    Ok(state
        .db
        .read(move |tx| read_permitted(tx, &subject, site, visitor))
        .await?)
}

fn read_permitted(
    tx: &mut dyn Tx,
    subject: &Subject,
    site: SiteId,
    visitor: VisitorId,
) -> db::Result<(Profile, Permit)> {
    let profile = profile_view::get(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
    let root = profile.visitor;
    let permit = authorize(subject, Action::BanVisitor, Object::Visitor { site, root })?;
    Ok((profile, permit))
}

/// Where the form was opened; the profile where it does not say.
fn back_path(asked: &str, profile: &Profile) -> String {
    match safe_path(asked) {
        "/" => format!("/visitors/{}", profile.visitor),
        path => path.to_owned(),
    }
}

fn page(
    state: &State,
    signed: &Signed,
    profile: &Profile,
    fields: &Fields,
    back: String,
) -> BanPage {
    let length = match fields.get("length") {
        "" => "day",
        chosen => chosen,
    };
    BanPage {
        layout: layout(state, signed, Area::Visitors, &back),
        visitor: profile.visitor,
        name: face::shown_name(
            profile.visitor.0,
            profile.name.as_deref(),
            profile.email.as_deref(),
        ),
        ip: profile.ip.clone(),
        lengths: LENGTHS
            .iter()
            .map(|(name, label, _)| Length {
                name,
                label,
                is_chosen: *name == length,
            })
            .collect(),
        reason: fields.get("reason").to_owned(),
        with_address: fields.is_checked("with_address"),
        back,
        errors: Errors::default(),
    }
}

fn visitor_id(text: &str) -> Result<VisitorId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such visitor"))
}
