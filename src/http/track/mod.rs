//! `POST /track`: a batch of calls from a page or an SDK, each answered by itself.
//!
//! The body is plain text of JSON, so that a browser asks no permission first; a site key names the site, the visitor's
//! token in the body the visitor. One job on the tracking lane writes the batch (`store::batches`).

mod answer;
mod envelope;
mod greeting;
mod online;
mod widget_config;

use std::sync::Arc;

use actix_web::http::header::{self, HeaderName};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use self::answer::Answer;
use self::envelope::Envelope;
use self::online::Online;
use super::api_key;
use super::error::ApiError;
use super::extract::{ClientIp, header_text, read_body};
use super::guard::{self, PageOrigin};
use super::state::State;
use crate::db::{Error, Lane};
use crate::domain::activity::{Call, Refused};
use crate::domain::context::Context;
use crate::domain::ids::SiteId;
use crate::domain::permission::Scope;
use crate::domain::site::Site;
use crate::store::batches::{Batch, Recorded, record};
use crate::store::visitor_tokens;

/// The largest body: what `sendBeacon` takes.
const BODY_BYTES: usize = 64 * 1024;
/// How often a batch is written again when two browsers take one user id at the same moment.
const RECORD_TRIES: u32 = 3;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/track")
            .app_data(Data::new(Online::default()))
            .route(web::post().to(track))
            .route(web::method(actix_web::http::Method::OPTIONS).to(preflight)),
    );
}

async fn track(
    req: HttpRequest,
    payload: Payload,
    state: Data<State>,
    online: Data<Online>,
    ip: ClientIp,
) -> HttpResponse {
    match serve(&req, payload, &state, &online, ip).await {
        Ok(answer) => answer,
        Err(error) => guard::early_refusal(&state, &req, error).await,
    }
}

/// The answer as the page may read it, or why none of its site's was given.
async fn serve(
    req: &HttpRequest,
    payload: Payload,
    state: &State,
    online: &Online,
    ip: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(ip)?;
    let body = read_body(payload, BODY_BYTES).await?;
    let body = std::str::from_utf8(&body).map_err(|error| {
        let place = error.valid_up_to();
        ApiError::malformed(format!("the body is not UTF-8 at byte {place}"))
    })?;
    let envelope = Envelope::parse(body)?;
    let site = find_site(req, state, ip, envelope.site.as_deref()).await?;
    let origin = guard::check_origin(state, &site, req)?;
    let request = Request {
        req,
        state,
        ip,
        site,
    };
    let answer = request.answer(&envelope, online).await;
    Ok(guard::with_cors(answer, &origin))
}

/// A preflight has no body to name its site in, so it is answered for the origins of all sites; the request itself is
/// judged by its own.
async fn preflight(
    req: HttpRequest,
    state: Data<State>,
    ip: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(ip)?;
    match guard::any_origin(&state, &req).await? {
        PageOrigin::Absent => Err(ApiError::origin_not_allowed()),
        allowed @ PageOrigin::Allowed(_) => Ok(guard::preflight(&allowed, "POST")),
    }
}

async fn find_site(
    req: &HttpRequest,
    state: &State,
    ip: ClientIp,
    key: Option<&str>,
) -> Result<Arc<Site>, ApiError> {
    let found = match (key_site(req, state, ip).await?, key) {
        (Some(site), key) => state
            .sites
            .by_id(site)
            .await?
            .filter(|site| key.is_none_or(|key| key == site.key)),
        (None, Some(key)) => state.sites.by_key(key).await?,
        (None, None) => return Err(ApiError::validation("site", "is required")),
    };
    found.ok_or_else(ApiError::site_not_found)
}

/// The site of the API key that the request carries, which must be for tracking.
async fn key_site(
    req: &HttpRequest,
    state: &State,
    ip: ClientIp,
) -> Result<Option<SiteId>, ApiError> {
    let Some(key) = api_key::find(req, state, ip).await? else {
        return Ok(None);
    };
    if !key.scopes.contains(&Scope::WebTracking) {
        return Err(ApiError::not_allowed());
    }
    Ok(Some(key.site))
}

/// A request whose page may call.
struct Request<'a> {
    req: &'a HttpRequest,
    state: &'a State,
    ip: ClientIp,
    site: Arc<Site>,
}

impl Request<'_> {
    async fn answer(
        &self,
        envelope: &Envelope<'_>,
        online: &Online,
    ) -> Result<HttpResponse, ApiError> {
        let is_online = online.of(self.state, self.site.id).await?;
        let mut answer = Answer::new();
        if widget_config::version(&self.site, is_online) != envelope.config {
            answer.config = Some(widget_config::of(self.state, &self.site, is_online));
        }
        let (read, calls) = read_calls(envelope);
        if self.refuses_tracking() {
            answer.refuse_all(read);
        } else {
            self.limit(envelope, read.len())?;
            let recorded = self.record(envelope, calls).await?;
            if let Some(recorded) = &recorded {
                greeting::fill(self.state, &self.site, recorded.bearer, &mut answer).await?;
            }
            answer.fill(read, recorded);
        }
        Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(answer))
    }

    /// Whether the browser asks not to be tracked, and the site heeds that.
    fn refuses_tracking(&self) -> bool {
        let asks =
            |name| header_text(self.req.headers(), &HeaderName::from_static(name)) == Some("1");
        self.site.settings.honour_dnt && (asks("dnt") || asks("sec-gpc"))
    }

    fn limit(&self, envelope: &Envelope<'_>, calls: usize) -> Result<(), ApiError> {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        if calls == 0 {
            return Ok(());
        }
        match &envelope.token {
            Some(token) => self.state.limits.activities(token.as_str(), calls)?,
            None => self.state.limits.activities(self.ip.limit_key(), calls)?,
        }
        Ok(())
    }

    /// Writes what could be read; `None` where there is nothing to write and nobody to know.
    async fn record(
        &self,
        envelope: &Envelope<'_>,
        calls: Vec<Call>,
    ) -> Result<Option<Recorded>, ApiError> {
        let now = self.state.clock.now();
        if calls.is_empty() && self.is_known(envelope, now).await? {
            return Ok(None);
        }
        let user_agent = header_text(self.req.headers(), &header::USER_AGENT).unwrap_or_default();
        let batch = Arc::new(Batch {
            site: Arc::clone(&self.site),
            token: envelope.token.clone(),
            sent_at: envelope.sent_at,
            context: Context::parse(envelope.context, user_agent, self.ip.truncated())?,
            calls,
        });
        let mut tries = 0;
        loop {
            tries += 1;
            let batch = Arc::clone(&batch);
            let write = move |tx: &mut dyn crate::db::Tx| record(tx, &batch, now);
            match self.state.db.write(Lane::Tracking, write).await {
                // A user id was taken between the look and the write: look again.
                Err(Error::Unique(_)) if tries < RECORD_TRIES => {}
                written => return Ok(Some(written?)),
            }
        }
    }

    /// Whether a batch without calls has nothing to do: it brings no token, or one that is bound already.
    async fn is_known(&self, envelope: &Envelope<'_>, now: i64) -> Result<bool, ApiError> {
        let Some(token) = &envelope.token else {
            return Ok(true);
        };
        let hash = token.hash();
        let bearer = self
            .state
            .db
            .read(move |tx| visitor_tokens::find(tx, &hash))
            .await?;
        match bearer {
            Some(bearer) if bearer.site != self.site.id || bearer.has_ended(now) => {
                Err(ApiError::authentication())
            }
            known => Ok(known.is_some()),
        }
    }
}

/// The id of a call that could be read, or why it could not.
type Read = Result<String, Refused>;

/// Reads the calls: what is to be answered of each, in their order, and those that can be stored.
fn read_calls(envelope: &Envelope<'_>) -> (Vec<Read>, Vec<Call>) {
    let mut calls = Vec::with_capacity(envelope.calls.len());
    let read = envelope.calls.iter().map(|raw| {
        let call = Call::parse(raw)?;
        let id = call.id.clone();
        calls.push(call);
        Ok(id)
    });
    (read.collect(), calls)
}
