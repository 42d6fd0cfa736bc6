//! Handing a file out: the address is what opens it. Streamed, in parts where asked for, and never as a page.

use std::io::Read;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::spawn_blocking;

use super::range::Part;
use super::receive::blocking;
use crate::domain::file::{File, FileKey, encode};
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text};
use crate::http::state::State;
use crate::store::files::{self, Content, Variant};

/// Bytes read and sent at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// The content of an address never changes; only the browser that asked may keep it.
const CACHE: &str = "private, max-age=31536000, immutable";
/// Whatever it is, it is no page, and runs nothing.
const POLICY: &str = "sandbox; default-src 'none'";
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `GET /files/{key}/{name}`; the name is for people.
pub(super) async fn original(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    answer(&req, &state, &path.0, Variant::Original).await
}

/// `GET /files/{key}/300/{name}`.
pub(super) async fn thumbnail(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    answer(&req, &state, &path.0, Variant::Thumbnail).await
}

/// `GET /files/{key}/600/{name}`.
pub(super) async fn thumbnail2x(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    answer(&req, &state, &path.0, Variant::Thumbnail2x).await
}

/// As for an address where nothing ever was.
fn nothing() -> ApiError {
    ApiError::not_found("there is nothing at this address")
}

async fn answer(
    req: &HttpRequest,
    state: &State,
    key: &str,
    variant: Variant,
) -> Result<HttpResponse, ApiError> {
    let key = FileKey::parse(key).ok_or_else(nothing)?;
    let now = state.clock.now();
    let read = state
        .db
        .read(move |tx| files::content(tx, &key, variant, now));
    let (file, content) = read.await?.ok_or_else(nothing)?;
    let etag = etag(&content);
    let headers = req.headers();
    let asked = |name| header_text(headers, &name);
    if asked(header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&etag)) {
        let mut answer = HttpResponse::NotModified();
        dress(&mut answer, &file, variant, &etag);
        return Ok(answer.finish());
    }
    let is_same = asked(header::IF_RANGE).is_none_or(|known| known == etag);
    let range = asked(header::RANGE).filter(|_| is_same);
    let size = content.size;
    let (mut answer, first, length) = match Part::of(range, size) {
        Part::Whole => (HttpResponse::Ok(), 0, size),
        Part::Bytes { first, last } => {
            let mut answer = HttpResponse::PartialContent();
            answer.insert_header((
                header::CONTENT_RANGE,
                format!("bytes {first}-{last}/{size}"),
            ));
            (answer, first, last - first + 1)
        }
        Part::Outside => {
            let mut answer = HttpResponse::RangeNotSatisfiable();
            answer.insert_header((header::CONTENT_RANGE, format!("bytes */{size}")));
            dress(&mut answer, &file, variant, &etag);
            return Ok(answer.finish());
        }
    };
    dress(&mut answer, &file, variant, &etag);
    let blobs = Arc::clone(&state.blobs);
    let reader = blocking(move || blobs.get(&content.blob, first, length)).await?;
    Ok(answer.body(SizedStream::new(length, chunks(reader, length))))
}

/// Quoted, from the hash of the content.
fn etag(content: &Content) -> String {
    let hex: String = content
        .hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

/// The headers that every answer with a file carries.
fn dress(answer: &mut HttpResponseBuilder, file: &File, variant: Variant, etag: &str) {
    let copy = file.thumbnail_type.as_deref().unwrap_or("image/jpeg");
    let content_type = match (variant, file.content_type.as_str()) {
        (Variant::Original, "text/plain") => "text/plain; charset=utf-8",
        (Variant::Original, own) => own,
        (Variant::Thumbnail | Variant::Thumbnail2x, _) => copy,
    };
    // An image has its size stored only if it was encoded afresh: nothing else is shown in place.
    let place = if file.image.is_some() {
        "inline"
    } else {
        "attachment"
    };
    let plain: String = file
        .name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !"\"\\".contains(c) || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let disposition = format!(
        "{place}; filename=\"{plain}\"; filename*=UTF-8''{}",
        encode(&file.name)
    );
    answer
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((CORP, HeaderValue::from_static("cross-origin")))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .insert_header((header::ETAG, etag));
}

type Reader = Box<dyn Read + Send>;

/// The content in pieces, each read on a thread that may wait.
fn chunks(reader: Reader, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((reader, length), |(mut reader, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(left).unwrap_or(CHUNK_BYTES))];
            reader.read_exact(&mut chunk).map(|()| (chunk, reader))
        });
        let (chunk, reader) = read.await.map_err(std::io::Error::other)??;
        let left = left - chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (reader, left))))
    })
}
