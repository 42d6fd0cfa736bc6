//! An upload as it arrives: one multipart field, streamed to a file without a name, counted in bytes.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::blobs::Blobs;
use crate::http::error::ApiError;

/// Bytes of the largest file.
pub(crate) const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes read and thrown away of a body that is too large, so that its sender sees the answer and not a cut.
const MAX_BODY_BYTES: usize = 4 * MAX_FILE_BYTES;
/// A slow upload is cut below this many bytes a second…
const LEAST_RATE: u64 = 16 * 1024;
/// …once this much time has passed.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;
/// Most fields of a form; only one is of use.
const MAX_FIELDS: usize = 8;

/// A file that has arrived whole.
pub(super) struct Received {
    /// Its content, without a name in any folder.
    pub(super) file: File,
    /// Its name as the sender wrote it.
    pub(super) name: String,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// Reads the field `file` of a multipart body.
///
/// # Errors
/// [`ApiError`] 400 without such a field or for an empty one, 413 above 10 MiB, 408 when it is too slow, 507 when the
/// disk is full.
pub(super) async fn receive(
    headers: &HeaderMap,
    payload: web::Payload,
    blobs: &Arc<dyn Blobs>,
) -> Result<Received, ApiError> {
    let cut = Rc::new(Cell::new(None));
    let mut form = Multipart::new(headers, steady(payload, Rc::clone(&cut)));
    let mut received = None;
    for _ in 0..MAX_FIELDS {
        let Some(field) = form.next().await else {
            return received.ok_or_else(|| ApiError::validation("file", "is required"));
        };
        let field = field.map_err(|error| why(&cut, &error))?;
        if field.name() == Some("file") && received.is_none() {
            received = Some(spool(field, blobs, &cut).await?);
        } else {
            pass_over(field, &cut).await?;
        }
    }
    Err(ApiError::malformed("too many fields"))
}

/// What ended a body early.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    TooSlow,
    TooLarge,
}

/// The body as long as it comes fast enough and is not far too large.
fn steady(
    payload: web::Payload,
    cut: Rc<Cell<Option<Cut>>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let start = Instant::now();
    stream::unfold((payload, 0_usize), move |(mut payload, mut seen)| {
        let cut = Rc::clone(&cut);
        async move {
            let deadline = start + GRACE + Duration::from_secs(seen as u64 / LEAST_RATE);
            let chunk = match timeout_at(deadline, payload.next()).await {
                Ok(chunk) => chunk?,
                Err(_) => {
                    cut.set(Some(Cut::TooSlow));
                    return Some((Err(PayloadError::Incomplete(None)), (payload, seen)));
                }
            };
            seen += chunk.as_ref().map_or(0, Bytes::len);
            if seen > MAX_BODY_BYTES {
                cut.set(Some(Cut::TooLarge));
                return Some((Err(PayloadError::Overflow), (payload, seen)));
            }
            Some((chunk, (payload, seen)))
        }
    })
    // The form asks again after the end.
    .fuse()
}

fn why(cut: &Cell<Option<Cut>>, error: &actix_multipart::MultipartError) -> ApiError {
    match cut.get() {
        Some(Cut::TooSlow) => ApiError::too_slow(),
        Some(Cut::TooLarge) => ApiError::too_large(MAX_FILE_BYTES),
        None => ApiError::malformed(format!("the form does not read: {error}")),
    }
}

async fn pass_over(mut field: Field, cut: &Cell<Option<Cut>>) -> Result<(), ApiError> {
    while let Some(chunk) = field.next().await {
        chunk.map_err(|error| why(cut, &error))?;
    }
    Ok(())
}

async fn spool(
    mut field: Field,
    blobs: &Arc<dyn Blobs>,
    cut: &Cell<Option<Cut>>,
) -> Result<Received, ApiError> {
    let name = field
        .content_disposition()
        .and_then(|disposition| {
            let plain = disposition.get_filename().map(str::to_owned);
            let extended = disposition.get_filename_ext();
            extended
                .and_then(|name| String::from_utf8(name.value.clone()).ok())
                .or(plain)
        })
        .unwrap_or_default();
    let place = Arc::clone(blobs);
    let mut file = blocking(move || place.scratch()).await?;
    let (mut size, mut gathered) = (0_usize, BytesMut::new());
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|error| why(cut, &error))?;
        size += chunk.len();
        if size <= MAX_FILE_BYTES {
            gathered.extend_from_slice(&chunk);
        }
        if gathered.len() >= WRITE_BYTES {
            file = write(file, gathered.split()).await?;
        }
    }
    if size > MAX_FILE_BYTES {
        return Err(ApiError::too_large(MAX_FILE_BYTES));
    }
    if size == 0 {
        return Err(ApiError::validation("file", "is empty"));
    }
    Ok(Received {
        file: write(file, gathered).await?,
        name,
        size: size as u64,
    })
}

async fn write(mut file: File, bytes: BytesMut) -> Result<File, ApiError> {
    blocking(move || file.write_all(&bytes).map(|()| file)).await
}

/// Runs file work on a thread that may wait.
///
/// # Errors
/// [`ApiError`] 507 when the disk is full, 503 for everything else that the place says.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let ended = spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(error.to_string()))?;
    ended.map_err(|error| {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&error.kind()) {
            return crate::db::Error::DiskFull.into();
        }
        ApiError::unavailable(format!("the folder of files: {error}"))
    })
}
