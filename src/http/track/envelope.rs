//! What a request to `/track` holds around its calls.

use serde_json::value::RawValue;

use crate::domain::Refusal;
use crate::domain::activity::time;
use crate::domain::json::{self, Fields};
use crate::http::error::ApiError;
use crate::token::Token;

/// Most calls of one request.
const MAX_CALLS: usize = 50;
/// Longer versions are none of ours.
const MAX_CONFIG_CHARS: usize = 128;

/// A request, its calls still as text.
pub(super) struct Envelope<'a> {
    /// The site's public key.
    pub(super) site: Option<String>,
    pub(super) token: Option<Token>,
    /// The browser's clock when it sent this.
    pub(super) sent_at: Option<i64>,
    /// The version of the widget's configuration that the browser holds, or empty.
    pub(super) config: String,
    pub(super) context: Option<&'a RawValue>,
    pub(super) calls: Vec<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(body: &'a str) -> Result<Self, ApiError> {
        let mut fields =
            Fields::parse(body).map_err(|error| ApiError::malformed(error.to_string()))?;
        let token = fields
            .take("token")
            .map(|raw| {
                json::string(raw)
                    .and_then(|text| Token::parse(&text))
                    .ok_or_else(|| Refusal::invalid("token", "must be 43 base64url characters"))
            })
            .transpose()?;
        let envelope = Self {
            site: text(&mut fields, "site")?,
            token,
            sent_at: fields
                .take("sent_at")
                .map(|raw| time("sent_at", raw))
                .transpose()?,
            config: text(&mut fields, "config")?.unwrap_or_default(),
            context: fields.take("context"),
            calls: calls(fields.take("calls"))?,
        };
        fields.finish()?;
        Ok(envelope)
    }
}

fn calls(raw: Option<&RawValue>) -> Result<Vec<&RawValue>, Refusal> {
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    let calls: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| Refusal::invalid("calls", "must be a list"))?;
    if calls.len() > MAX_CALLS {
        let reason = format!("must be at most {MAX_CALLS} calls");
        return Err(Refusal::invalid("calls", reason));
    }
    Ok(calls)
}

fn text(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<String>, Refusal> {
    let Some(raw) = fields.take(name) else {
        return Ok(None);
    };
    let text = json::string(raw).ok_or_else(|| Refusal::invalid(name, "must be text"))?;
    if text.chars().count() > MAX_CONFIG_CHARS {
        return Err(Refusal::invalid(name, "is too long"));
    }
    Ok(Some(text.into_owned()))
}
