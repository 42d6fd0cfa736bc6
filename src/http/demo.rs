//! The demo: a small shop that carries the snippet as a stranger's page does. `demo/` is plain files, which any web
//! server can serve once the address and the site key in the snippet are replaced, as here.

use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::assets::{self, Asset};
use super::dashboard::page;
use super::error::ApiError;
use super::extract::own_origin;
use super::state::State;
use crate::store::sites;

/// What stands in the files in place of our address and the site's key.
const SERVER: &str = "http://127.0.0.1:8080";
const SITE_KEY: &str = "SITE-KEY";
const HOME: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "demo/"]
struct Shop;

#[derive(Deserialize)]
struct Choice {
    /// Key of the site that the shop belongs to; without it, the oldest.
    site: Option<String>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/demo").get(home)).service(
        web::resource("/demo/{name:.*}")
            .wrap(from_fn(page::dress_errors))
            .get(file),
    );
}

/// The pages link to each other by bare names, so the shop lives below `/demo/`.
async fn home(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let query = req.query_string();
    let separator = if query.is_empty() { "" } else { "?" };
    HttpResponse::TemporaryRedirect()
        .insert_header((
            header::LOCATION,
            format!("{}/demo/{separator}{query}", state.config.base_path),
        ))
        .finish()
}

async fn file(
    req: HttpRequest,
    state: Data<State>,
    name: Path<String>,
    choice: Query<Choice>,
) -> Result<HttpResponse, ApiError> {
    let name = if name.is_empty() { HOME } else { name.as_str() };
    let file = Shop::get(name).ok_or_else(|| ApiError::not_found("there is no such page"))?;
    if !name.ends_with(".html") {
        return assets::answer(&req, &state, Asset::new(file), assets::REVALIDATE).await;
    }
    let key = site_key(&state, choice.into_inner().site).await?;
    let origin = own_origin(&state.config, &req)
        .ok_or_else(|| ApiError::malformed("the request names no host"))?;
    let page = String::from_utf8_lossy(&file.data)
        .replace(SERVER, &format!("{origin}{}", state.config.base_path))
        .replace(SITE_KEY, &key)
        .replace(".html\"", &format!(".html?site={key}\""))
        .replace(".html#", &format!(".html?site={key}#"));
    let mut answer = HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(Bytes::from(page));
    let policy = HeaderValue::from_str(&page_policy(&origin))
        .map_err(|_| ApiError::malformed("the host is not plain text"))?;
    answer
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(answer)
}

/// What a strict shop would allow: itself, and the Parlor it uses.
fn page_policy(server: &str) -> String {
    let socket = server.replacen("http", "ws", 1);
    format!(
        "default-src 'none'; script-src 'self' {server}; connect-src 'self' {server} {socket}; style-src 'self'; \
         img-src 'self' {server}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The key of a known site: the one asked for, or the oldest.
async fn site_key(state: &State, wanted: Option<String>) -> Result<String, ApiError> {
    if let Some(key) = wanted {
        let site = state.sites.by_key(&key).await?;
        return site
            .map(|site| site.key.clone())
            .ok_or_else(ApiError::site_not_found);
    }
    let all = state.db.read(sites::all).await?;
    all.into_iter().next().map(|site| site.key).ok_or_else(|| {
        ApiError::not_found(
            "there is no site yet: follow the setup link that Parlor printed at its start",
        )
    })
}
