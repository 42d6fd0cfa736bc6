//! Rich messages as they are read, pressed and refused.

use serde_json::json;

use super::*;

fn parse(json: &Value) -> Result<RichMessage, Refusal> {
    RichMessage::parse("event", json.as_object().unwrap())
}

#[test]
fn cards_keep_all_they_show() {
    let cards = json!({"template_id": "cards", "elements": [{
        "title": "Green tea", "subtitle": "Fresh",
        "image": {"url": "https://shop.example/tea.png", "name": "tea.png", "width": 3, "height": 2},
        "buttons": [
            {"type": "message", "text": "Yes", "postback_id": "yes", "user_ids": [], "value": "Yes", "role": "primary"},
            {"type": "url", "text": "Look", "postback_id": "look", "user_ids": [], "value": "https://shop.example/", "target": "new"},
            {"type": "webview", "text": "Order", "postback_id": "order", "user_ids": [], "value": "https://shop.example/o", "webview_height": "tall"},
            {"type": "phone", "text": "Call", "postback_id": "call", "user_ids": [], "value": "+49 30 1234"},
            {"type": "cancel", "text": "No", "postback_id": "no", "user_ids": []},
            {"text": "Maybe", "postback_id": "maybe", "user_ids": []},
        ],
    }]});

    let parsed = parse(&cards).unwrap();

    assert_eq!(serde_json::to_value(&parsed).unwrap(), cards);
    assert_eq!(parsed.first_words(), "Green tea");
    assert_eq!(
        serde_json::from_value::<RichMessage>(cards).unwrap(),
        parsed
    );
}

#[test]
fn nobody_has_pressed_a_new_button_and_an_edit_keeps_who_has() {
    let new = json!({"template_id": "quick_replies", "elements": [{"title": "Tea?", "buttons": [
        {"text": "Yes", "postback_id": "yes", "user_ids": ["9"]}, {"text": "No", "postback_id": "no"}]}]});
    let fresh = parse(&new).unwrap();
    assert!(fresh.elements[0].buttons[0].user_ids.is_empty());
    let mut before = fresh.clone();
    for button in before.buttons_mut("yes") {
        button.user_ids.push(VisitorId(4));
    }

    let after = fresh.pressed_as_in(&before);

    assert_eq!(after.elements[0].buttons[0].user_ids, [VisitorId(4)]);
    assert!(after.elements[0].buttons[1].user_ids.is_empty());
}

/// Refused by this name.
#[track_caller]
fn names(bad: &Value, name: &str) {
    let refusal = parse(bad).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::Validation { field, .. } if field == name),
        "{bad}: {refusal:?}"
    );
}

fn element(element: Value) -> Value {
    json!({"template_id": "cards", "elements": [element]})
}

fn button(button: Value) -> Value {
    element(json!({ "buttons": [button] }))
}

#[test]
fn what_does_not_fit_is_named() {
    let good = json!({"text": "x", "postback_id": "x"});
    for (bad, name) in [
        (json!({"elements": []}), "event.template_id"),
        (json!({"template_id": 1}), "event.template_id"),
        (json!({"template_id": "carousel"}), "event.template_id"),
        (json!({"template_id": "cards"}), "event.elements"),
        (
            json!({"template_id": "cards", "elements": []}),
            "event.elements",
        ),
        (
            json!({"template_id": "cards", "elements": {}}),
            "event.elements",
        ),
        (
            json!({"template_id": "cards", "elements": vec![json!({"title": "x"}); 11]}),
            "event.elements",
        ),
        (
            json!({"template_id": "quick_replies", "elements": vec![json!({"title": "x"}); 2]}),
            "event.elements",
        ),
        (
            json!({"template_id": "sticker", "elements": [{"title": "x"}]}),
            "event.elements.0.image",
        ),
        (element(json!({})), "event.elements.0"),
        (element(json!(1)), "event.elements.0"),
        (
            element(json!({"title": "x".repeat(1_001)})),
            "event.elements.0.title",
        ),
        (
            element(json!({"subtitle": []})),
            "event.elements.0.subtitle",
        ),
        (element(json!({"image": {}})), "event.elements.0.image.url"),
        (
            element(json!({"image": {"url": "javascript:alert(1)"}})),
            "event.elements.0.image.url",
        ),
        (
            element(json!({"image": {"url": "https://a.b/", "width": "3"}})),
            "event.elements.0.image.width",
        ),
        (
            element(json!({"buttons": vec![good; 14]})),
            "event.elements.0.buttons",
        ),
    ] {
        names(&bad, name);
    }
}

#[test]
fn what_does_not_fit_in_a_button_is_named() {
    for (bad, name) in [
        (
            button(json!({"postback_id": "x"})),
            "event.elements.0.buttons.0.text",
        ),
        (
            button(json!({"text": "x"})),
            "event.elements.0.buttons.0.postback_id",
        ),
        (
            button(json!({"text": "x", "postback_id": "x", "type": "form"})),
            "event.elements.0.buttons.0.type",
        ),
        (
            button(json!({"text": "x", "postback_id": "x", "type": "url"})),
            "event.elements.0.buttons.0.value",
        ),
        (
            button(
                json!({"text": "x", "postback_id": "x", "type": "url", "value": "javascript:x"}),
            ),
            "event.elements.0.buttons.0.value",
        ),
        (
            button(json!({"text": "x", "postback_id": "x", "type": "phone", "value": "abc"})),
            "event.elements.0.buttons.0.value",
        ),
        (
            button(json!({"text": "x", "postback_id": "x", "role": "main"})),
            "event.elements.0.buttons.0.role",
        ),
        (
            button(json!({"text": "x", "postback_id": "x", "target": 1})),
            "event.elements.0.buttons.0.target",
        ),
    ] {
        names(&bad, name);
    }
}
