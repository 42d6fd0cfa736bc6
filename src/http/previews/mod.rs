//! Previews of addresses that people write: fetched through a guard, read, kept for a day.
//!
//! Off until a site's owner switches it on: then an address that a visitor writes is fetched from here.

mod fetch;
mod guard;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::db::{self, Error, Lane, Tx};
use crate::http::state::State;
use crate::store::url_infos;

/// Pages fetched at once, each on a thread of its own; more are turned away for a moment.
const AT_ONCE: usize = 8;

/// How long one who asks waits for a page.
const WAIT: Duration = Duration::from_secs(2);

/// How addresses are fetched; only tests change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewOptions {
    /// Whether addresses of this machine may be fetched, on any port. For tests alone.
    pub allow_loopback: bool,
    /// How long a page, all its redirects and its image may take together.
    pub timeout: Duration,
}

impl Default for PreviewOptions {
    fn default() -> Self {
        Self {
            allow_loopback: false,
            timeout: Duration::from_secs(5),
        }
    }
}

/// What fetches pages.
pub(crate) struct Previews {
    fetching: Arc<Semaphore>,
    fetcher: Arc<fetch::Fetcher>,
}

impl Previews {
    pub(crate) fn new(options: PreviewOptions) -> Self {
        Self {
            fetching: Arc::new(Semaphore::new(AT_ONCE)),
            fetcher: Arc::new(fetch::Fetcher::new(options)),
        }
    }

    /// Fetches on a thread of its own: a stop does not wait for somebody else's server.
    async fn fetch(&self, url: String) -> db::Result<Map<String, Value>> {
        let permit = Arc::clone(&self.fetching)
            .try_acquire_owned()
            .map_err(|_| Error::Unavailable("too many previews at once".into()))?;
        let fetcher = Arc::clone(&self.fetcher);
        let (tell, told) = oneshot::channel();
        let work = move || {
            // Nobody may be waiting any more.
            drop(tell.send(fetcher.info(&url)));
            drop::<OwnedSemaphorePermit>(permit);
        };
        std::thread::Builder::new()
            .name("parlor-preview".into())
            .spawn(work)
            .map_err(|error| Error::Unavailable(format!("a thread for a preview: {error}")))?;
        told.await.map_err(|_| Error::Panicked)
    }
}

/// What is behind a web address in its normal form, in the words of the chat protocol; empty where nothing was found.
///
/// A page that takes longer than two seconds is there for the next who asks: a connection does one thing after the other,
/// and messages are not to wait for somebody else's server.
///
/// # Errors
/// [`Error::Unavailable`] when too many are fetched at once, or any other [`Error`].
pub(crate) async fn info(state: &Data<State>, url: &str) -> db::Result<Map<String, Value>> {
    let (asked, now) = (url.to_owned(), state.clock.now());
    let kept = state.db.read(move |tx| url_infos::fresh(tx, &asked, now));
    if let Some(kept) = kept.await? {
        return serde_json::from_str(&kept).map_err(|error| Error::Db(error.to_string()));
    }
    let fetched = actix_web::rt::spawn(fetch_and_keep(state.clone(), url.to_owned()));
    match timeout(WAIT, fetched).await {
        Ok(fetched) => fetched.map_err(|_| Error::Panicked)?,
        Err(_) => Ok(Map::new()),
    }
}

async fn fetch_and_keep(state: Data<State>, url: String) -> db::Result<Map<String, Value>> {
    let info = state.previews.fetch(url.clone()).await?;
    let json = serde_json::to_string(&info).map_err(|error| Error::Db(error.to_string()))?;
    let now = state.clock.now();
    let keep = move |tx: &mut dyn Tx| url_infos::keep(tx, &url, &json, now);
    state.db.write(Lane::Tracking, keep).await?;
    Ok(info)
}
