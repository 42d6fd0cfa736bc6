//! SockJS framing (protocol 0.3.3): one letter and a JSON array around the frames of the chat wire. Pure.

use bytestring::ByteString;
use serde_json::json;

use crate::domain::json;
use crate::http::customer::close::Close;

/// The first frame of a session.
pub(in crate::http::customer) const OPEN: &str = "o";

/// A heartbeat of the server, which a client answers with a `ping` of the chat wire.
pub(in crate::http::customer) const HEARTBEAT: &str = "h";

/// Another poll of the same session is already waiting.
pub(super) const STILL_OPEN: &str = r#"c[2010,"Another connection still open"]"#;

/// The session has ended and nothing more precise is known.
pub(super) const GO_AWAY: &str = r#"c[3000,"Go away!"]"#;

/// Most frames that a client may put into one array.
const MAX_FRAMES: usize = 128;

/// Packs frames into one array.
pub(in crate::http::customer) fn pack(frames: &[ByteString]) -> ByteString {
    let frames: Vec<&str> = frames.iter().map(AsRef::as_ref).collect();
    format!("a{}", json!(frames)).into()
}

/// The frame that ends a session.
pub(in crate::http::customer) fn close(close: &Close) -> ByteString {
    let frame = close.frame();
    let reason = frame.description.unwrap_or_default();
    format!("c{}", json!([u16::from(frame.code), reason])).into()
}

/// The frames in a client's array, or in the bare string that some clients send; empty text holds none.
///
/// `None` for anything else, and for more than 128 frames.
pub(in crate::http::customer) fn unpack(text: &str) -> Option<Vec<ByteString>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let frames: Vec<String> = if text.starts_with('"') {
        vec![json::forgiving(text).ok()?]
    } else {
        json::forgiving(text).ok()?
    };
    (frames.len() <= MAX_FRAMES).then(|| frames.into_iter().map(ByteString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(text: &str) -> Option<Vec<String>> {
        unpack(text).map(|frames| frames.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn frames_travel_as_strings_in_an_array() {
        let frames = [
            ByteString::from(r#"{"a":"\"é😀"}"#),
            ByteString::from("two"),
        ];

        let packed = pack(&frames);

        assert_eq!(packed, r#"a["{\"a\":\"\\\"é😀\"}","two"]"#);
        assert_eq!(unpack(&packed[1..]).as_deref(), Some(&frames[..]));
    }

    #[test]
    fn a_close_has_code_and_reason() {
        assert_eq!(close(&Close::Inactive), r#"c[1000,"inactivity"]"#);
        assert_eq!(
            close(&Close::Restart { retry_in_ms: 1500 }),
            r#"c[1012,"{\"retry_in\":1.500}"]"#
        );
    }

    #[test]
    fn a_client_sends_an_array_of_strings_one_string_or_nothing() {
        let cases: [(&str, Option<&[&str]>); 10] = [
            ("", Some(&[])),
            ("[]", Some(&[])),
            (r#"["{}"]"#, Some(&["{}"])),
            (r#" ["a", "b"] "#, Some(&["a", "b"])),
            (r#""{}""#, Some(&["{}"])),
            (r#"["\ud83d\ude00 \ud83d"]"#, Some(&["😀 \u{fffd}"])),
            ("[1]", None),
            (r#"{"a":"b"}"#, None),
            (r#"["a""#, None),
            ("x", None),
        ];
        for (text, frames) in cases {
            let expected: Option<Vec<String>> =
                frames.map(|list| list.iter().map(|&text| text.to_owned()).collect());
            assert_eq!(unpacked(text), expected, "{text}");
        }
    }

    #[test]
    fn an_array_holds_at_most_128_frames() {
        let array = |n: usize| format!("[{}]", vec![r#""x""#; n].join(","));

        assert_eq!(unpack(&array(128)).map(|frames| frames.len()), Some(128));
        assert_eq!(unpack(&array(129)), None);
    }
}
