//! What a stranger's page loads: `/widget.js` and the modules that it imports when the visitor opens the messenger, and the
//! Customer SDK for pages that draw a chat of their own.

use std::sync::OnceLock;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;

use super::assets::{self, Asset};
use super::error::ApiError;
use super::state::State;

/// The snippet names no version, so browsers ask again after five minutes and may use what they have meanwhile.
const SHORT: &str = "public, max-age=300, stale-while-revalidate=86400";
const LOADER: &str = "widget.js";
const MANIFEST: &str = "manifest.json";
/// The SDK's files below `/sdk/` with their types: a guess by the ending takes TypeScript for a film.
const SDK: [(&str, &str); 3] = [
    ("customer-sdk.js", "text/javascript; charset=utf-8"),
    ("customer-sdk.mjs", "text/javascript; charset=utf-8"),
    ("customer-sdk.d.ts", "application/typescript; charset=utf-8"),
];

#[derive(RustEmbed)]
#[folder = "widget/dist/"]
struct Bundle;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/widget.js").get(loader))
        .service(web::resource("/widget/{name}").get(module));
    for (name, media_type) in SDK {
        let serve = move |req, state| sdk(req, state, name, media_type);
        cfg.service(web::resource(format!("/sdk/{name}")).get(serve));
    }
}

/// The file name of the messenger module, below `/widget/`; empty if the bundle was built without one.
#[must_use]
pub fn messenger_file() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        Bundle::get(MANIFEST)
            .and_then(|file| serde_json::from_slice::<serde_json::Value>(&file.data).ok())
            .and_then(|manifest| Some(manifest.get("messenger")?.as_str()?.to_owned()))
            .unwrap_or_default()
    })
}

async fn loader(req: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    file(&req, &state, asset(LOADER)?, short()).await
}

async fn sdk(
    req: HttpRequest,
    state: Data<State>,
    name: &'static str,
    media_type: &'static str,
) -> Result<HttpResponse, ApiError> {
    file(&req, &state, asset(name)?.of_type(media_type), short()).await
}

const fn short() -> &'static str {
    if cfg!(debug_assertions) {
        assets::REVALIDATE
    } else {
        SHORT
    }
}

async fn module(
    req: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let has_own_address = SDK.iter().any(|(sdk, _)| *name == *sdk);
    if *name == LOADER || *name == MANIFEST || has_own_address {
        return Err(ApiError::not_found("there is no such file"));
    }
    file(&req, &state, asset(&name)?, assets::IMMUTABLE).await
}

fn asset(name: &str) -> Result<Asset, ApiError> {
    Bundle::get(name)
        .map(Asset::new)
        .ok_or_else(|| ApiError::not_found("there is no such file"))
}

async fn file(
    req: &HttpRequest,
    state: &State,
    asset: Asset,
    caching: &'static str,
) -> Result<HttpResponse, ApiError> {
    let mut answer = assets::answer(req, state, asset, caching).await?;
    let headers = answer.headers_mut();
    // Public bytes without cookies: every page may import them, also one that isolates itself.
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    Ok(answer)
}
