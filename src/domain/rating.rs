//! A rating of a thread: a score and a comment, kept as properties, with lines of the conversation that say so.

use super::Refusal;
use super::event::Body;
use super::properties::{Properties, PropertyNames, PropertyValue};

/// The namespace of thread properties that holds the rating.
pub const NAMESPACE: &str = "rating";

const SCORE: &str = "score";
const COMMENT: &str = "comment";

/// The lines that follow a change of a thread's properties; none where it does not touch the rating.
///
/// # Errors
/// [`Refusal::Validation`] of `properties.rating.…` unless the score is 0 or 1, the comment a text, and there is nothing
/// else.
pub fn lines(updated: &Properties, deleted: &PropertyNames) -> Result<Vec<Body>, Refusal> {
    let mut lines = Vec::new();
    let mut comment = None;
    for (name, value) in updated.of(NAMESPACE) {
        let invalid = |reason| Refusal::invalid(format!("properties.{NAMESPACE}.{name}"), reason);
        match (name, value) {
            (SCORE, PropertyValue::Integer(0)) => lines.push(rated("bad")),
            (SCORE, PropertyValue::Integer(1)) => lines.push(rated("good")),
            (SCORE, _) => return Err(invalid("must be 0 or 1")),
            (COMMENT, PropertyValue::Text(text)) => comment = Some(text),
            (COMMENT, _) => return Err(invalid("must be a text")),
            _ => return Err(invalid("is not part of a rating")),
        }
    }
    if let Some(comment) = comment.filter(|comment| !comment.trim().is_empty()) {
        lines.push(Body::system(
            format!("The visitor left a comment: {comment}"),
            "rating.chat_commented",
            &[("comment", comment)],
        ));
    }
    if deleted.names(NAMESPACE).any(|name| name == SCORE) {
        lines.push(Body::system(
            "The visitor took the rating back.".to_owned(),
            "rating.chat_rating_canceled",
            &[],
        ));
    }
    Ok(lines)
}

fn rated(score: &str) -> Body {
    let text = format!("The visitor rated the chat as {score}.");
    Body::system(text, "rating.chat_rated", &[("score", score)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(
        updated: serde_json::Value,
        deleted: serde_json::Value,
    ) -> Result<Vec<String>, String> {
        let updated = Properties::parse("properties", &updated).unwrap();
        let deleted = PropertyNames::parse("properties", &deleted).unwrap();
        let lines = lines(&updated, &deleted).map_err(|refusal| refusal.to_string())?;
        let kind = |body: Body| {
            let Body::SystemMessage {
                system_message_type,
                ..
            } = body
            else {
                panic!("{body:?}");
            };
            system_message_type
        };
        Ok(lines.into_iter().map(kind).collect())
    }

    #[test]
    fn a_rating_is_said_with_its_comment_after_the_score() {
        let said = |updated| kinds(updated, json!({})).unwrap();

        assert_eq!(said(json!({"rating": {"score": 1}})), ["rating.chat_rated"]);
        assert_eq!(
            said(json!({"rating": {"comment": "Fast", "score": 0}})),
            ["rating.chat_rated", "rating.chat_commented"]
        );
        assert!(said(json!({"rating": {"comment": " "}})).is_empty());
        assert!(said(json!({"shop": {"score": 7}})).is_empty());
        assert_eq!(
            kinds(json!({}), json!({"rating": ["comment", "score"]})).unwrap(),
            ["rating.chat_rating_canceled"]
        );
        assert!(
            kinds(json!({}), json!({"rating": ["comment"]}))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_rating_is_named() {
        for (bad, message) in [
            (
                json!({"score": 2}),
                "properties.rating.score: must be 0 or 1",
            ),
            (
                json!({"score": "1"}),
                "properties.rating.score: must be 0 or 1",
            ),
            (
                json!({"score": true}),
                "properties.rating.score: must be 0 or 1",
            ),
            (
                json!({"comment": 1}),
                "properties.rating.comment: must be a text",
            ),
            (
                json!({"stars": 5}),
                "properties.rating.stars: is not part of a rating",
            ),
        ] {
            assert_eq!(
                kinds(json!({"rating": bad}), json!({})),
                Err(message.to_owned())
            );
        }
    }
}
