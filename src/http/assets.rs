//! Files inside the executable: the dashboard's `static/` and the widget's bundle.
//!
//! Tagged by their SHA-256, compressed once when first asked for. A debug build reads them from disk at each request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{OnceLock, PoisonError, RwLock};

use actix_web::http::header::Header as _;
use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, Encoding, HeaderValue, Preference,
};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::state::State;

/// For names that change with their content.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// For everything that has to be asked for again.
pub(crate) const REVALIDATE: &str = "no-cache";
/// Smaller files are not worth a header.
const LEAST_TO_PACK: usize = 512;
/// Brotli's quality and window: 9 of 11 takes milliseconds for a bundle, and a bundle fits 256 KiB.
const BROTLI_QUALITY: u32 = 9;
const BROTLI_WINDOW_BITS: u32 = 18;
const BROTLI_BUFFER: usize = 4096;
/// Bytes of the hash that stand in URLs and tags.
const TAG_BYTES: usize = 8;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/static/{version}/{path:.*}").get(dashboard_file))
        .service(web::resource("/favicon.ico").get(favicon));
}

/// Where the dashboard's files stand, without a slash at the end: changes whenever one of them does.
#[must_use]
pub fn root(base_path: &str) -> String {
    format!("{base_path}/static/{}", version())
}

/// A hash over all files of the dashboard, taken once.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut all = Sha256::new();
        for name in Static::iter() {
            all.update(name.as_bytes());
            if let Some(file) = Static::get(&name) {
                all.update(file.metadata.sha256_hash());
            }
        }
        hex(&all.finalize())
    })
}

async fn dashboard_file(
    req: HttpRequest,
    state: Data<State>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (wanted, path) = path.into_inner();
    let file = Static::get(&path).ok_or_else(|| ApiError::not_found("there is no such file"))?;
    // A page of an older version may ask for a file of the newer one: right file, but not for ever.
    let is_current = wanted == version() && !cfg!(debug_assertions);
    let caching = if is_current { IMMUTABLE } else { REVALIDATE };
    answer(&req, &state, Asset::new(file), caching).await
}

async fn favicon(req: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let file =
        Static::get("favicon.svg").ok_or_else(|| ApiError::not_found("there is no such file"))?;
    answer(&req, &state, Asset::new(file), REVALIDATE).await
}

/// One file, ready to be sent.
pub(crate) struct Asset {
    bytes: Bytes,
    hash: [u8; 32],
    media_type: String,
}

impl Asset {
    pub(crate) fn new(file: EmbeddedFile) -> Self {
        let hash = file.metadata.sha256_hash();
        let kind = file.metadata.mimetype();
        let is_text =
            kind.starts_with("text/") || kind.ends_with("javascript") || kind.ends_with("json");
        let media_type = if is_text && !kind.contains("charset") {
            format!("{kind}; charset=utf-8")
        } else {
            kind.to_owned()
        };
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Self {
            bytes,
            hash,
            media_type,
        }
    }

    /// The same file under a type that its name does not tell.
    pub(crate) fn of_type(self, media_type: &str) -> Self {
        Self {
            media_type: media_type.to_owned(),
            ..self
        }
    }

    fn is_worth_packing(&self) -> bool {
        let kind = self.media_type.as_str();
        let is_text =
            kind.starts_with("text/") || kind.starts_with("image/svg") || kind.contains("charset");
        is_text && self.bytes.len() >= LEAST_TO_PACK
    }
}

/// Sends a file: 304 where the browser has it, packed where the browser can unpack.
///
/// # Errors
/// [`ApiError`] 503 when no thread can be had for packing.
pub(crate) async fn answer(
    req: &HttpRequest,
    state: &State,
    asset: Asset,
    caching: &'static str,
) -> Result<HttpResponse, ApiError> {
    let tag = format!("W/\"{}\"", hex(&asset.hash));
    let is_known = has_tag(req, &tag);
    let mut answer = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::ETAG, tag))
        .insert_header((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    if is_known {
        return Ok(answer.finish());
    }
    answer.content_type(asset.media_type.as_str());
    let Some(coding) = asset.is_worth_packing().then(|| coding(req)).flatten() else {
        return Ok(answer.body(asset.bytes));
    };
    let packed = state.packed.get(asset, coding).await?;
    answer.insert_header(match coding {
        Coding::Brotli => ContentEncoding::Brotli,
        Coding::Gzip => ContentEncoding::Gzip,
    });
    Ok(answer.body(packed))
}

/// Whether the browser says it has this very content.
fn has_tag(req: &HttpRequest, tag: &str) -> bool {
    let bare = tag.trim_start_matches("W/");
    req.headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|held| held.trim().trim_start_matches("W/") == bare)
}

fn coding(req: &HttpRequest) -> Option<Coding> {
    let accepted = AcceptEncoding::parse(req).ok()?;
    let takes = |encoding: Encoding| {
        accepted.iter().any(|item| {
            matches!(&item.item, Preference::Specific(named) if *named == encoding)
                && item.quality > header::Quality::ZERO
        })
    };
    if takes(Encoding::brotli()) {
        Some(Coding::Brotli)
    } else if takes(Encoding::gzip()) {
        Some(Coding::Gzip)
    } else {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Coding {
    Brotli,
    Gzip,
}

/// Files packed so far, by content and coding: as many as were asked for.
#[derive(Debug, Default)]
pub struct Packed(RwLock<HashMap<([u8; 32], Coding), Bytes>>);

impl Packed {
    async fn get(&self, asset: Asset, coding: Coding) -> Result<Bytes, ApiError> {
        let key = (asset.hash, coding);
        if let Some(packed) = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(packed.clone());
        }
        let packed = web::block(move || pack(&asset.bytes, coding))
            .await
            .map_err(|_| ApiError::unavailable("no thread to pack a file"))?
            .map_err(|error| ApiError::internal(format!("packing a file: {error}")))?;
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, packed.clone());
        Ok(packed)
    }
}

fn pack(bytes: &[u8], coding: Coding) -> std::io::Result<Bytes> {
    let packed = match coding {
        Coding::Brotli => {
            let mut out = Vec::with_capacity(bytes.len() / 3);
            let mut brotli = brotli::CompressorWriter::new(
                &mut out,
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW_BITS,
            );
            brotli.write_all(bytes)?;
            drop(brotli);
            out
        }
        Coding::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(
                Vec::with_capacity(bytes.len() / 3),
                flate2::Compression::best(),
            );
            gzip.write_all(bytes)?;
            gzip.finish()?
        }
    };
    Ok(Bytes::from(packed))
}

fn hex(hash: &[u8]) -> String {
    let bytes: Vec<String> = hash
        .iter()
        .take(TAG_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.concat()
}
