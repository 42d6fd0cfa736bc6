//! Tracked calls as a page sends them: each is read into a type that cannot be wrong, or refused by the field's name.

use serde_json::value::RawValue;

use super::attribute;
use super::json::{self, Fields};
use super::page;
use super::refusal::Refusal;
use super::visitor::{Change, ProfileChange};
use crate::token::Token;

/// One call of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The client's own id of the call: a repeat is stored once.
    pub id: String,
    /// When it happened, by the client's clock in Unix milliseconds, if it said.
    pub at: Option<i64>,
    /// What happened.
    pub what: What,
}

/// What a call says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A page was opened.
    Page(Page),
    /// Something of the site's own happened.
    Event {
        /// What the site calls it.
        name: String,
        /// Its properties: the JSON text of an object.
        properties: Option<String>,
    },
    /// The page knows who the visitor is.
    Identify(Identify),
    /// The visitor's profile changes.
    Update(ProfileChange),
    /// The visitor logs out: what follows is somebody new.
    Reset {
        /// The token the browser goes on with.
        new_token: Option<Token>,
    },
    /// The page is still being looked at.
    Seen {
        /// The id of its page call, if known.
        page: Option<String>,
    },
    /// What became of a greeting that was answered to this browser.
    Greeting {
        /// The name of the invitation.
        unique_id: String,
        /// What the visitor did.
        state: GreetingState,
    },
    /// The page was hidden or closed.
    Leave {
        /// The id of its page call.
        page: String,
    },
}

/// What a visitor did with a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GreetingState {
    /// It was shown.
    Shown,
    /// It was clicked.
    Accepted,
    /// It was closed.
    Canceled,
}

/// A page that was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its URL in normal form.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Where it was come from, or empty.
    pub referrer: String,
}

/// Who the page says the visitor is.
#[derive(Clone, Debug, PartialEq)]
pub struct Identify {
    /// The site's own id of the person; never empty.
    pub user_id: String,
    /// What else it says about the person.
    pub change: ProfileChange,
    /// The token the browser goes on with, should the server move it to another visitor.
    pub new_token: Option<Token>,
}

/// A call that was refused, with its id where that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The call's id; empty if it has no valid one.
    pub id: String,
    /// Why.
    pub why: Refusal,
}

const MAX_ID: usize = 64;
const MAX_TITLE: usize = 1024;
const MAX_EVENT_NAME: usize = 128;
const MAX_USER_ID: usize = 256;
const MAX_NAME: usize = 255;
const MAX_EMAIL: usize = 255;
const MAX_PHONE: usize = 50;
const MAX_AVATAR_URL: usize = 2083;
/// Most bytes of an event's properties as JSON.
pub const MAX_PROPERTIES_BYTES: usize = 16 * 1024;
/// Deepest nesting of an event's properties.
pub const MAX_PROPERTIES_DEPTH: usize = 32;

impl Call {
    /// Reads one call.
    ///
    /// # Errors
    /// What is wrong, by the field's name as the client wrote it.
    pub fn parse(raw: &RawValue) -> Result<Self, Refused> {
        let refused = |id: &str, why| Refused {
            id: id.to_owned(),
            why,
        };
        let mut fields = Fields::of("calls", raw).map_err(|why| refused("", why))?;
        let id = call_id(&mut fields, "id").map_err(|why| refused("", why))?;
        let call = parse_fields(id.clone(), fields);
        call.map_err(|why| refused(&id, why))
    }
}

fn parse_fields(id: String, mut fields: Fields<'_>) -> Result<Call, Refusal> {
    let at = fields.take("at").map(|raw| time("at", raw)).transpose()?;
    let kind = required(&mut fields, "call", 32)?;
    let what = match kind.as_str() {
        "page" => What::Page(parse_page(&mut fields)?),
        "event" => What::Event {
            name: event_name(&mut fields)?,
            properties: properties(&mut fields)?,
        },
        "identify" => What::Identify(Identify {
            user_id: user_id(&mut fields)?,
            change: profile_change(&mut fields)?,
            new_token: new_token(&mut fields)?,
        }),
        "update" => What::Update(profile_change(&mut fields)?),
        "reset" => What::Reset {
            new_token: new_token(&mut fields)?,
        },
        "seen" => What::Seen {
            page: match fields.take("page") {
                Some(raw) => Some(check_id("page", raw)?),
                None => None,
            },
        },
        "greeting" => What::Greeting {
            unique_id: call_id(&mut fields, "unique_id")?,
            state: greeting_state(&mut fields)?,
        },
        "leave" => What::Leave {
            page: call_id(&mut fields, "page")?,
        },
        _ => return Err(Refusal::invalid("call", "is not a call this server knows")),
    };
    fields.finish()?;
    Ok(Call { id, at, what })
}

fn greeting_state(fields: &mut Fields<'_>) -> Result<GreetingState, Refusal> {
    match required(fields, "state", 16)?.as_str() {
        "shown" => Ok(GreetingState::Shown),
        "accepted" => Ok(GreetingState::Accepted),
        "canceled" => Ok(GreetingState::Canceled),
        _ => {
            let reason = "must be shown, accepted or canceled";
            Err(Refusal::invalid("state", reason))
        }
    }
}

fn parse_page(fields: &mut Fields<'_>) -> Result<Page, Refusal> {
    let url = required(fields, "url", page::MAX_URL_CHARS)?;
    let referrer = optional(fields, "referrer", page::MAX_URL_CHARS)?.unwrap_or_default();
    Ok(Page {
        url: page::web_url("url", &url)?,
        title: optional(fields, "title", MAX_TITLE)?.unwrap_or_default(),
        referrer: page::referrer("referrer", &referrer)?,
    })
}

fn event_name(fields: &mut Fields<'_>) -> Result<String, Refusal> {
    let name = required(fields, "name", MAX_EVENT_NAME)?;
    if name.chars().any(char::is_control) {
        return Err(Refusal::invalid("name", "must not hold control characters"));
    }
    Ok(name)
}

fn properties(fields: &mut Fields<'_>) -> Result<Option<String>, Refusal> {
    let Some(raw) = fields.take("properties") else {
        return Ok(None);
    };
    let refuse = |reason: String| Refusal::invalid("properties", reason);
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(refuse("must be an object".into()));
    }
    if text.len() > MAX_PROPERTIES_BYTES {
        return Err(refuse(format!(
            "must be at most {MAX_PROPERTIES_BYTES} bytes of JSON"
        )));
    }
    json::mend(text, MAX_PROPERTIES_DEPTH)
        .map(|mended| Some(mended.into_owned()))
        .map_err(refuse)
}

fn user_id(fields: &mut Fields<'_>) -> Result<String, Refusal> {
    let raw = fields
        .take("user_id")
        .ok_or_else(|| Refusal::invalid("user_id", "is required"))?;
    // Shops number their customers: a whole number is taken as its digits.
    let text = match json::integer(raw) {
        Some(number) => number.to_string(),
        None => limited("user_id", raw, MAX_USER_ID)?,
    };
    if text.trim().is_empty() {
        return Err(Refusal::invalid("user_id", "must not be blank"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "user_id",
            "must be text without control characters",
        ));
    }
    Ok(text)
}

/// The profile fields of a call, which identify and update share.
fn profile_change(fields: &mut Fields<'_>) -> Result<ProfileChange, Refusal> {
    let email = change(fields, "email", MAX_EMAIL)?;
    if email.set().is_some_and(|text| !looks_like_email(text)) {
        return Err(Refusal::invalid("email", "must be an e-mail address"));
    }
    let avatar_url = match change(fields, "avatar_url", MAX_AVATAR_URL)? {
        Change::Set(text) => Change::Set(page::web_url("avatar_url", &text)?),
        unset @ (Change::Keep | Change::Clear) => unset,
    };
    Ok(ProfileChange {
        name: change(fields, "name", MAX_NAME)?,
        email,
        phone: change(fields, "phone", MAX_PHONE)?,
        avatar_url,
        attributes: attributes(fields)?,
    })
}

/// Something, an @, something: whether an address receives mail is not ours to tell.
fn looks_like_email(text: &str) -> bool {
    let has_blank = text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.rsplit_once('@') {
        Some((local, host)) => !local.is_empty() && !host.is_empty() && !has_blank,
        None => false,
    }
}

fn attributes(
    fields: &mut Fields<'_>,
) -> Result<Vec<(String, Change<attribute::Attribute>)>, Refusal> {
    let Some(raw) = fields.take("attributes") else {
        return Ok(Vec::new());
    };
    Fields::of("attributes", raw)?
        .into_iter()
        .map(|(key, raw)| {
            let name = key.replace('\0', "");
            attribute::check_name(&name)?;
            let value = attribute::from_json(raw).map_err(|reason| {
                Refusal::invalid(format!("attributes.{}", json::shown(&name)), reason)
            })?;
            Ok((name, value.map_or(Change::Clear, Change::Set)))
        })
        .collect()
}

fn new_token(fields: &mut Fields<'_>) -> Result<Option<Token>, Refusal> {
    fields
        .take("new_token")
        .map(|raw| {
            json::string(raw)
                .and_then(|text| Token::parse(&text))
                .ok_or_else(|| Refusal::invalid("new_token", "must be 43 base64url characters"))
        })
        .transpose()
}

/// A field of a profile: absent keeps, null or empty clears.
fn change(
    fields: &mut Fields<'_>,
    name: &str,
    max_chars: usize,
) -> Result<Change<String>, Refusal> {
    match fields.take_nullable(name) {
        None => Ok(Change::Keep),
        Some(raw) if raw.get() == "null" => Ok(Change::Clear),
        Some(raw) => {
            let text = limited(name, raw, max_chars)?;
            let text = text.trim();
            Ok(if text.is_empty() {
                Change::Clear
            } else {
                Change::Set(text.to_owned())
            })
        }
    }
}

fn call_id(fields: &mut Fields<'_>, name: &str) -> Result<String, Refusal> {
    match fields.take(name) {
        Some(raw) => check_id(name, raw),
        None => Err(Refusal::invalid(name, "is required")),
    }
}

/// The colon is left out on purpose: ids the server makes for its own activities have one.
fn check_id(name: &str, raw: &RawValue) -> Result<String, Refusal> {
    let text = limited(name, raw, MAX_ID)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(fits) {
        let reason = "must be 1 to 64 letters, digits, hyphens, underscores or dots";
        return Err(Refusal::invalid(name, reason));
    }
    Ok(text)
}

fn required(fields: &mut Fields<'_>, name: &str, max_chars: usize) -> Result<String, Refusal> {
    match optional(fields, name, max_chars)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Refusal::invalid(name, "is required")),
    }
}

fn optional(
    fields: &mut Fields<'_>,
    name: &str,
    max_chars: usize,
) -> Result<Option<String>, Refusal> {
    fields
        .take(name)
        .map(|raw| limited(name, raw, max_chars))
        .transpose()
}

fn limited(name: &str, raw: &RawValue, max_chars: usize) -> Result<String, Refusal> {
    let text = json::string(raw).ok_or_else(|| Refusal::invalid(name, "must be text"))?;
    if text.len() > max_chars && text.chars().count() > max_chars {
        let reason = format!("must be at most {max_chars} characters");
        return Err(Refusal::invalid(name, reason));
    }
    Ok(text.into_owned())
}

/// A time of the client's clock; any whole number is one, since only differences count.
///
/// # Errors
/// A refusal of `name` for anything else.
pub fn time(name: &str, raw: &RawValue) -> Result<i64, Refusal> {
    json::integer(raw)
        .ok_or_else(|| Refusal::invalid(name, "must be a whole number of milliseconds"))
}

#[cfg(test)]
mod tests;
