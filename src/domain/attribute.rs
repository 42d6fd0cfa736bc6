//! Attributes: named, typed properties of a visitor, and how a JSON value becomes one.

use serde_json::value::RawValue;

use super::json;
use super::refusal::Refusal;

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// True or false.
    Boolean,
    /// A day, `2026-11-20`.
    Date,
    /// An instant, RFC 3339.
    Datetime,
    /// One of a list of values that the definition names.
    Choice,
    /// Several of a list of values that the definition names.
    Choices,
    /// A JSON array.
    List,
}

impl AttributeKind {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Choice => "choice",
            Self::Choices => "choices",
            Self::List => "list",
        }
    }

    /// The kind of this word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [AttributeKind; 9] = [
            AttributeKind::String,
            AttributeKind::Integer,
            AttributeKind::Decimal,
            AttributeKind::Boolean,
            AttributeKind::Date,
            AttributeKind::Datetime,
            AttributeKind::Choice,
            AttributeKind::Choices,
            AttributeKind::List,
        ];
        ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A typed value: text in `sval`, a number, truth (0, 1) or time (Unix ms) in `nval`; dates have both, lists are JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its type.
    pub kind: AttributeKind,
    /// The text, the written date, or the list as JSON.
    pub sval: Option<String>,
    /// The number to compare by.
    pub nval: Option<f64>,
}

impl Attribute {
    /// The value as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.kind, &self.sval, self.nval) {
            (AttributeKind::Boolean, _, Some(n)) => (n != 0.0).to_string(),
            (_, Some(text), _) => text.clone(),
            (_, None, Some(n)) => n.to_string(),
            (_, None, None) => String::new(),
        }
    }
}

/// Most characters of an attribute's name.
pub const MAX_NAME_CHARS: usize = 256;
/// Most characters of a text value, and most bytes of a list's JSON.
pub const MAX_VALUE_CHARS: usize = 4096;
/// Deepest nesting of a list.
pub const MAX_DEPTH: usize = 32;
/// Most attributes of one visitor.
pub const MAX_ATTRIBUTES: i64 = 256;
/// Beyond this JavaScript cannot tell neighbouring whole numbers apart, so such ids have to come as text.
const MAX_EXACT: i64 = 1 << 53;

/// A name an attribute may have.
///
/// # Errors
/// A refusal that names the attribute, when the name is empty, longer than [`MAX_NAME_CHARS`], or holds control
/// characters or one of `{ } [ ]`.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let field = || format!("attributes.{}", json::shown(name));
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        let reason = format!("a name must have 1 to {MAX_NAME_CHARS} characters");
        return Err(Refusal::invalid(field(), reason));
    }
    if name.chars().any(|c| c.is_control() || "{}[]".contains(c)) {
        let reason = "a name must not hold control characters or { } [ ]";
        return Err(Refusal::invalid(field(), reason));
    }
    Ok(())
}

/// The attribute a JSON value makes: its type follows from the value; `None` for null, which removes.
///
/// Text that is exactly a day or an RFC 3339 instant becomes a date or datetime, other text stays text.
///
/// # Errors
/// The reason, for an object, a number out of range, or a value too long or too deep.
pub fn from_json(raw: &RawValue) -> Result<Option<Attribute>, String> {
    let text = raw.get();
    let of = |kind, sval, nval| Some(Attribute { kind, sval, nval });
    match text.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b't') => Ok(of(AttributeKind::Boolean, None, Some(1.0))),
        Some(b'f') => Ok(of(AttributeKind::Boolean, None, Some(0.0))),
        Some(b'"') => json::string(raw)
            .ok_or_else(|| "is not text".to_owned())
            .and_then(|text| from_text(&text))
            .map(Some),
        Some(b'[') => list(text).map(Some),
        Some(b'{') => Err("must be text, a number, a boolean or a list".into()),
        _ => number(text).map(Some),
    }
}

fn from_text(text: &str) -> Result<Attribute, String> {
    if text.chars().count() > MAX_VALUE_CHARS {
        return Err(format!("must be at most {MAX_VALUE_CHARS} characters"));
    }
    let (kind, nval) =
        time_of(text).map_or((AttributeKind::String, None), |(kind, ms)| (kind, Some(ms)));
    Ok(Attribute {
        kind,
        sval: Some(text.to_owned()),
        nval,
    })
}

/// The instant a text names, when it is nothing but a date or a date with time and offset.
fn time_of(text: &str) -> Option<(AttributeKind, f64)> {
    let bytes = text.as_bytes();
    let looks_like_date = (10..=35).contains(&bytes.len())
        && bytes[..10].iter().enumerate().all(|(n, b)| match n {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    if !looks_like_date {
        return None;
    }
    if bytes.len() == 10 {
        let day: jiff::civil::Date = text.parse().ok()?;
        let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        return Some((AttributeKind::Date, as_float(midnight.timestamp())));
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some((AttributeKind::Datetime, as_float(instant)))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of the years ±9999 are exact in a double"
)]
fn as_float(instant: jiff::Timestamp) -> f64 {
    instant.as_millisecond() as f64
}

fn number(text: &str) -> Result<Attribute, String> {
    let of = |kind, nval| Attribute {
        kind,
        sval: None,
        nval: Some(nval),
    };
    let value = text
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite())
        .ok_or("is out of range")?;
    let is_whole = !text.contains(['.', 'e', 'E']);
    if !is_whole {
        return Ok(of(AttributeKind::Decimal, value));
    }
    if text.parse().is_ok_and(|n: i64| n.abs() <= MAX_EXACT) {
        return Ok(of(AttributeKind::Integer, value));
    }
    Err("whole numbers beyond 2^53 must be sent as text".into())
}

fn list(text: &str) -> Result<Attribute, String> {
    if text.len() > MAX_VALUE_CHARS {
        return Err(format!(
            "a list must be at most {MAX_VALUE_CHARS} bytes of JSON"
        ));
    }
    Ok(Attribute {
        kind: AttributeKind::List,
        sval: Some(json::mend(text, MAX_DEPTH)?.into_owned()),
        nval: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Attribute>, String> {
        from_json(&RawValue::from_string(text.into()).unwrap())
    }

    #[test]
    fn a_value_finds_its_type() {
        use AttributeKind as K;
        let cases = [
            (r#""pro""#, K::String, Some("pro"), None),
            (r#""""#, K::String, Some(""), None),
            ("42", K::Integer, None, Some(42.0)),
            ("-7", K::Integer, None, Some(-7.0)),
            ("1.5", K::Decimal, None, Some(1.5)),
            ("1e3", K::Decimal, None, Some(1000.0)),
            ("true", K::Boolean, None, Some(1.0)),
            ("false", K::Boolean, None, Some(0.0)),
            (
                r#""1970-01-02""#,
                K::Date,
                Some("1970-01-02"),
                Some(86_400_000.0),
            ),
            (
                r#""1970-01-01T00:00:01Z""#,
                K::Datetime,
                Some("1970-01-01T00:00:01Z"),
                Some(1000.0),
            ),
            (
                r#""1970-01-01T01:00:00+01:00""#,
                K::Datetime,
                Some("1970-01-01T01:00:00+01:00"),
                Some(0.0),
            ),
            (r#""2026-13-40""#, K::String, Some("2026-13-40"), None),
            (
                r#""2026-01-01 is a day""#,
                K::String,
                Some("2026-01-01 is a day"),
                None,
            ),
            (r#"["a",{"b":1}]"#, K::List, Some(r#"["a",{"b":1}]"#), None),
        ];
        for (text, kind, sval, nval) in cases {
            let got = parse(text).unwrap().unwrap();
            assert_eq!(
                (got.kind, got.sval.as_deref(), got.nval),
                (kind, sval, nval),
                "{text}"
            );
        }
        assert_eq!(parse("null"), Ok(None));
    }

    #[test]
    fn what_fits_no_type_is_refused() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        let long = format!("\"{}\"", "x".repeat(4097));
        for text in [
            "{}",
            "1e999",
            "9007199254740993",
            "99999999999999999999",
            &deep,
            &long,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_plain() {
        assert!(check_name("plan <b>").is_ok());
        for bad in ["", "a[0]", "a{", "tab\t", &"x".repeat(257)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
