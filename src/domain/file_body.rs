//! A file in a chat: what its event shows. The upload itself is a row of its own.

use serde::{Deserialize, Serialize};

use super::file::File;
use super::ids::FileId;

/// The uploaded file that an event shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBody {
    /// The upload.
    pub id: FileId,
    /// Where it is fetched, as the upload gave it out; whoever knows it may.
    pub url: String,
    /// The name it was uploaded under.
    pub name: String,
    /// The type its content was found to have, for example `image/png`.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    /// Of an image, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    /// Of an image, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// A smaller picture of an image, 300 pixels wide or high at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// The same with 600 pixels, for dense screens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail2x_url: Option<String>,
    /// What the picture shows, for people who do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative_text: Option<String>,
}

impl FileBody {
    /// What an event shows of this upload.
    #[must_use]
    pub fn of(file: &File, alternative_text: Option<String>) -> Self {
        Self {
            id: file.key.id,
            url: file.url(),
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            size: i64::try_from(file.size).unwrap_or(i64::MAX),
            width: file.image.map(|image| image.width.into()),
            height: file.image.map(|image| image.height.into()),
            thumbnail_url: file.thumbnail_url(),
            thumbnail2x_url: file.thumbnail2x_url(),
            alternative_text,
        }
    }
}
