//! What is read from tracked calls, and what is refused by name.

use super::*;

fn parse(text: &str) -> Result<Call, Refused> {
    Call::parse(&RawValue::from_string(text.into()).unwrap())
}

fn refused_field(text: &str) -> String {
    let Refusal::Validation { field, .. } = parse(text).expect_err(text).why else {
        panic!("{text} is refused for another reason");
    };
    field
}

#[test]
fn a_page_is_read() {
    let call = parse(
        r#"{"id":"a-1","call":"page","at":5,"url":"https://a.example/<b>","title":"<b>\ud83d","referrer":null}"#,
    )
    .unwrap();

    assert_eq!((call.id.as_str(), call.at), ("a-1", Some(5)));
    assert_eq!(
        call.what,
        What::Page(Page {
            url: "https://a.example/%3Cb%3E".into(),
            title: "<b>\u{FFFD}".into(),
            referrer: String::new(),
        })
    );
}

#[test]
fn a_profile_field_is_kept_cleared_or_set() {
    let call = parse(
        r#"{"id":"1","call":"update","name":null,"email":" A@Example.com ","attributes":{"plan":"pro","old":null}}"#,
    )
    .unwrap();

    let What::Update(change) = call.what else {
        panic!("not an update");
    };
    assert_eq!(change.name, Change::Clear);
    assert_eq!(change.phone, Change::Keep);
    assert_eq!(change.email, Change::Set("A@Example.com".into()));
    assert_eq!(change.attributes.len(), 2);
    assert_eq!(change.attributes[1], ("old".into(), Change::Clear));
}

#[test]
fn what_is_wrong_is_named() {
    let deep = format!(
        r#"{{"id":"1","call":"event","name":"x","properties":{{"a":{}{}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let cases = [
        ("[]", "calls"),
        ("7", "calls"),
        (r#"{"call":"page"}"#, "id"),
        (r#"{"id":7,"call":"page"}"#, "id"),
        (r#"{"id":"a:b","call":"page"}"#, "id"),
        (r#"{"id":"1"}"#, "call"),
        (r#"{"id":"1","call":"fly"}"#, "call"),
        (r#"{"id":"1","call":"page"}"#, "url"),
        (r#"{"id":"1","call":"page","url":7}"#, "url"),
        (
            r#"{"id":"1","call":"page","url":"javascript:alert(1)"}"#,
            "url",
        ),
        (
            r#"{"id":"1","call":"page","url":"https://a","title":[]}"#,
            "title",
        ),
        (
            r#"{"id":"1","call":"page","url":"https://a","at":1.5}"#,
            "at",
        ),
        (
            r#"{"id":"1","call":"page","url":"https://a","uri":"x"}"#,
            "uri",
        ),
        (r#"{"id":"1","call":"event"}"#, "name"),
        (r#"{"id":"1","call":"event","name":""}"#, "name"),
        (
            r#"{"id":"1","call":"event","name":"x","properties":[]}"#,
            "properties",
        ),
        (deep.as_str(), "properties"),
        (r#"{"id":"1","call":"identify"}"#, "user_id"),
        (r#"{"id":"1","call":"identify","user_id":true}"#, "user_id"),
        (r#"{"id":"1","call":"identify","user_id":"  "}"#, "user_id"),
        (
            r#"{"id":"1","call":"identify","user_id":"1","new_token":"x"}"#,
            "new_token",
        ),
        (r#"{"id":"1","call":"update","email":"nobody"}"#, "email"),
        (
            r#"{"id":"1","call":"update","avatar_url":"data:x"}"#,
            "avatar_url",
        ),
        (
            r#"{"id":"1","call":"update","attributes":{"a":{}}}"#,
            "attributes.a",
        ),
        (r#"{"id":"1","call":"leave"}"#, "page"),
    ];
    for (text, want) in cases {
        assert_eq!(refused_field(text), want, "{text}");
    }
}

#[test]
fn a_greeting_names_itself_and_one_of_three_states() {
    for (fields, want) in [
        (r#""state":"shown""#, "unique_id"),
        (r#""unique_id":"A""#, "state"),
        (r#""unique_id":"A","state":"seen""#, "state"),
    ] {
        let text = format!(r#"{{"id":"1","call":"greeting",{fields}}}"#);
        assert_eq!(refused_field(&text), want, "{text}");
    }
}

#[test]
fn a_number_is_a_user_id_too() {
    let call = parse(r#"{"id":"1","call":"identify","user_id":42}"#).unwrap();

    let What::Identify(identify) = call.what else {
        panic!("not an identify");
    };
    assert_eq!(identify.user_id, "42");
}
