//! What entries of a conversation hold beside text, as templates see it: files, forms, rich messages.

use url::Url;

use super::links;
use crate::domain::event::Body;
use crate::domain::file_body::FileBody;
use crate::domain::rich_message::{Button, ButtonKind, Element, RichMessage};

/// What an entry holds; of most, one of the parts is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) file: Option<FileShown>,
    pub(crate) elements: Vec<ElementShown>,
    pub(crate) answers: Vec<AnswerShown>,
}

/// A file that was sent.
#[derive(Clone, Debug)]
pub(crate) struct FileShown {
    pub(crate) name: String,
    pub(crate) href: String,
    /// For example `1.2 MB`.
    pub(crate) size: String,
    pub(crate) picture: Option<PictureShown>,
}

/// The small picture of an image.
#[derive(Clone, Debug)]
pub(crate) struct PictureShown {
    pub(crate) src: String,
    pub(crate) src2x: String,
    pub(crate) alt: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// One card of a rich message.
#[derive(Clone, Debug)]
pub(crate) struct ElementShown {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Where the picture is. It is not shown: the dashboard asks nobody else for anything.
    pub(crate) image: Option<String>,
    pub(crate) image_name: String,
    pub(crate) buttons: Vec<ButtonShown>,
}

/// One button of a card.
#[derive(Clone, Debug)]
pub(crate) struct ButtonShown {
    pub(crate) text: String,
    /// What it does, where its text alone does not say so.
    pub(crate) what: String,
    /// Who has it pressed.
    pub(crate) pressed_by: Option<String>,
}

/// One answer of a filled form.
#[derive(Clone, Debug)]
pub(crate) struct AnswerShown {
    pub(crate) label: String,
    pub(crate) answer: String,
}

impl Held {
    /// What an entry holds beside text; `visitor` is the name of who presses buttons.
    pub(crate) fn of(body: &Body, visitor: &str) -> Self {
        match body {
            Body::File { file, .. } => Self {
                file: Some(FileShown::of(file)),
                ..Self::default()
            },
            Body::RichMessage { content, .. } => Self {
                elements: elements(content, visitor),
                ..Self::default()
            },
            Body::FilledForm { fields, .. } => Self {
                answers: fields
                    .iter()
                    .map(|field| AnswerShown {
                        label: field.label.clone(),
                        answer: match field.shown() {
                            blank if blank.trim().is_empty() => "Not answered".to_owned(),
                            answer => answer,
                        },
                    })
                    .collect(),
                ..Self::default()
            },
            Body::Message { .. }
            | Body::SystemMessage { .. }
            | Body::Custom { .. }
            | Body::ThreadOpened { .. }
            | Body::ThreadClosed {}
            | Body::Seen { .. }
            | Body::Assigned { .. }
            | Body::UserAdded { .. }
            | Body::UserRemoved { .. }
            | Body::PropertiesChanged { .. }
            | Body::EventUpdated { .. }
            | Body::PostbackToggled { .. } => Self::default(),
        }
    }
}

impl FileShown {
    fn of(file: &FileBody) -> Self {
        let picture = match (&file.thumbnail_url, file.width, file.height) {
            (Some(src), Some(width), Some(height)) => {
                let (width, height) = fitted(width, height);
                Some(PictureShown {
                    src: own_path(src),
                    src2x: own_path(file.thumbnail2x_url.as_ref().unwrap_or(src)),
                    alt: file
                        .alternative_text
                        .clone()
                        .unwrap_or_else(|| file.name.clone()),
                    width,
                    height,
                })
            }
            _ => None,
        };
        Self {
            name: file.name.clone(),
            href: own_path(&file.url),
            size: size_in_words(file.size),
            picture,
        }
    }
}

/// A picture's size where neither side is longer than a thumbnail's.
fn fitted(width: i64, height: i64) -> (i64, i64) {
    const LONGEST: i64 = 300;
    let longest = width.max(height).max(1);
    if longest <= LONGEST {
        return (width, height);
    }
    let scaled = |side: i64| (side * LONGEST / longest).max(1);
    (scaled(width), scaled(height))
}

/// The path of a file's address: the dashboard reaches the same Parlor, perhaps under another name than visitors do.
fn own_path(address: &str) -> String {
    let found = Url::parse(address).ok().filter(Url::has_host);
    found.map_or_else(String::new, |url| url.path().to_owned())
}

/// A number of bytes as people read it, for example `3 kB`.
fn size_in_words(bytes: i64) -> String {
    const KB: i64 = 1_000;
    const MB: i64 = 1_000_000;
    match bytes {
        ..KB => format!("{bytes} B"),
        KB..MB => format!("{} kB", bytes / KB),
        _ => format!("{}.{} MB", bytes / MB, bytes % MB / (MB / 10)),
    }
}

fn elements(content: &RichMessage, visitor: &str) -> Vec<ElementShown> {
    content
        .elements
        .iter()
        .map(|element| ElementShown::of(element, visitor))
        .collect()
}

impl ElementShown {
    fn of(element: &Element, visitor: &str) -> Self {
        let image = element.image.as_ref();
        let image_name = image.and_then(|image| {
            let said = image.alternative_text.as_ref().or(image.name.as_ref());
            said.filter(|name| !name.trim().is_empty()).cloned()
        });
        Self {
            title: element.title.clone().unwrap_or_default(),
            subtitle: element.subtitle.clone().unwrap_or_default(),
            image: image.and_then(|image| links::outside(&image.url)),
            image_name: image_name.unwrap_or_else(|| "Picture".to_owned()),
            buttons: element
                .buttons
                .iter()
                .map(|button| ButtonShown::of(button, visitor))
                .collect(),
        }
    }
}

impl ButtonShown {
    fn of(button: &Button, visitor: &str) -> Self {
        let value = button.value.as_deref().unwrap_or_default();
        let what = match button.kind {
            Some(ButtonKind::Url) => format!("opens {}", links::host(value)),
            Some(ButtonKind::Webview) => format!("shows {}", links::host(value)),
            Some(ButtonKind::Phone) => format!("calls {value}"),
            Some(ButtonKind::Message | ButtonKind::Cancel) | None => String::new(),
        };
        Self {
            text: button.text.clone(),
            what,
            pressed_by: (!button.user_ids.is_empty()).then(|| visitor.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (12_345, "12 kB"),
            (1_000_000, "1.0 MB"),
            (10_480_000, "10.4 MB"),
        ] {
            assert_eq!(size_in_words(bytes), words);
        }
        assert_eq!(fitted(200, 100), (200, 100));
        assert_eq!(fitted(3_000, 1_000), (300, 100));
        assert_eq!(fitted(1, 9_000), (1, 300));
    }

    #[test]
    fn files_are_fetched_where_the_dashboard_is() {
        let path = own_path("https://chat.example/base/files/7-x/a%20b.png");

        assert_eq!(path, "/base/files/7-x/a%20b.png");
        assert_eq!(own_path("javascript:alert(1)"), "");
    }
}
