//! The description of `POST /track`, which stands beside this API and takes keys of its own scope.

use serde_json::{Map, Value, json};

use super::openapi::put_errors;
use super::schemas::{about, bounded, flag, id, nullable, object, refer, text};

/// The operation as the description holds it.
pub(super) fn operation() -> Value {
    let mut responses = Map::new();
    let content = json!({"application/json": {"schema": refer("TrackAnswer")}});
    responses.insert(
        "200".into(),
        json!({"description": "What became of each call.", "content": content}),
    );
    put_errors(
        &mut responses,
        &[
            "malformed",
            "validation",
            "authentication",
            "authorization",
            "origin_not_allowed",
            "site_not_found",
            "too_slow",
            "too_large",
            "too_many_requests",
            "internal",
            "unavailable",
        ],
    );
    json!({
        "operationId": "track",
        "tags": ["Tracking"],
        "summary": "Record what a visitor does",
        "description": "With the site's public key in the body, or a key with the scope `web:tracking:sdk`.",
        "security": [{}, {"key": []}, {"bearer": []}],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": refer("TrackRequest")}},
        },
        "responses": responses,
    })
}

/// What the operation refers to.
pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let kinds = calls();
    let listed: Vec<Value> = kinds.iter().map(|(name, _)| refer(name)).collect();
    let mut all = vec![
        ("TrackRequest", request()),
        ("TrackAnswer", answer()),
        (
            "TrackCall",
            json!({"oneOf": listed, "discriminator": {"propertyName": "call"}}),
        ),
        (
            "Attributes",
            about(
                json!({"type": "object"}),
                "At most 256 a visitor: text, numbers, booleans, lists; null takes one away.",
            ),
        ),
    ];
    all.extend(kinds);
    all
}

fn request() -> Value {
    object(&[
        ("site?", about(bounded(0, 128), "The site's public key.")),
        (
            "token?",
            json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}),
        ),
        ("sent_at?", unix_ms()),
        ("config?", bounded(0, 128)),
        ("context?", json!({"type": "object"})),
        (
            "calls?",
            json!({"type": "array", "items": refer("TrackCall"), "maxItems": 50}),
        ),
    ])
}

/// A time of the sender's clock.
fn unix_ms() -> Value {
    json!({"type": ["integer", "string"], "description": "Unix milliseconds, or RFC 3339."})
}

fn calls() -> Vec<(&'static str, Value)> {
    let new_token = || ("new_token?", bounded(43, 43));
    let profile = || {
        vec![
            ("name?", nullable(text())),
            ("email?", nullable(text())),
            ("phone?", nullable(text())),
            ("avatar_url?", nullable(text())),
            ("attributes?", refer("Attributes")),
        ]
    };
    let mut identify = vec![
        ("user_id", json!({"type": ["string", "integer"]})),
        new_token(),
    ];
    identify.extend(profile());
    vec![
        (
            "TrackPage",
            call(
                "page",
                vec![("url", text()), ("title?", text()), ("referrer?", text())],
            ),
        ),
        (
            "TrackEvent",
            call(
                "event",
                vec![
                    ("name", bounded(1, 128)),
                    ("properties?", json!({"type": "object"})),
                ],
            ),
        ),
        ("TrackIdentify", call("identify", identify)),
        ("TrackUpdate", call("update", profile())),
        ("TrackReset", call("reset", vec![new_token()])),
        ("TrackSeen", call("seen", vec![("page", bounded(1, 64))])),
        ("TrackLeave", call("leave", vec![("page", bounded(1, 64))])),
    ]
}

fn call(kind: &str, fields: Vec<(&'static str, Value)>) -> Value {
    let mut all = vec![
        (
            "id",
            about(
                bounded(1, 64),
                "Unique for the visitor: a repeat is stored once.",
            ),
        ),
        ("call", json!({"const": kind})),
        ("at?", unix_ms()),
    ];
    all.extend(fields);
    object(&all)
}

fn answer() -> Value {
    let error = object(&[("code", text()), ("message", text()), ("field?", text())]);
    let result = object(&[
        ("id", text()),
        ("ok", flag()),
        ("duplicate?", flag()),
        ("error?", error),
    ]);
    object(&[
        ("results", json!({"type": "array", "items": result})),
        ("token?", about(text(), "Use this one from now on.")),
        ("visitor?", id()),
        ("tracking", flag()),
        (
            "config?",
            about(json!({"type": "object"}), "For the widget."),
        ),
    ])
}
