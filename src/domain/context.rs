//! What a page tells of the browser it is shown in; believed for display only.

use serde_json::value::RawValue;

use super::json::{self, Fields};
use super::refusal::Refusal;
use super::user_agent::ClientHints;

/// The browser behind a batch of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The truncated address the request came from.
    pub ip: String,
    /// Language tag, such as `de-DE`.
    pub language: String,
    /// IANA time zone, such as `Europe/Berlin`.
    pub timezone: String,
    /// Screen size in pixels, such as `1440x900`.
    pub screen: String,
    /// Client hints, where the browser has them.
    pub hints: Option<ClientHints>,
}

const MAX_LANGUAGE: usize = 35;
const MAX_TIMEZONE: usize = 64;
const MAX_SCREEN: usize = 16;
const MAX_USER_AGENT: usize = 1024;
const MAX_BRANDS: usize = 16;
const MAX_HINT: usize = 256;

impl Context {
    /// The context a page sent as the JSON object `context`, with what the request itself tells.
    ///
    /// Fields this version does not know are passed over: newer browsers say more.
    ///
    /// # Errors
    /// A refusal that names the field, such as `context.language`.
    pub fn parse(raw: Option<&RawValue>, user_agent: &str, ip: String) -> Result<Self, Refusal> {
        let mut context = Self {
            user_agent: user_agent
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_USER_AGENT)
                .collect(),
            ip,
            ..Self::default()
        };
        let Some(raw) = raw else {
            return Ok(context);
        };
        let mut fields = Fields::of("context", raw)?;
        context.language = text(&mut fields, "context.", "language", MAX_LANGUAGE)?;
        context.timezone = text(&mut fields, "context.", "timezone", MAX_TIMEZONE)?;
        context.screen = text(&mut fields, "context.", "screen", MAX_SCREEN)?;
        // Known, checked and not used: see `user_agent::is_bot`.
        boolean(&mut fields, "context.", "webdriver")?;
        context.hints = fields.take("hints").map(hints).transpose()?;
        Ok(context)
    }
}

fn hints(raw: &RawValue) -> Result<ClientHints, Refusal> {
    const AT: &str = "context.hints.";
    let mut fields = Fields::of("context.hints", raw)?;
    Ok(ClientHints {
        brands: brands(fields.take("brands"))?,
        platform: text(&mut fields, AT, "platform", MAX_HINT)?,
        platform_version: text(&mut fields, AT, "platform_version", MAX_HINT)?,
        is_mobile: boolean(&mut fields, AT, "mobile")?,
        model: text(&mut fields, AT, "model", MAX_HINT)?,
    })
}

fn brands(raw: Option<&RawValue>) -> Result<Vec<(String, String)>, Refusal> {
    const AT: &str = "context.hints.brands.";
    let Some(raw) = raw else {
        return Ok(Vec::new());
    };
    let list: Vec<&RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Refusal::invalid("context.hints.brands", "must be a list"))?;
    list.into_iter()
        .take(MAX_BRANDS)
        .map(|raw| {
            let mut fields = Fields::of("context.hints.brands", raw)?;
            Ok((
                text(&mut fields, AT, "brand", MAX_HINT)?,
                text(&mut fields, AT, "version", MAX_HINT)?,
            ))
        })
        .collect()
}

fn text(
    fields: &mut Fields<'_>,
    at: &str,
    name: &str,
    max_chars: usize,
) -> Result<String, Refusal> {
    let Some(raw) = fields.take(name) else {
        return Ok(String::new());
    };
    let refuse = |reason: String| Refusal::invalid(format!("{at}{name}"), reason);
    let text = json::string(raw).ok_or_else(|| refuse("must be text".into()))?;
    if text.chars().count() > max_chars {
        return Err(refuse(format!("must be at most {max_chars} characters")));
    }
    Ok(text.into_owned())
}

fn boolean(fields: &mut Fields<'_>, at: &str, name: &str) -> Result<bool, Refusal> {
    match fields.take(name).map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::invalid(
            format!("{at}{name}"),
            "must be true or false",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Context, Refusal> {
        let raw = RawValue::from_string(text.into()).unwrap();
        Context::parse(Some(&raw), "Mozilla/5.0\n", "192.0.2.0".into())
    }

    #[test]
    fn a_context_is_read() {
        let context = parse(
            r#"{"language":"de-DE","timezone":"Europe/Berlin","screen":"1x2","webdriver":true,"newer":[[]],
               "hints":{"brands":[{"brand":"Chromium","version":"156"}],"platform":"Linux","mobile":false,"model":""}}"#,
        )
        .unwrap();

        assert_eq!(context.user_agent, "Mozilla/5.0");
        assert_eq!(context.timezone, "Europe/Berlin");
        assert_eq!(
            context.hints.unwrap().brands,
            [("Chromium".into(), "156".into())]
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        let cases = [
            ("[]", "context"),
            (r#"{"language":1}"#, "context.language"),
            (r#"{"webdriver":"yes"}"#, "context.webdriver"),
            (r#"{"hints":7}"#, "context.hints"),
            (r#"{"hints":{"brands":{}}}"#, "context.hints.brands"),
            (
                r#"{"hints":{"brands":[{"brand":1}]}}"#,
                "context.hints.brands.brand",
            ),
        ];
        for (text, want) in cases {
            let Err(Refusal::Validation { field, .. }) = parse(text) else {
                panic!("{text} was taken");
            };
            assert_eq!(field, want);
        }
    }
}
