//! Taking a file in: receive, find out what it is, write its contents, store its row. One way for all who may upload.
//!
//! The order holds against a crash: names are announced, contents written, then the row; whatever has no row is removed.

use std::fs::File as DiskFile;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, http::StatusCode};

use super::picture::{self, Prepared, Unfit};
use super::receive::{Received, blocking, receive};
use super::sniff::{self, Kind, Picture};
use crate::blobs::{Blob, BlobName, Blobs};
use crate::db::{Lane, Tx};
use crate::domain::file::{File, SECRET_BYTES};
use crate::domain::ids::SiteId;
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::error::ApiError;
use crate::http::extract::own_origin;
use crate::http::state::State;
use crate::store::files::{self, NewFile};
use crate::token;

/// Takes the field `file` of a multipart request in, for a subject that was authenticated.
///
/// # Errors
/// [`ApiError`]: `validation` of `file` for what is not on the list of types or is no readable image, `too_large` above
/// 10 MiB, `limit_reached` above the quotas of a day, `authorization`, or a passing one.
pub(crate) async fn upload(
    req: &HttpRequest,
    payload: web::Payload,
    state: &Data<State>,
    subject: &Subject,
    site: SiteId,
) -> Result<File, ApiError> {
    let permit = authorize(subject, Action::Upload, Object::Site(site))?;
    let base_url = base_url(req, state)?;
    let busy = |_| ApiError::unavailable("too many uploads at once");
    let _place = state.uploads.receiving.try_acquire().map_err(busy)?;
    check_quota(state, &permit).await?;
    let received = receive(req.headers(), payload, &state.blobs).await?;
    let taken = take(state, received).await?;
    let new = write(state, taken, base_url).await?;
    let now = state.clock.now();
    let job = move |tx: &mut dyn Tx| files::insert(tx, &permit, &new, now);
    Ok(state.db.write(Lane::Chat, job).await?)
}

/// Where the uploader's browser reaches this Parlor: the addresses of files begin so.
fn base_url(req: &HttpRequest, state: &State) -> Result<String, ApiError> {
    let origin = own_origin(&state.config, req)
        .ok_or_else(|| ApiError::malformed("the request names no host"))?;
    Ok(format!("{origin}{}", state.config.base_path))
}

/// Before the body is read: who has used the day's quota up does not send ten more megabytes.
async fn check_quota(state: &State, permit: &Permit) -> Result<(), ApiError> {
    let (permit, now) = (permit.clone(), state.clock.now());
    let check = move |tx: &mut dyn Tx| files::check_quota(tx, &permit, 1, now);
    Ok(state.db.read(check).await?)
}

/// An upload that may be stored.
struct Taken {
    name: String,
    content_type: &'static str,
    content: Content,
}

enum Content {
    /// As it came.
    Plain(DiskFile),
    /// Encoded afresh.
    Image(Prepared),
}

async fn take(state: &State, received: Received) -> Result<Taken, ApiError> {
    let Received {
        mut file,
        name,
        size,
    } = received;
    let (file, kind) = blocking(move || sniff::kind(&mut file).map(|kind| (file, kind))).await?;
    let kind = kind.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "validation",
            "files of this type are not taken",
        )
        .with_field("file")
    })?;
    let name = sniff::name(&name, &kind);
    let content = match kind.picture {
        None => Content::Plain(file),
        Some(picture) => Content::Image(prepare(state, file, size, picture).await?),
    };
    let Kind { content_type, .. } = kind;
    Ok(Taken {
        name,
        content_type,
        content,
    })
}

/// Decodes and encodes on the pool of two.
async fn prepare(
    state: &State,
    mut file: DiskFile,
    size: u64,
    picture: Picture,
) -> Result<Prepared, ApiError> {
    let busy = |_| ApiError::unavailable("too many images wait");
    let _admitted = state.uploads.admitted.try_acquire().map_err(busy)?;
    let _turn = state
        .uploads
        .decoding
        .acquire()
        .await
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let prepared = blocking(move || {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(picture::prepare(&bytes, picture))
    });
    prepared.await?.map_err(|unfit| {
        let message = match unfit {
            Unfit::TooManyPixels => "the image has more than 25 megapixels",
            Unfit::Broken => "the image cannot be read",
        };
        ApiError::validation("file", message)
    })
}

/// Announces and writes the contents; the row is the caller's to store.
async fn write(state: &State, taken: Taken, base_url: String) -> Result<NewFile, ApiError> {
    let count = match &taken.content {
        Content::Plain(_) => 1,
        Content::Image(image) => {
            1 + usize::from(image.thumbnail.is_some()) + usize::from(image.thumbnail2x.is_some())
        }
    };
    let names: Vec<BlobName> = (0..count).map(|_| BlobName::random()).collect();
    let (announced, now) = (names.clone(), state.clock.now());
    let announce = move |tx: &mut dyn Tx| crate::store::blobs::announce(tx, &announced, now);
    state.db.write(Lane::Chat, announce).await?;
    let blobs = Arc::clone(&state.blobs);
    let Taken {
        name,
        content_type,
        content,
    } = taken;
    let written = blocking(move || put(&*blobs, content, &names)).await?;
    let mut secret = [0; SECRET_BYTES];
    token::fill(&mut secret);
    Ok(NewFile {
        secret,
        base_url,
        name,
        content_type: content_type.to_owned(),
        ..written
    })
}

/// Writes the contents under these names, of which there are as many as contents.
fn put(blobs: &dyn Blobs, content: Content, names: &[BlobName]) -> io::Result<NewFile> {
    let mut names = names.iter();
    let mut put = |content: &mut dyn Read| -> io::Result<Blob> {
        let name = names
            .next()
            .ok_or_else(|| io::Error::other("fewer names than contents"))?;
        blobs.put(name, content)
    };
    let (content, image) = match content {
        Content::Plain(mut file) => {
            file.seek(SeekFrom::Start(0))?;
            (put(&mut file)?, None)
        }
        Content::Image(image) => (put(&mut &*image.bytes)?, Some(image)),
    };
    let mut copy = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| put(&mut &**bytes)).transpose();
    Ok(NewFile {
        secret: [0; SECRET_BYTES],
        base_url: String::new(),
        name: String::new(),
        content_type: String::new(),
        content,
        thumbnail: copy(image.as_ref().and_then(|image| image.thumbnail.as_ref()))?,
        thumbnail2x: copy(image.as_ref().and_then(|image| image.thumbnail2x.as_ref()))?,
        thumbnail_type: image.as_ref().map(|image| image.thumbnail_type),
        image: image.as_ref().map(|image| image.size),
    })
}
