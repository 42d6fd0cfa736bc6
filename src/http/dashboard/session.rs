//! Who is signed in: the login cookie, the extractor that every page asks for, and the ticket of the agents' socket.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::page::wants_page;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, Role};
use crate::domain::ids::{LoginId, SiteId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text, state};
use crate::http::state::State;
use crate::store::logins::{self, NewLogin};
use crate::store::one_time_tokens::{self, Holder, Purpose};
use crate::store::{agents, inbox, inbox_view, sites, tickets};
use crate::token::{Token, TokenHash};

/// The prefix makes browsers insist on Secure, on the whole host and on no Domain.
const COOKIE: &str = "__Host-sid";
/// Longest text kept of what a browser says of itself.
const USER_AGENT_CHARS: usize = 300;

/// The signed-in agent of a request. Without one, people are sent to the login page and scripts get 401.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// The login the cookie stands for.
    pub(crate) login: LoginId,
    /// Who is signed in, as of this request.
    pub(crate) agent: Agent,
    /// The site the login looks at.
    pub(crate) site: Site,
    /// All sites the agent works for.
    pub(crate) sites: Vec<SiteId>,
    /// Chats that wait for this agent, counted to 100.
    pub(crate) waiting: i64,
    /// Open tickets, counted to 100.
    pub(crate) tickets: i64,
    /// Where the inbox stood when this was read: a page's socket goes on from there.
    pub(crate) inbox_head: i64,
}

impl Signed {
    /// What the agent may do now.
    pub(crate) const fn role(&self) -> Role {
        self.agent.role
    }

    /// The agent as the one who asks for permission.
    pub(crate) fn subject(&self) -> Subject {
        Subject::Agent {
            agent: self.agent.id,
            role: self.agent.role,
            sites: self.sites.clone(),
        }
    }

    /// Asks for permission to do this to the site the login looks at.
    ///
    /// # Errors
    /// [`ApiError`] 403, or 404 where existence is itself a secret.
    pub(crate) fn on_site(&self, action: Action) -> Result<Permit, ApiError> {
        Ok(authorize(
            &self.subject(),
            action,
            Object::Site(self.site.id),
        )?)
    }

    /// Asks for permission to change one's own profile, password, status or logins.
    ///
    /// # Errors
    /// [`ApiError`] 403.
    pub(crate) fn on_self(&self) -> Result<Permit, ApiError> {
        Ok(self.permit_on_self()?)
    }

    /// [`Signed::on_self`] for store calls.
    ///
    /// # Errors
    /// The refusal itself.
    pub(crate) fn permit_on_self(&self) -> Result<Permit, Refusal> {
        let object = Object::Agent {
            agent: self.agent.id,
            role: self.agent.role,
        };
        authorize(&self.subject(), Action::ChangeOwnAccount, object)
    }
}

impl FromRequest for Signed {
    type Error = NotSigned;
    type Future = LocalBoxFuture<'static, Result<Self, NotSigned>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let state = state(&req)?;
            match find(state, &req).await? {
                Some(signed) => Ok(signed),
                None => Err(NotSigned::send_to_login(state, &req)),
            }
        })
    }
}

/// The signed-in agent of a request, if any; for pages that are for everybody.
///
/// # Errors
/// What the database says.
pub(crate) async fn find(state: &State, req: &HttpRequest) -> Result<Option<Signed>, ApiError> {
    let Some(hash) = cookie_hash(req) else {
        return Ok(None);
    };
    let now = state.clock.now();
    let found = state.db.read(move |tx| read(tx, &hash, now)).await?;
    if let Some((signed, last_seen_at)) = &found
        && now - last_seen_at >= logins::TOUCH_AFTER_MS
    {
        let login = signed.login;
        let touched = state
            .db
            .write(Lane::Tracking, move |tx| logins::touch(tx, login, now))
            .await;
        // Reading goes on while nothing can be written; the idle limit is a week away.
        if let Err(error) = touched {
            tracing::warn!(%error, "the time of a login could not be stored");
        }
    }
    Ok(found.map(|(signed, _)| signed))
}

fn read(tx: &mut dyn Tx, hash: &TokenHash, now: i64) -> db::Result<Option<(Signed, i64)>> {
    let Some(open) = logins::open(tx, hash, now)? else {
        return Ok(None);
    };
    let (Some(agent), Some(site)) = (agents::get(tx, open.agent)?, sites::by_id(tx, open.site)?)
    else {
        return Ok(None);
    };
    let mut signed = Signed {
        login: open.login,
        sites: agents::sites_of(tx, agent.id)?,
        waiting: inbox_view::waiting(tx, site.id, agent.id)?,
        tickets: tickets::open_on(tx, site.id)?,
        inbox_head: 0,
        agent,
        site,
    };
    let permit = authorize(
        &signed.subject(),
        Action::ReadInbox,
        Object::Site(signed.site.id),
    )?;
    signed.inbox_head = inbox::head(tx, &permit)?;
    Ok(Some((signed, open.last_seen_at)))
}

/// The hash of the login cookie, if the request has a well-formed one.
pub(crate) fn cookie_hash(req: &HttpRequest) -> Option<TokenHash> {
    let cookie = req.cookie(COOKIE)?;
    Token::parse(cookie.value()).map(|token| token.hash())
}

/// A new login inside a transaction: the one of the cookie that came along ends, the new value is for the answer.
pub(crate) fn start(
    tx: &mut dyn Tx,
    new: &NewLogin<'_>,
    replaced: Option<&TokenHash>,
    now: i64,
) -> db::Result<LoginId> {
    if let Some(old) = replaced
        && let Some(open) = logins::open(tx, old, now)?
    {
        logins::revoke(tx, open.agent, open.login, now)?;
    }
    logins::create(tx, new, now)
}

/// What a login keeps of the browser that made it.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// Its own words, cut.
    pub(crate) user_agent: String,
    /// Its truncated address.
    pub(crate) ip: String,
    /// The login it had before.
    pub(crate) replaced: Option<TokenHash>,
}

impl Browser {
    /// Reads it from a request.
    pub(crate) fn of(req: &HttpRequest, address: ClientIp) -> Self {
        let words = header_text(req.headers(), &header::USER_AGENT).unwrap_or_default();
        Self {
            user_agent: words.chars().take(USER_AGENT_CHARS).collect(),
            ip: address.truncated(),
            replaced: cookie_hash(req),
        }
    }
}

/// The cookie of a new login.
pub(crate) fn cookie(token: &Token) -> Cookie<'static> {
    Cookie::build(COOKIE, token.as_str().to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::milliseconds(logins::ABSOLUTE_MS))
        .finish()
}

/// The cookie that takes the login away from the browser.
pub(crate) fn no_cookie() -> Cookie<'static> {
    let mut cookie = cookie(&Token::random());
    cookie.set_value("");
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// Nobody is signed in, or it could not be found out.
#[derive(Debug)]
pub(crate) enum NotSigned {
    /// A person: on to this address.
    Redirect(String),
    /// A script, or a fault.
    Error(ApiError),
}

impl NotSigned {
    fn send_to_login(state: &State, req: &HttpRequest) -> Self {
        if !wants_page(req.headers()) {
            return Self::Error(ApiError::authentication());
        }
        let base = &state.config.base_path;
        let asked = req
            .uri()
            .path_and_query()
            .map_or("/", |asked| asked.as_str());
        let below = asked.strip_prefix(base.as_str()).unwrap_or("/");
        // What was posted cannot be taken along, so only pages are come back to.
        if *req.method() != Method::GET || below == "/" || below.is_empty() {
            return Self::Redirect(format!("{base}/login"));
        }
        let next: String = url::form_urlencoded::byte_serialize(below.as_bytes()).collect();
        Self::Redirect(format!("{base}/login?next={next}"))
    }
}

impl From<ApiError> for NotSigned {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl std::fmt::Display for NotSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redirect(_) => f.write_str("nobody is signed in"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

impl ResponseError for NotSigned {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Redirect(_) => StatusCode::FOUND,
            Self::Error(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Redirect(to) => HttpResponse::Found()
                .insert_header((header::LOCATION, to.as_str()))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish(),
            Self::Error(error) => error.error_response(),
        }
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/live/ticket").post(make_ticket));
}

#[derive(Serialize)]
struct Ticket<'a> {
    ticket: &'a str,
}

/// A ticket for the agents' socket: good once, for 30 s, and only together with this login's cookie.
async fn make_ticket(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    let token = Token::random();
    let (hash, now) = (token.hash(), state.clock.now());
    let holder = Holder {
        agent: Some(signed.agent.id),
        login: Some(signed.login),
    };
    state
        .db
        .write(Lane::Admin, move |tx| {
            one_time_tokens::create(tx, Purpose::Socket, &hash, holder, now)
        })
        .await?;
    Ok(HttpResponse::Ok().json(Ticket {
        ticket: token.as_str(),
    }))
}

/// Uses up a ticket of this login; false for any other, an old or a used one.
///
/// # Errors
/// 429 after ten wrong ones, or what the database says.
pub(crate) async fn redeem_ticket(
    state: &State,
    signed: &Signed,
    address: ClientIp,
    ticket: &str,
) -> Result<bool, ApiError> {
    let now = state.clock.now();
    let account = format!("tickets of login {}", signed.login);
    let attempt = state.limits.credential(&account, address, now)?;
    let Some(token) = Token::parse(ticket) else {
        return Ok(false);
    };
    let hash = token.hash();
    let holder = state
        .db
        .write(Lane::Admin, move |tx| {
            one_time_tokens::take(tx, Purpose::Socket, &hash, now)
        })
        .await?;
    let is_good = holder.is_some_and(|holder| holder.login == Some(signed.login));
    if is_good {
        attempt.succeeded();
    }
    Ok(is_good)
}
