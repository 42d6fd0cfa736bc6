//! A rich message: cards, quick replies or a sticker, with buttons that visitors press.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Refusal;
use super::checked;
use super::ids::VisitorId;

/// What a rich message shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichMessage {
    /// How the elements are laid out.
    pub template_id: Template,
    /// 1 to [`RichMessage::MAX_ELEMENTS`]; quick replies and stickers have one.
    pub elements: Vec<Element>,
}

/// How a rich message is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// One card or several beside each other.
    Cards,
    /// A text with buttons that answer it.
    QuickReplies,
    /// A picture by itself.
    Sticker,
}

/// One card, or the one element of the other templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What stands under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// At most [`RichMessage::MAX_BUTTONS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// A picture at another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where it is.
    pub url: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// What it shows, for people who do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative_text: Option<String>,
}

/// A button of an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What pressing it does; `None` only sends its postback.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ButtonKind>,
    /// What stands on it.
    pub text: String,
    /// What pressing it is called; several buttons may share one.
    pub postback_id: String,
    /// Who has it pressed: the visitor row that began the chat, or nobody.
    #[serde(default)]
    pub user_ids: Vec<VisitorId>,
    /// What it sends or where it leads, by its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it is the main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Of `url`: where it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Of `webview`: its height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webview_height: Option<WebviewHeight>,
}

/// What pressing a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    /// Sends its value as a message.
    Message,
    /// Calls a number.
    Phone,
    /// Opens an address.
    Url,
    /// Opens an address inside the chat.
    Webview,
    /// Takes the whole question back.
    Cancel,
}

/// How a button stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// As others.
    Default,
    /// The one most people press.
    Primary,
}

/// Where an address opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// In another tab.
    New,
    /// In this page.
    Current,
}

/// How high a webview is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebviewHeight {
    /// A third.
    Compact,
    /// Two thirds.
    Tall,
    /// All of it.
    Full,
}

impl RichMessage {
    /// Most elements.
    pub const MAX_ELEMENTS: usize = 10;
    /// Most buttons of one element of cards.
    pub const MAX_BUTTONS: usize = 13;
    /// Longest title, in characters.
    pub const MAX_TITLE_CHARS: usize = 1_000;
    /// Longest subtitle, in characters.
    pub const MAX_SUBTITLE_CHARS: usize = 2_000;
    /// Longest text of a button, in characters.
    pub const MAX_BUTTON_CHARS: usize = 120;
    /// Longest id of a postback, in characters.
    pub const MAX_POSTBACK_CHARS: usize = 128;
    /// Longest value of a button, in characters.
    pub const MAX_VALUE_CHARS: usize = 2_000;
    /// Longest address, in characters.
    pub const MAX_URL_CHARS: usize = 2_000;

    /// Reads `template_id` and `elements` of an object that the client calls `path`.
    ///
    /// Nobody has pressed a new button, so `user_ids` are not read.
    ///
    /// # Errors
    /// [`Refusal::Validation`] naming the first field that does not fit, for example `event.elements.0.buttons.2.text`.
    pub fn parse(path: &str, map: &Map<String, Value>) -> Result<Self, Refusal> {
        let template_id: Template = word(path, map, "template_id")?
            .ok_or_else(|| Refusal::invalid(checked::at(path, "template_id"), "is required"))?;
        let at = checked::at(path, "elements");
        let elements =
            checked::field(map, "elements").ok_or_else(|| Refusal::invalid(&at, "is required"))?;
        let max = match template_id {
            Template::Cards => Self::MAX_ELEMENTS,
            Template::QuickReplies | Template::Sticker => 1,
        };
        let elements = checked::list(&at, elements, max)?
            .iter()
            .enumerate()
            .map(|(n, element)| Element::parse(&format!("{at}.{n}"), element, template_id))
            .collect::<Result<Vec<_>, _>>()?;
        if elements.is_empty() {
            return Err(Refusal::invalid(at, "must not be empty"));
        }
        Ok(Self {
            template_id,
            elements,
        })
    }

    /// The beginning of what it says: the first title, subtitle or button there is.
    #[must_use]
    pub fn first_words(&self) -> &str {
        self.elements
            .iter()
            .find_map(Element::first_words)
            .unwrap_or_default()
    }

    /// The buttons with this postback.
    pub fn buttons_mut<'a>(
        &'a mut self,
        postback_id: &'a str,
    ) -> impl Iterator<Item = &'a mut Button> {
        self.elements
            .iter_mut()
            .flat_map(|element| &mut element.buttons)
            .filter(move |button| button.postback_id == postback_id)
    }

    /// The same, with the buttons of these postbacks pressed by whoever has them pressed in `before`.
    #[must_use]
    pub fn pressed_as_in(mut self, before: &Self) -> Self {
        for button in self.elements.iter_mut().flat_map(|e| &mut e.buttons) {
            let known = before
                .elements
                .iter()
                .flat_map(|element| &element.buttons)
                .find(|known| known.postback_id == button.postback_id);
            button.user_ids = known.map(|b| b.user_ids.clone()).unwrap_or_default();
        }
        self
    }
}

impl Element {
    fn parse(path: &str, json: &Value, template: Template) -> Result<Self, Refusal> {
        let map = checked::object(path, json)?;
        let image = checked::field(map, "image")
            .map(|image| Image::parse(&checked::at(path, "image"), image))
            .transpose()?;
        let at = checked::at(path, "buttons");
        let buttons = match checked::field(map, "buttons") {
            None => Vec::new(),
            Some(buttons) => checked::list(&at, buttons, RichMessage::MAX_BUTTONS)?
                .iter()
                .enumerate()
                .map(|(n, button)| Button::parse(&format!("{at}.{n}"), button))
                .collect::<Result<_, _>>()?,
        };
        let element = Self {
            title: checked::opt_text(path, map, "title", RichMessage::MAX_TITLE_CHARS)?,
            subtitle: checked::opt_text(path, map, "subtitle", RichMessage::MAX_SUBTITLE_CHARS)?,
            image,
            buttons,
        };
        match template {
            Template::Sticker if element.image.is_none() => {
                Err(Refusal::invalid(checked::at(path, "image"), "is required"))
            }
            Template::Cards | Template::QuickReplies if element == Self::default() => {
                Err(Refusal::invalid(path, "must not be empty"))
            }
            Template::Cards | Template::QuickReplies | Template::Sticker => Ok(element),
        }
    }

    fn first_words(&self) -> Option<&str> {
        let button = self.buttons.first().map(|button| &button.text);
        [self.title.as_ref(), self.subtitle.as_ref(), button]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|text| !text.trim().is_empty())
    }
}

impl Image {
    fn parse(path: &str, json: &Value) -> Result<Self, Refusal> {
        let map = checked::object(path, json)?;
        let url = checked::text(path, map, "url", RichMessage::MAX_URL_CHARS)?;
        checked::web_url(&checked::at(path, "url"), &url)?;
        Ok(Self {
            url,
            name: checked::opt_text(path, map, "name", 255)?,
            content_type: checked::opt_text(path, map, "content_type", 128)?,
            size: checked::opt_int(path, map, "size", (0, i64::MAX))?,
            width: checked::opt_int(path, map, "width", (1, 100_000))?,
            height: checked::opt_int(path, map, "height", (1, 100_000))?,
            alternative_text: checked::opt_text(path, map, "alternative_text", 1_000)?,
        })
    }
}

impl Button {
    fn parse(path: &str, json: &Value) -> Result<Self, Refusal> {
        let map = checked::object(path, json)?;
        let kind = word(path, map, "type")?;
        let value = checked::opt_text(path, map, "value", RichMessage::MAX_VALUE_CHARS)?;
        check_value(&checked::at(path, "value"), kind, value.as_deref())?;
        Ok(Self {
            text: checked::text(path, map, "text", RichMessage::MAX_BUTTON_CHARS)?,
            postback_id: checked::text(path, map, "postback_id", RichMessage::MAX_POSTBACK_CHARS)?,
            user_ids: Vec::new(),
            role: word(path, map, "role")?,
            target: word(path, map, "target")?,
            webview_height: word(path, map, "webview_height")?,
            kind,
            value,
        })
    }
}

/// Whether a button of this kind can have this value: addresses are of the web, so that none runs a script.
fn check_value(path: &str, kind: Option<ButtonKind>, value: Option<&str>) -> Result<(), Refusal> {
    match (kind, value) {
        (Some(ButtonKind::Url | ButtonKind::Webview), Some(url)) => checked::web_url(path, url),
        (Some(ButtonKind::Phone), Some(number)) => {
            let is_number = number
                .chars()
                .all(|c| c.is_ascii_digit() || "+-*#(). /".contains(c))
                && number.chars().any(|c| c.is_ascii_digit());
            if is_number {
                Ok(())
            } else {
                Err(Refusal::invalid(path, "must be a telephone number"))
            }
        }
        (Some(ButtonKind::Url | ButtonKind::Webview | ButtonKind::Phone), None) => {
            Err(Refusal::invalid(path, "is required"))
        }
        (Some(ButtonKind::Message | ButtonKind::Cancel) | None, Some(_) | None) => Ok(()),
    }
}

/// One of the words of `T`, if the field is there.
fn word<T: serde::de::DeserializeOwned>(
    path: &str,
    map: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Refusal> {
    let Some(value) = checked::field(map, name) else {
        return Ok(None);
    };
    let at = || checked::at(path, name);
    if !value.is_string() {
        return Err(Refusal::invalid(at(), "must be a string"));
    }
    T::deserialize(value)
        .map(Some)
        .map_err(|_| Refusal::invalid(at(), "is not one of the known words"))
}

#[cfg(test)]
mod tests;
