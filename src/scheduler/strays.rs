//! Removing contents that no row names: of deleted files, of refused uploads, and what a crash left half written.
//!
//! Every node does it: the list is in the database, and removing twice is no harm.

use crate::blobs::Blobs;
use crate::db::{Db, Error, Lane, Result};
use crate::store::blobs;

/// Contents removed at most in one call.
const AT_ONCE: i64 = 500;

/// Removes contents that are due at `now` (Unix milliseconds), at most 500, and returns how many.
///
/// # Errors
/// [`Error::Unavailable`] with what the place says, or any other [`Error`]; what was not removed stays listed.
pub fn remove_strays(db: &Db, place: &dyn Blobs, now: i64) -> Result<usize> {
    let strays = db.read_blocking(move |tx| blobs::strays(tx, now, AT_ONCE))?;
    let mut removed = Vec::with_capacity(strays.len());
    let mut refused = None;
    for name in strays {
        match place.delete(&name) {
            Ok(()) => removed.push(name),
            Err(error) => refused = Some(error),
        }
    }
    let count = removed.len();
    if count > 0 {
        // Given up for good only once it is gone; room is made even while the disk is full.
        db.write_blocking(Lane::Admin, move |tx| blobs::forget_strays(tx, &removed))?;
    }
    refused.map_or(Ok(count), |error| {
        Err(Error::Unavailable(format!("a file stays: {error}")))
    })
}
