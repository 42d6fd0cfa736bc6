//! Settings → API keys → Create: what the key is for, what it may do, whom it acts as, and showing it once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use askama::Template;

use super::Nav;
use super::keys::scope_name;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, NAME_CHARS, required_line};
use crate::domain::ids::{AgentId, SiteId};
use crate::domain::permission::{Action, Permit, Scope};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::agents;
use crate::store::api_keys::{self, KEY_PREFIX, NewApiKey};
use crate::token::Token;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Characters of a key's secret that lists show, to recognise it by.
const SHOWN_CHARS: usize = 4;

#[derive(Template)]
#[template(path = "settings/new_key.html")]
struct NewKeyPage {
    layout: Layout,
    nav: Nav,
    name: String,
    scopes: Vec<ScopeChoice>,
    lifetimes: Vec<Choice>,
    agents: Vec<Choice>,
    bot_name: String,
    is_new_bot: bool,
    is_nobody: bool,
    errors: Errors,
}

/// One box to tick.
struct ScopeChoice {
    field: String,
    name: &'static str,
    about: &'static str,
    word: &'static str,
    is_checked: bool,
}

/// One line of a menu.
struct Choice {
    value: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "settings/made_key.html")]
struct MadeKeyPage {
    layout: Layout,
    nav: Nav,
    name: String,
    key: String,
}

/// What was asked for.
struct Wanted {
    name: String,
    scopes: Vec<Scope>,
    lifetime_ms: Option<i64>,
    acts_as: ActsAs,
}

#[derive(Clone)]
enum ActsAs {
    Nobody,
    Agent(AgentId),
    NewBot(String),
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/keys/new").get(show).post(create));
}

async fn show(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    let page = page(&state, &signed, &Fields::default(), Errors::default()).await?;
    html(StatusCode::OK, &page)
}

async fn page(
    state: &State,
    signed: &Signed,
    fields: &Fields,
    errors: Errors,
) -> Result<NewKeyPage, ApiError> {
    signed.on_site(Action::ManageKeys)?;
    let site = signed.site.id;
    let all = state.db.read(move |tx| agents::of_site(tx, site)).await?;
    let acts_as = fields.get("acts_as");
    Ok(NewKeyPage {
        layout: layout(state, signed, Area::Settings, "/settings/keys"),
        nav: Nav::new(signed, "keys"),
        name: fields.get("name").to_owned(),
        scopes: scope_choices(fields),
        lifetimes: lifetimes(fields.get("lifetime")),
        agents: agent_choices(&all, acts_as),
        bot_name: fields.get("bot_name").to_owned(),
        is_new_bot: acts_as == "new" || acts_as.is_empty(),
        is_nobody: acts_as == "nobody",
        errors,
    })
}

fn scope_choices(fields: &Fields) -> Vec<ScopeChoice> {
    Scope::ALL
        .into_iter()
        .map(|scope| ScopeChoice {
            field: field_of(scope),
            name: scope_name(scope),
            about: scope_about(scope),
            word: scope.as_str(),
            is_checked: fields.is_checked(&field_of(scope)),
        })
        .collect()
}

/// The name of the box of a scope.
fn field_of(scope: Scope) -> String {
    format!("scope_{}", scope.as_str().replace(':', "_"))
}

/// What a scope allows, for who has to decide.
const fn scope_about(scope: Scope) -> &'static str {
    match scope {
        Scope::WebTracking => "Record page views and events. Such a key may stand in a public app.",
        Scope::ReadChats => "All chats with notes, tickets, who answers, and the feed of updates.",
        Scope::WriteChats => "Answer, note, transfer, close and open chats, as the agent below.",
        Scope::ReadVisitors => "Profiles, visits and who is here now.",
        Scope::WriteVisitors => "Ban and disconnect visitors, send greetings.",
        Scope::WriteSettings => "Groups, greetings, forms and canned replies.",
    }
}

fn lifetimes(chosen: &str) -> Vec<Choice> {
    [
        ("", "Never"),
        ("30", "In 30 days"),
        ("90", "In 90 days"),
        ("365", "In a year"),
    ]
    .into_iter()
    .map(|(value, name)| Choice {
        value: value.to_owned(),
        name: name.to_owned(),
        is_chosen: value == chosen,
    })
    .collect()
}

fn agent_choices(all: &[Agent], chosen: &str) -> Vec<Choice> {
    all.iter()
        .filter(|agent| agent.deactivated_at.is_none())
        .map(|agent| {
            let value = agent.id.to_string();
            Choice {
                is_chosen: value == chosen,
                value,
                name: agent.name.clone(),
            }
        })
        .collect()
}

async fn create(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ManageKeys)?;
    let wanted = match read(&fields) {
        Ok(wanted) => wanted,
        Err(errors) => return form_again(&state, &signed, &fields, errors).await,
    };
    let secret = Token::random();
    let (name, key) = (wanted.name.clone(), api_keys::text(&secret));
    let now = state.clock.now();
    let made = state
        .db
        .write(Lane::Admin, move |tx| {
            store(tx, &permit, &wanted, &secret, now)
        })
        .await;
    match made {
        Ok(()) => html(
            StatusCode::OK,
            &MadeKeyPage {
                layout: layout(&state, &signed, Area::Settings, "/settings/keys"),
                nav: Nav::new(&signed, "keys"),
                name,
                key,
            },
        ),
        Err(db::Error::Refused(refusal)) => {
            form_again(&state, &signed, &fields, refusal.into()).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn form_again(
    state: &State,
    signed: &Signed,
    fields: &Fields,
    errors: Errors,
) -> Result<HttpResponse, ApiError> {
    let page = page(state, signed, fields, errors).await?;
    html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn read(fields: &Fields) -> Result<Wanted, Errors> {
    let mut errors = Errors::default();
    let name = errors.check(required_line("name", fields.get("name"), NAME_CHARS));
    let scopes: Vec<Scope> = Scope::ALL
        .into_iter()
        .filter(|scope| fields.is_checked(&field_of(*scope)))
        .collect();
    if scopes.is_empty() {
        errors.add("scopes", "choose at least one");
    }
    if scopes.contains(&Scope::WebTracking) && scopes.len() > 1 {
        errors.add(
            "scopes",
            "a key for tracking may be public, so it can do nothing else",
        );
    }
    let lifetime = errors.check(lifetime(fields.get("lifetime")));
    let acts_as = errors.check(acts_as(fields));
    match (name, lifetime, acts_as) {
        (Some(name), Some(lifetime_ms), Some(acts_as)) if errors.is_empty() => Ok(Wanted {
            name,
            scopes,
            lifetime_ms,
            acts_as,
        }),
        _ => Err(errors),
    }
}

fn lifetime(text: &str) -> Result<Option<i64>, Refusal> {
    match text {
        "" => Ok(None),
        "30" => Ok(Some(30 * DAY_MS)),
        "90" => Ok(Some(90 * DAY_MS)),
        "365" => Ok(Some(365 * DAY_MS)),
        _ => Err(Refusal::invalid("lifetime", "choose when it ends")),
    }
}

fn acts_as(fields: &Fields) -> Result<ActsAs, Refusal> {
    match fields.get("acts_as") {
        "nobody" => Ok(ActsAs::Nobody),
        "new" => required_line("bot_name", fields.get("bot_name"), NAME_CHARS).map(ActsAs::NewBot),
        id => id
            .parse()
            .map(ActsAs::Agent)
            .map_err(|_| Refusal::invalid("acts_as", "choose whom it acts as")),
    }
}

/// Stores the key, and the bot where one is wanted, together.
fn store(
    tx: &mut dyn Tx,
    permit: &Permit,
    wanted: &Wanted,
    secret: &Token,
    now: i64,
) -> db::Result<()> {
    let site = permit.site(&[Action::ManageKeys])?;
    let agent = agent_of(tx, site, &wanted.acts_as, now)?;
    let shown: String = secret.as_str().chars().take(SHOWN_CHARS).collect();
    let new = NewApiKey {
        site,
        name: &wanted.name,
        scopes: &wanted.scopes,
        agent,
        hash: &secret.hash(),
        prefix: &format!("{KEY_PREFIX}{shown}"),
        expires_at: wanted.lifetime_ms.map(|ms| now + ms),
    };
    api_keys::refuse_too_many(tx, permit)?;
    api_keys::create(tx, &new, now)?;
    Ok(())
}

fn agent_of(
    tx: &mut dyn Tx,
    site: SiteId,
    acts_as: &ActsAs,
    now: i64,
) -> db::Result<Option<AgentId>> {
    match acts_as {
        ActsAs::Nobody => Ok(None),
        ActsAs::NewBot(name) => agents::create_bot(tx, site, name, now).map(Some),
        ActsAs::Agent(id) => {
            let found = agents::of_site_by_id(tx, site, *id)?;
            let found = found.filter(|agent| agent.deactivated_at.is_none());
            match found {
                Some(agent) => Ok(Some(agent.id)),
                None => Err(Refusal::invalid("acts_as", "choose whom it acts as").into()),
            }
        }
    }
}
