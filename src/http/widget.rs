//! What a stranger's page loads: `/widget.js`, and the modules that it imports when the visitor opens the messenger.

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

#[derive(RustEmbed)]
#[folder = "widget/dist/"]
struct Bundle;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/widget.js").get(loader))
        .service(web::resource("/widget/{name}").get(module));
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
    let caching = if cfg!(debug_assertions) {
        assets::REVALIDATE
    } else {
        SHORT
    };
    file(&req, &state, LOADER, caching).await
}

async fn module(
    req: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    if *name == LOADER || *name == MANIFEST {
        return Err(ApiError::not_found("there is no such file"));
    }
    file(&req, &state, &name, assets::IMMUTABLE).await
}

async fn file(
    req: &HttpRequest,
    state: &State,
    name: &str,
    caching: &'static str,
) -> Result<HttpResponse, ApiError> {
    let file = Bundle::get(name).ok_or_else(|| ApiError::not_found("there is no such file"))?;
    let mut answer = assets::answer(req, state, Asset::new(file), caching).await?;
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
