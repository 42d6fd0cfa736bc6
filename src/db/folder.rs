//! The data directory of the embedded database: modes, the lock that keeps a second process out, the reserve file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Given up when the disk is full, so that somebody can log in and delete.
const RESERVE_BYTES: usize = 8 << 20;
const CHUNK_BYTES: usize = 64 << 10;

/// The data directory, locked for as long as this lives.
pub(super) struct Folder {
    dir: PathBuf,
    has_reserve: bool,
    _lock: File,
}

impl Folder {
    /// Makes the directory if needed, and locks it.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        make_dir(dir).map_err(|e| unusable(dir, &e))?;
        let lock = private(&dir.join("parlor.lock")).map_err(|e| unusable(dir, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Unavailable(format!(
                    "another Parlor already serves {}: stop it first, or choose another directory",
                    dir.display()
                )));
            }
            Err(TryLockError::Error(e)) => return Err(unusable(dir, &e)),
        }
        let file = dir.join("parlor.db");
        let is_new = !file.exists();
        private(&file).map_err(|e| unusable(dir, &e))?;
        if is_new {
            sync_dir(dir).map_err(|e| unusable(dir, &e))?;
        }
        let has_reserve = fs::metadata(dir.join("parlor.reserve"))
            .is_ok_and(|file| file.len() == RESERVE_BYTES as u64);
        Ok(Self {
            dir: dir.to_owned(),
            has_reserve,
            _lock: lock,
        })
    }

    /// The database file.
    pub(super) fn database(&self) -> PathBuf {
        self.dir.join("parlor.db")
    }

    /// True when the last process did not end cleanly: its log is still there.
    pub(super) fn has_leftover_log(&self) -> bool {
        fs::metadata(self.dir.join("parlor.db-wal")).is_ok_and(|log| log.len() > 0)
    }

    pub(super) const fn has_reserve(&self) -> bool {
        self.has_reserve
    }

    /// Stops asking for a reserve that does not fit.
    pub(super) const fn go_without_reserve(&mut self) {
        self.has_reserve = true;
    }

    /// Fills the reserve file, with bytes that no file system can store in less room.
    pub(super) fn make_reserve(&mut self) -> io::Result<()> {
        let path = self.dir.join("parlor.reserve");
        let written = fill(&path);
        if written.is_err() {
            self.free_reserve();
        }
        self.has_reserve = written.is_ok();
        written
    }

    /// Gives the reserve back to the file system.
    pub(super) fn free_reserve(&mut self) {
        self.has_reserve = false;
        if let Err(e) = fs::remove_file(self.dir.join("parlor.reserve"))
            && e.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(error = %e, "the reserve file cannot be removed");
        }
    }
}

fn make_dir(dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        return dir.parent().map_or(Ok(()), |parent| {
            sync_dir(if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            })
        });
    }
    // Somebody else's directory is not ours to change; its files are.
    let mode = fs::metadata(dir)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(
            dir = %dir.display(),
            mode = format!("{mode:o}"),
            "the data directory is open to others: chmod 700"
        );
    }
    Ok(())
}

/// Opens a file that only we may read, making it if needed.
fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o177 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn fill(path: &Path) -> io::Result<()> {
    let mut file = private(path)?;
    file.set_len(0)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    getrandom::fill(&mut chunk).map_err(io::Error::other)?;
    for n in 0..RESERVE_BYTES / CHUNK_BYTES {
        chunk[..8].copy_from_slice(&n.to_le_bytes());
        file.write_all(&chunk)?;
    }
    file.sync_all()
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn unusable(dir: &Path, e: &io::Error) -> Error {
    Error::Unavailable(format!("cannot use the directory {}: {e}", dir.display()))
}
