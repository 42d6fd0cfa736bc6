//! An uploaded file: what is known of it, the key that opens it, and the addresses made of that key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::ids::{FileId, SiteId};

/// Random bytes in a [`FileKey`].
pub const SECRET_BYTES: usize = 16;
/// Characters of a [`FileKey`] as text.
const KEY_CHARS: usize = 32;
/// The folder of files in an address.
const FOLDER: &str = "/files/";

/// What opens one file for whoever has it: the file's id and 128 random bits.
#[derive(Clone, Copy)]
pub struct FileKey {
    /// The file.
    pub id: FileId,
    /// The secret.
    pub secret: [u8; SECRET_BYTES],
}

impl FileKey {
    /// Reads a key of 32 characters of base64url; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 8 + SECRET_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (id, secret) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            id: FileId(i64::from_be_bytes(*id)),
            secret: secret.try_into().ok()?,
        })
    }

    /// The key in an address that [`File::url`] may have made.
    #[must_use]
    pub fn in_url(url: &str) -> Option<Self> {
        let (_, rest) = url.rsplit_once(FOLDER)?;
        Self::parse(rest.get(..KEY_CHARS)?)
    }

    /// Whether the secrets are the same, in a time that does not tell where they part.
    #[must_use]
    pub fn fits(&self, secret: &[u8]) -> bool {
        self.secret.ct_eq(secret).into()
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 8 + SECRET_BYTES];
        let (id, secret) = bytes.split_at_mut(8);
        id.copy_from_slice(&self.id.0.to_be_bytes());
        secret.copy_from_slice(&self.secret);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The size of an image as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// One uploaded file.
#[derive(Clone, Debug)]
pub struct File {
    /// What opens it.
    pub key: FileKey,
    /// The site it was uploaded to.
    pub site: SiteId,
    /// Where the uploader's browser reached this Parlor, without a trailing slash.
    pub base_url: String,
    /// Its name with the extension of its type; 1 to 120 characters, no slashes, no control characters.
    pub name: String,
    /// Its type, found out by its content.
    pub content_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its size in pixels, for images that are shown in place.
    pub image: Option<ImageSize>,
    /// The type of its smaller copies.
    pub thumbnail_type: Option<String>,
    /// Whether it is so large that there is a copy of 300 pixels.
    pub has_thumbnail: bool,
    /// Whether it is so large that there is a copy of 600 pixels.
    pub has_thumbnail2x: bool,
}

impl File {
    /// Its address, for everybody who may know of it.
    #[must_use]
    pub fn url(&self) -> String {
        self.address("")
    }

    /// The address of an image at 300 pixels or less; `None` for what is not shown in place.
    #[must_use]
    pub fn thumbnail_url(&self) -> Option<String> {
        let folder = if self.has_thumbnail { "300/" } else { "" };
        self.image.map(|_| self.address(folder))
    }

    /// The address of an image at 600 pixels or less, for fine screens; `None` for what is not shown in place.
    #[must_use]
    pub fn thumbnail2x_url(&self) -> Option<String> {
        let folder = if self.has_thumbnail2x { "600/" } else { "" };
        self.image.map(|_| self.address(folder))
    }

    fn address(&self, folder: &str) -> String {
        let (base, key, name) = (&self.base_url, self.key, encode(&self.name));
        format!("{base}{FOLDER}{key}/{folder}{name}")
    }
}

/// The path in an address that [`File::url`] and its like made, from `/files/` on: what a page of our own links to,
/// wherever the uploader reached this Parlor.
#[must_use]
pub fn path_in(url: &str) -> Option<&str> {
    FileKey::in_url(url)?;
    url.rfind(FOLDER).and_then(|at| url.get(at..))
}

/// A text as one segment of a path, or as the value of an extended header parameter.
#[must_use]
pub fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |nibble: u8| char::from(HEX[usize::from(nibble & 15)]);
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex(byte >> 4), hex(byte)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File {
            key: FileKey {
                id: FileId(77),
                secret: [7; SECRET_BYTES],
            },
            site: SiteId(1),
            base_url: "https://chat.example/base".into(),
            name: "Über uns.png".into(),
            content_type: "image/png".into(),
            size: 3,
            image: None,
            thumbnail_type: None,
            has_thumbnail: false,
            has_thumbnail2x: false,
        }
    }

    #[test]
    fn a_key_is_found_in_its_address() {
        let url = file().url();

        let key = FileKey::in_url(&url).unwrap();

        assert_eq!(key.id, FileId(77));
        assert!(key.fits(&[7; SECRET_BYTES]));
        assert!(!key.fits(&[8; SECRET_BYTES]));
        assert!(!key.fits(&[7; 3]));
        assert!(url.starts_with("https://chat.example/base/files/"), "{url}");
        assert!(url.ends_with("/%C3%9Cber%20uns.png"), "{url}");
        assert_eq!(key.to_string().len(), KEY_CHARS);
        assert_eq!(path_in(&url), url.strip_prefix("https://chat.example/base"));
        assert_eq!(path_in("https://x.example/files/short/a.png"), None);
        assert!(!format!("{key:?}").contains(&key.to_string()));
    }

    #[test]
    fn what_is_no_key_is_none() {
        let long = "a".repeat(33);
        for bad in ["", "a", &long, &"=".repeat(32), &"é".repeat(16)] {
            assert!(FileKey::parse(bad).is_none(), "{bad}");
            assert!(
                FileKey::in_url(&format!("https://x.example/files/{}", &bad)).is_none()
                    || bad == long
            );
        }
        assert!(FileKey::in_url("https://x.example/other").is_none());
    }

    #[test]
    fn only_images_have_thumbnails_and_small_ones_are_their_own() {
        let mut file = file();
        assert_eq!((file.thumbnail_url(), file.thumbnail2x_url()), (None, None));

        file.image = Some(ImageSize {
            width: 400,
            height: 20,
        });
        file.has_thumbnail = true;

        assert!(file.thumbnail_url().unwrap().contains("/300/"));
        assert_eq!(file.thumbnail2x_url(), Some(file.url()));
    }
}
