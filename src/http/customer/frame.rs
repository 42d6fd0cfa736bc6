//! Frames of the chat wire: requests in; responses, errors and pushes out.
//!
//! A frame is one JSON text. Nothing here knows what an action does.

use bytestring::ByteString;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::db;
use crate::domain::{Refusal, json};
use crate::http::limit::Wait;

/// The deepest nesting of a frame; the deepest one the protocol defines has nine levels.
const MAX_DEPTH: u32 = 32;

/// The longest `request_id`, in characters: it is echoed, so it must not be worth sending a long one.
const MAX_REQUEST_ID_CHARS: usize = 128;

/// The longest action name, in bytes.
const MAX_ACTION_BYTES: usize = 64;

/// A parsed request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// Pairs the response with the request; a ping has none.
    pub(crate) id: Option<String>,
    /// What is asked for.
    pub(crate) action: String,
    /// Empty where the frame has none.
    pub(crate) payload: Map<String, Value>,
}

/// A frame that is not a request, with as much of it as an answer can echo.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadRequest {
    /// The request's id, where it could be read.
    pub(crate) id: Option<String>,
    /// The action, where it could be read; else empty.
    pub(crate) action: String,
    /// What is wrong.
    pub(crate) refusal: Refusal,
}

impl Request {
    /// Parses one text frame. NUL characters are dropped from every text, since no engine stores them, and a lone
    /// surrogate becomes U+FFFD.
    ///
    /// # Errors
    /// [`BadRequest`] with a validation refusal that names the field (`frame` for the JSON as a whole).
    pub(crate) fn parse(text: &str) -> Result<Self, Box<BadRequest>> {
        let map = json_object(text).map_err(|refusal| {
            Box::new(BadRequest {
                id: None,
                action: String::new(),
                refusal,
            })
        })?;
        Self::from_map(map)
    }

    fn from_map(mut map: Map<String, Value>) -> Result<Self, Box<BadRequest>> {
        let id = match map.remove("request_id") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) if id.chars().count() <= MAX_REQUEST_ID_CHARS => Ok(Some(id)),
            Some(_) => Err(Refusal::invalid(
                "request_id",
                "must be a string of at most 128 characters",
            )),
        };
        let action = match map.remove("action") {
            Some(Value::String(action))
                if !action.is_empty() && action.len() <= MAX_ACTION_BYTES =>
            {
                Ok(action)
            }
            None | Some(Value::Null) => Err(Refusal::invalid("action", "is required")),
            Some(_) => Err(Refusal::invalid("action", "must be the name of an action")),
        };
        let payload = match map.remove("payload") {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(payload)) => Ok(payload),
            Some(_) => Err(Refusal::invalid("payload", "must be an object")),
        };
        match (id, action, payload) {
            (Ok(id), Ok(action), Ok(payload)) => Ok(Self {
                id,
                action,
                payload,
            }),
            (id, action, payload) => {
                let refusal = [
                    id.as_ref().err(),
                    action.as_ref().err(),
                    payload.err().as_ref(),
                ]
                .into_iter()
                .flatten()
                .next()
                .cloned()
                .unwrap_or_else(|| Refusal::invalid("frame", "must be a request"));
                Err(Box::new(BadRequest {
                    id: id.ok().flatten(),
                    action: action.unwrap_or_default(),
                    refusal,
                }))
            }
        }
    }
}

/// Reads text that has to be one JSON object, without NUL characters and lone surrogates and not too deep.
///
/// # Errors
/// A validation refusal of `frame`.
pub(crate) fn json_object(text: &str) -> Result<Map<String, Value>, Refusal> {
    if depth_exceeds(text, MAX_DEPTH) {
        return Err(Refusal::invalid(
            "frame",
            "must not be nested deeper than 32 levels",
        ));
    }
    let not_one = || Refusal::invalid("frame", "must be one JSON object");
    let mut value: Value = json::forgiving(text).map_err(|_| not_one())?;
    // A raw NUL is no JSON, so only its escape can bring one in.
    if text.contains("\\u0000") {
        strip_nul(&mut value);
    }
    if let Value::Object(map) = value {
        return Ok(map);
    }
    Err(not_one())
}

/// True if arrays and objects nest deeper than `limit`; brackets inside strings do not count.
fn depth_exceeds(text: &str, limit: u32) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(strip_nul),
        Value::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(mut key, mut value)| {
                    key.retain(|c| c != '\0');
                    strip_nul(&mut value);
                    (key, value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Why an action was refused, as it goes out in `payload.error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The protocol's name of the error, in lower case.
    pub(crate) kind: &'static str,
    /// For people; holds no value from the request.
    pub(crate) message: String,
    /// True where the same request may succeed later.
    pub(crate) is_retryable: bool,
    /// Seconds to wait before that.
    pub(crate) retry_after: Option<u32>,
}

impl Failure {
    /// A final refusal.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            is_retryable: false,
            retry_after: None,
        }
    }

    /// A refusal that asks the client to come back after `seconds`.
    pub(crate) fn later(kind: &'static str, message: &'static str, seconds: u32) -> Self {
        Self {
            kind,
            message: message.into(),
            is_retryable: true,
            retry_after: Some(seconds),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // The protocol has no "conflict": what came too late was not allowed.
        let kind = if matches!(refusal, Refusal::Conflict(_)) {
            "not_allowed"
        } else {
            refusal.code()
        };
        Self::new(kind, refusal.to_string())
    }
}

impl From<Wait> for Failure {
    fn from(wait: Wait) -> Self {
        Self::later("too_many_requests", "slow down", wait.retry_after_s)
    }
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Refused(refusal) => refusal.into(),
            db::Error::NotFound => Refusal::NotFound("object").into(),
            db::Error::QueueFull => Self::later("service_unavailable", "too busy, try again", 1),
            db::Error::DiskFull => Self::later("service_unavailable", "storage is full", 10),
            db::Error::Retry(_) | db::Error::Unavailable(_) | db::Error::CommitUnknown => {
                Self::later("service_unavailable", "not available now, try again", 1)
            }
            db::Error::Unique(_) | db::Error::Poisoned | db::Error::Panicked | db::Error::Db(_) => {
                tracing::error!(%error, "a request on a chat socket failed");
                Self::new("internal", "internal error")
            }
        }
    }
}

/// Encodes a successful response.
pub(crate) fn response(id: Option<&str>, action: &str, payload: &Value) -> ByteString {
    #[derive(Serialize)]
    struct Response<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        action: &'a str,
        r#type: &'static str,
        success: bool,
        payload: &'a Value,
    }
    encode(&Response {
        request_id: id,
        action,
        r#type: "response",
        success: true,
        payload,
    })
}

/// Encodes a refusal.
pub(crate) fn error(id: Option<&str>, action: &str, failure: &Failure) -> ByteString {
    let mut data = json!({"retryable": failure.is_retryable});
    if let Some(seconds) = failure.retry_after {
        data["retry_after"] = seconds.into();
    }
    let mut frame = json!({
        "action": action,
        "type": "response",
        "success": false,
        "payload": {"error": {"type": failure.kind, "message": failure.message, "data": data}},
    });
    if let Some(id) = id {
        frame["request_id"] = id.into();
    }
    encode(&frame)
}

/// Encodes a push; only the requester's own connection gets its `request_id`.
pub(crate) fn push(id: Option<&str>, action: &str, payload: &Value) -> ByteString {
    #[derive(Serialize)]
    struct Push<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        action: &'a str,
        r#type: &'static str,
        payload: &'a Value,
    }
    encode(&Push {
        request_id: id,
        action,
        r#type: "push",
        payload,
    })
}

/// The name of a push that answers no request; `None` for every other frame.
pub(crate) fn push_name(frame: &str) -> Option<&str> {
    // As `push` encodes it: the fields stand in the order of the struct, and names hold nothing to escape.
    let (name, rest) = frame.strip_prefix(r#"{"action":""#)?.split_once('"')?;
    rest.starts_with(r#","type":"push""#).then_some(name)
}

fn encode(frame: &impl Serialize) -> ByteString {
    // Only a map with keys that are no strings could fail, and no frame has one.
    serde_json::to_string(frame).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &str) -> BadRequest {
        *Request::parse(text).unwrap_err()
    }

    #[test]
    fn a_request_is_read() {
        let request =
            Request::parse(r#"{"request_id":"r1","action":"get_chat","payload":{"chat_id":"7"}}"#)
                .unwrap();

        assert_eq!(request.id.as_deref(), Some("r1"));
        assert_eq!(request.action, "get_chat");
        assert_eq!(request.payload["chat_id"], "7");
    }

    #[test]
    fn a_ping_needs_neither_id_nor_payload() {
        let request = Request::parse(r#"{"action":"ping"}"#).unwrap();

        assert_eq!(request.id, None);
        assert!(request.payload.is_empty());
    }

    #[test]
    fn wrong_shapes_name_the_field() {
        let cases = [
            ("", "frame: must be one JSON object"),
            ("[]", "frame: must be one JSON object"),
            ("{}{}", "frame: must be one JSON object"),
            (r#"{"action":"\ud8"}"#, "frame: must be one JSON object"),
            ("{}", "action: is required"),
            (r#"{"action":7}"#, "action: must be the name of an action"),
            (
                r#"{"action":"ping","request_id":7}"#,
                "request_id: must be a string of at most 128 characters",
            ),
            (
                r#"{"action":"ping","payload":[]}"#,
                "payload: must be an object",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(bad(text).refusal.to_string(), message, "{text}");
        }
    }

    #[test]
    fn a_refused_frame_keeps_what_an_answer_can_echo() {
        let bad = bad(r#"{"request_id":"r1","action":"get_chat","payload":1}"#);

        assert_eq!(
            (bad.id.as_deref(), bad.action.as_str()),
            (Some("r1"), "get_chat")
        );
    }

    #[test]
    fn nesting_ends_at_32_levels_and_strings_do_not_nest() {
        let nested = |levels: usize| {
            format!(
                r#"{{"action":"ping","payload":{{"a":{}1{}}}}}"#,
                "[".repeat(levels - 2),
                "]".repeat(levels - 2)
            )
        };
        assert!(Request::parse(&nested(32)).is_ok());
        assert!(bad(&nested(33)).refusal.to_string().contains("32 levels"));
        assert!(
            bad(&"[".repeat(10_000))
                .refusal
                .to_string()
                .contains("32 levels")
        );

        let quoted = format!(
            r#"{{"action":"ping","payload":{{"a":"\"{}"}}}}"#,
            "[".repeat(99)
        );
        assert!(Request::parse(&quoted).is_ok());
    }

    #[test]
    fn nul_is_dropped_from_keys_and_values() {
        let request =
            Request::parse(r#"{"action":"x","payload":{"a\u0000":["b\u0000c"]}}"#).unwrap();

        assert_eq!(Value::from(request.payload), json!({"a": ["bc"]}));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        let request = Request::parse(
            r#"{"request_id":"r1","action":"x","payload":{"t":"\ud83d\ude00 \ud83d \\ud83d"}}"#,
        )
        .unwrap();

        assert_eq!(request.id.as_deref(), Some("r1"));
        assert_eq!(request.payload["t"], "\u{1f600} \u{fffd} \\ud83d");
    }

    #[test]
    fn frames_have_the_shapes_of_the_protocol() {
        assert_eq!(
            response(Some("r1"), "get_chat", &json!({})),
            r#"{"request_id":"r1","action":"get_chat","type":"response","success":true,"payload":{}}"#
        );
        assert_eq!(
            push(None, "incoming_event", &json!({"chat_id": "1"})),
            r#"{"action":"incoming_event","type":"push","payload":{"chat_id":"1"}}"#
        );
        let failure = Failure::later("too_many_requests", "slow down", 2);
        let text = error(None, "send_event", &failure);
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            frame,
            json!({"action": "send_event", "type": "response", "success": false, "payload": {"error":
                {"type": "too_many_requests", "message": "slow down", "data": {"retryable": true, "retry_after": 2}}}})
        );
    }
}
