//! JSON text from strangers: its fields one level at a time, its strings mended, its depth and numbers bounded.
//!
//! Values are read from the text where they stand; no tree is built. NUL is dropped and a lone surrogate becomes
//! U+FFFD, since one engine refuses both and a browser sends both by accident.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::Refusal;

/// The fields of one JSON object, each with the text of its value.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Most fields an object read by [`Fields`] may have: keeps the search for a name short.
pub const MAX_FIELDS: usize = 128;

impl<'a> Fields<'a> {
    /// Reads the object in `text`.
    ///
    /// # Errors
    /// What is wrong and where, when the text is not JSON, not an object, names a field twice or has more than
    /// [`MAX_FIELDS`].
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of the object that stands as the value of `field`.
    ///
    /// # Errors
    /// A refusal of `field`, without the place in the text: it would count from the start of this value.
    pub fn of(field: &str, raw: &'a RawValue) -> Result<Self, Refusal> {
        if !raw.get().starts_with('{') {
            return Err(Refusal::invalid(field, "must be an object"));
        }
        Self::parse(raw.get()).map_err(|error| {
            let text = error.to_string();
            let end = text.rfind(" at line ").unwrap_or(text.len());
            Refusal::invalid(field, &text[..end])
        })
    }

    /// Takes the value of `name` out; a JSON null counts as absent.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.take_nullable(name).filter(|raw| raw.get() != "null")
    }

    /// Takes the value of `name` out, null included.
    pub fn take_nullable(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Whether nothing is left.
    ///
    /// # Errors
    /// A refusal that names the field nobody took.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => Err(Refusal::invalid(shown(&key), "unknown field")),
        }
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = (Cow<'a, str>, &'a RawValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    if fields.len() == MAX_FIELDS {
                        return Err(A::Error::custom("too many fields"));
                    }
                    if fields.iter().any(|(known, _)| *known == key) {
                        let name = shown(&key);
                        return Err(A::Error::custom(format_args!(
                            "field \"{name}\" is given twice"
                        )));
                    }
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }

        d.deserialize_map(Read)
    }
}

/// A field's name, which serde would copy without this.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A name from a stranger as an error message may show it: cut, without control characters.
#[must_use]
pub fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// The text of a JSON string, mended; `None` where the value is not a string.
#[must_use]
pub fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = raw.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mended = mend(quoted, 1).ok()?;
    serde_json::from_str(&mended).ok().map(Cow::Owned)
}

/// The integer of a JSON number; `None` where the value is not a whole number of 64 bits.
#[must_use]
pub fn integer(raw: &RawValue) -> Option<i64> {
    raw.get().parse().ok()
}

/// Valid JSON text made fit to store: without NUL, without lone surrogates, not deeper than `max_depth`.
///
/// # Errors
/// The reason, when it is too deep or holds a number no 64-bit float can carry.
pub fn mend(text: &str, max_depth: usize) -> Result<Cow<'_, str>, String> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut at, mut kept, mut depth) = (0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return Err(format!("is nested deeper than {max_depth} levels"));
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'"' => at = mend_string(text, at + 1, &mut kept, &mut out),
            b'-' | b'0'..=b'9' => at = check_number(text, at)?,
            _ => at += 1,
        }
    }
    if kept == 0 {
        return Ok(Cow::Borrowed(text));
    }
    out.push_str(&text[kept..]);
    Ok(Cow::Owned(out))
}

/// Parses JSON whose strings may hold half a surrogate pair, as browsers escape one that somebody cut in two; it
/// becomes U+FFFD.
///
/// # Errors
/// What is wrong and where, as `serde_json` says it.
pub fn forgiving<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    // Such texts are rare, so only what could not be read is looked at again.
    serde_json::from_str(text).or_else(|error| match mend(text, usize::MAX) {
        Ok(Cow::Owned(mended)) => serde_json::from_str(&mended),
        Ok(Cow::Borrowed(_)) | Err(_) => Err(error),
    })
}

/// Walks a string from behind its opening quote and returns the place behind its closing one.
///
/// Text up to `kept` is already in `out`; both move when something is replaced.
fn mend_string(text: &str, mut at: usize, kept: &mut usize, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    while at < bytes.len() && bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = escaped_unit(bytes, at) else {
            at += 2;
            continue;
        };
        let next = escaped_unit(bytes, at + 6);
        match (unit, next) {
            (0xD800..=0xDBFF, Some(0xDC00..=0xDFFF)) => at += 12,
            (0xD800..=0xDFFF, _) => {
                out.push_str(&text[*kept..at]);
                out.push('\u{FFFD}');
                at += 6;
                *kept = at;
            }
            (0, _) => {
                out.push_str(&text[*kept..at]);
                at += 6;
                *kept = at;
            }
            _ => at += 6,
        }
    }
    at + 1
}

/// The UTF-16 unit of a `\uXXXX` at this place.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let hex = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// The place behind the number that begins here.
fn check_number(text: &str, at: usize) -> Result<usize, String> {
    let rest = &text[at..];
    let len = rest
        .bytes()
        .position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        .unwrap_or(rest.len());
    let fits = len <= 64 && rest[..len].parse::<f64>().is_ok_and(f64::is_finite);
    if fits {
        Ok(at + len)
    } else {
        Err("holds a number that is out of range".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn broken_text_is_refused_and_never_cut_inside_a_character() {
        for broken in [
            "",
            "\\",
            "\"\\é",
            "{\"a\":\"\\ud800é",
            "\\ud800\\é\"\\ud8",
            "[-]",
            "\"\\u00",
        ] {
            assert!(forgiving::<serde_json::Value>(broken).is_err(), "{broken}");
        }
        assert_eq!(
            forgiving::<String>(r#""\udc00é\ud800""#).unwrap(),
            "\u{fffd}é\u{fffd}"
        );
    }

    #[test]
    fn strings_lose_nul_and_lone_surrogates_and_nothing_else() {
        let cases = [
            (r#""plain ä""#, "plain ä"),
            (r#""a\u0000b""#, "ab"),
            (r#""\ud83d""#, "\u{FFFD}"),
            (r#""\ude00 \ud83d x""#, "\u{FFFD} \u{FFFD} x"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""back\\u0000slash""#, "back\\u0000slash"),
            (r#""q\"\u0000\"\n""#, "q\"\"\n"),
        ];
        for (text, want) in cases {
            assert_eq!(string(&raw(text)).as_deref(), Some(want), "{text}");
        }
        for text in ["1", "null", "[\"a\"]", "{}"] {
            assert_eq!(string(&raw(text)), None, "{text}");
        }
    }

    #[test]
    fn mended_json_is_json() {
        let text = r#"{"a\u0000":["\ud800",{"b":"\\\u0000"}],"n":-1.5e3}"#;

        let mended = mend(text, 3).unwrap();

        let tree: serde_json::Value = serde_json::from_str(&mended).unwrap();
        assert_eq!(
            tree,
            serde_json::json!({"a": ["\u{FFFD}", {"b": "\\"}], "n": -1500.0})
        );
        assert!(mend(text, 2).unwrap_err().contains("deeper than 2"));
    }

    #[test]
    fn numbers_that_no_float_carries_are_refused() {
        for text in ["1e400", "[-1e999]", &"9".repeat(65)] {
            assert!(
                mend(text, 4).unwrap_err().contains("out of range"),
                "{text}"
            );
        }
        assert_eq!(mend("[1e300,0.5]", 4).unwrap(), "[1e300,0.5]");
    }

    #[test]
    fn an_object_is_read_field_by_field() {
        let mut fields = Fields::parse(r#"{"a":1,"b":null,"c":[[[]]],"\u0064":"x"}"#).unwrap();

        assert_eq!(fields.take("a").and_then(integer), Some(1));
        assert!(fields.take("b").is_none());
        assert_eq!(fields.take("d").and_then(string).as_deref(), Some("x"));
        assert_eq!(fields.finish(), Err(Refusal::invalid("c", "unknown field")));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "1", "{", "{\"a\":1,\"a\":2}", "{\"a\":}", ""] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
        let many: Vec<String> = (0..200).map(|n| format!("\"f{n}\":0")).collect();
        assert!(Fields::parse(&format!("{{{}}}", many.join(","))).is_err());
    }
}
