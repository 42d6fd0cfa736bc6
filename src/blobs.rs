//! Where the content of uploaded files lies: a trait, and a directory that fulfils it. Rows of files are in `store`.
//!
//! Content never changes once it is there, and its name says nothing of it. Calls block: not for an async thread.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::token;

/// SHA-256 of a content.
pub type BlobHash = [u8; 32];

/// Bytes copied at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Random bytes in a name.
const NAME_BYTES: usize = 16;

/// The name that a content is kept under: 32 hexadecimal digits, random, never used twice.
///
/// Being random, and not the hash, nobody can take up a content again while it is being removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobName(String);

impl BlobName {
    /// A name that nothing has.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; NAME_BYTES];
        token::fill(&mut bytes);
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// Takes a name that was stored; `None` for anything that [`BlobName::random`] does not make.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let fits = text.len() == 2 * NAME_BYTES && text.bytes().all(is_hex);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A content that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is kept under.
    pub name: BlobName,
    /// Its SHA-256.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub size: u64,
}

/// A place for contents.
pub trait Blobs: Send + Sync {
    /// Stores all that `content` has to give under `name`; on return it is on disk. After an error nothing is there.
    ///
    /// # Errors
    /// What reading or the place says.
    fn put(&self, name: &BlobName, content: &mut dyn Read) -> io::Result<Blob>;

    /// Reads at most `length` bytes from the byte `start` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is no such content, or what the place says.
    fn get(&self, name: &BlobName, start: u64, length: u64) -> io::Result<Box<dyn Read + Send>>;

    /// Removes a content, also one whose writing was cut off; one that is not there is no error.
    ///
    /// # Errors
    /// What the place says.
    fn delete(&self, name: &BlobName) -> io::Result<()>;

    /// A file for what is not checked yet: it has no name, and is gone when it is closed, whatever happens.
    ///
    /// # Errors
    /// What the place says.
    fn scratch(&self) -> io::Result<File>;
}

/// A directory of contents, in folders by the first two digits of their names. Several nodes share one.
#[derive(Debug)]
pub struct BlobDirectory {
    root: PathBuf,
}

impl BlobDirectory {
    /// The directory at this path, which is made with mode 0700 when something is put.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        let folder = name.0.get(..2).unwrap_or_default();
        self.root.join(folder).join(&name.0)
    }

    fn partial(&self, name: &BlobName) -> PathBuf {
        self.path(name).with_extension("part")
    }
}

impl Blobs for BlobDirectory {
    fn put(&self, name: &BlobName, content: &mut dyn Read) -> io::Result<Blob> {
        let (path, partial) = (self.path(name), self.partial(name));
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder)?;
        let written = write_synced(&partial, content).and_then(|(hash, size)| {
            fs::rename(&partial, &path)?;
            sync_folder(folder)?;
            Ok(Blob {
                name: name.clone(),
                hash,
                size,
            })
        });
        if written.is_err()
            && let Err(error) = self.delete(name)
        {
            // Its name is in the list of strays, so it is tried again.
            tracing::warn!(%error, "half a file could not be removed");
        }
        written
    }

    fn get(&self, name: &BlobName, start: u64, length: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(start))?;
        Ok(Box::new(file.take(length)))
    }

    fn delete(&self, name: &BlobName) -> io::Result<()> {
        for path in [self.path(name), self.partial(name)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn scratch(&self) -> io::Result<File> {
        make_folder(&self.root)?;
        tempfile::tempfile_in(&self.root)
    }
}

fn write_synced(path: &Path, content: &mut dyn Read) -> io::Result<(BlobHash, u64)> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match content.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        hash.update(bytes);
        file.write_all(bytes)?;
        size += read as u64;
    }
    file.sync_all()?;
    Ok((hash.finalize().into(), size))
}

/// Makes a folder with mode 0700 where it is missing, and flushes the one above it.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = Path::new(".");
    let folder = if folder.as_os_str().is_empty() {
        here
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes and breaks.
    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("cut"));
            }
            buffer[..3].copy_from_slice(b"abc");
            Ok(3)
        }
    }

    fn files(folder: &Path) -> usize {
        let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { 1 };
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| inside(entry.unwrap().path()))
            .sum()
    }

    #[test]
    fn what_was_put_is_read_in_parts_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobDirectory::new(folder.path().join("files"));
        let name = BlobName::random();

        let blob = blobs.put(&name, &mut &b"0123456789"[..]).unwrap();

        let read = |start, length| {
            let mut text = String::new();
            blobs
                .get(&name, start, length)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        };
        assert_eq!(blob.size, 10);
        assert_eq!(blob.hash, <[u8; 32]>::from(Sha256::digest(b"0123456789")));
        assert_eq!(read(0, 10), "0123456789");
        assert_eq!(read(3, 2), "34");
        assert_eq!(read(8, 99), "89");
        assert_eq!(read(99, 1), "");

        blobs.delete(&name).unwrap();
        blobs.delete(&name).unwrap();
        let gone = blobs.get(&name, 0, 1).err().map(|error| error.kind());
        assert_eq!(gone, Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn content_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobDirectory::new(folder.path());

        let put = blobs.put(&BlobName::random(), &mut Broken(false));
        let mut scratch = blobs.scratch().unwrap();
        scratch.write_all(b"x").unwrap();

        assert!(put.is_err());
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn only_our_own_names_are_names() {
        let name = BlobName::random();

        assert_eq!(BlobName::parse(name.as_str()), Some(name));
        for bad in [
            "",
            "..",
            &"g".repeat(32),
            &"A".repeat(32),
            &"a".repeat(33),
            "../../etc/passwd",
        ] {
            assert_eq!(BlobName::parse(bad), None, "{bad}");
        }
    }
}
