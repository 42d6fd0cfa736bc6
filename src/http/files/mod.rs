//! Uploaded files: taking one in, and handing it out to whoever has its address.
//!
//! Who may upload is decided by each way in (visitors, dashboard, API), which then call [`upload`]. A file's address
//! is what opens it; rows are in `store::files`, contents in `blobs`.

mod picture;
mod range;
mod receive;
mod serve;
mod sniff;
mod strip;
mod upload;
mod zip;

use actix_web::web::{self, ServiceConfig};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::domain::file::File;

pub(crate) use upload::upload;

/// Uploads that arrive at once; more are turned away for a moment.
const RECEIVING: usize = 64;
/// Images decoded at once: each may take 256 MiB and a core.
const DECODING: usize = 2;
/// Images being decoded and those that wait.
const ADMITTED: usize = 32;

/// How many uploads this process works on at once.
#[derive(Debug)]
pub(crate) struct Pool {
    receiving: Semaphore,
    admitted: Semaphore,
    decoding: Semaphore,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            receiving: Semaphore::new(RECEIVING),
            admitted: Semaphore::new(ADMITTED),
            decoding: Semaphore::new(DECODING),
        }
    }
}

/// A file as the JSON of the dashboard and the API describes it; `url` is what a file event takes.
pub(crate) fn described(file: &File) -> Value {
    let mut described = json!({
        "url": file.url(),
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
    });
    if let Some(size) = file.image {
        described["width"] = size.width.into();
        described["height"] = size.height.into();
        described["thumbnail_url"] = file.thumbnail_url().into();
        described["thumbnail2x_url"] = file.thumbnail2x_url().into();
    }
    described
}

/// Registers the addresses of files.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/files/{key}/{name}", web::get().to(serve::original));
    cfg.route("/files/{key}/300/{name}", web::get().to(serve::thumbnail));
    cfg.route("/files/{key}/600/{name}", web::get().to(serve::thumbnail2x));
}
