//! A filled form: what a visitor answered, read from the wire and judged against the form it fills.
//!
//! Answers are the visitor's own words: a name or an address in them is a claim.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Refusal;
use super::agent::Email;
use super::form::{CHOICE_CHARS, Field, FieldType, Form, LABEL_CHARS, MAX_CHOICES, MAX_FIELDS};

/// Longest answer of one line, in characters.
pub const LINE_CHARS: usize = 1_000;
/// Longest name, e-mail address and subject, in characters.
pub const SHORT_CHARS: usize = 256;
/// Longest answer of several lines, and longest comment of a rating, in characters.
pub const TEXT_CHARS: usize = 8_000;
/// Longest id of a field or a choice, in characters.
const ID_CHARS: usize = 64;

/// One chosen choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The id of the choice.
    pub id: String,
    /// What the visitor read.
    #[serde(default)]
    pub label: String,
    /// The number of the chosen group, in the answer of a group chooser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<i64>,
}

/// An answer that is not a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Text.
    Text(String),
    /// A rating.
    Rating {
        /// 0 is bad, 1 is good.
        score: i64,
        /// Why; may be empty.
        #[serde(default)]
        comment: String,
    },
    /// One choice.
    Choice(Chosen),
}

/// One field as a visitor filled it; its JSON is that of the wire and of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilledField {
    /// The id of the form's field.
    pub id: String,
    /// What the field asked for.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What the visitor read.
    #[serde(default)]
    pub label: String,
    /// The answer, for all types but checkbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// The answers of a checkbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<Chosen>>,
}

impl FilledField {
    /// Whether nothing was answered.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match (&self.answer, &self.answers) {
            (None, None) => true,
            (None, Some(answers)) => answers.is_empty(),
            (Some(Answer::Text(text)), _) => text.trim().is_empty(),
            (Some(Answer::Rating { .. } | Answer::Choice(_)), _) => false,
        }
    }

    /// The answer as people read it; empty where there is none.
    #[must_use]
    pub fn shown(&self) -> String {
        let chosen = |chosen: &Chosen| match chosen.label.is_empty() {
            true => chosen.id.clone(),
            false => chosen.label.clone(),
        };
        match (&self.answer, &self.answers) {
            (Some(Answer::Text(text)), _) => text.clone(),
            (Some(Answer::Choice(one)), _) => chosen(one),
            (Some(Answer::Rating { score, comment }), _) => {
                let word = if *score > 0 { "Good" } else { "Bad" };
                match comment.is_empty() {
                    true => word.into(),
                    false => format!("{word}: {comment}"),
                }
            }
            (None, Some(answers)) => answers.iter().map(chosen).collect::<Vec<_>>().join(", "),
            (None, None) => String::new(),
        }
    }
}

/// Reads the `fields` of a filled form from the wire: shapes, types and lengths. Keys that mean nothing are left out.
///
/// # Errors
/// [`Refusal::Validation`] that names the field from `fields` on, for example `fields.2.answer.id`.
pub fn parse(fields: &[Value]) -> Result<Vec<FilledField>, Refusal> {
    if fields.is_empty() {
        return Err(Refusal::invalid("fields", "must not be empty"));
    }
    if fields.len() > MAX_FIELDS {
        let reason = format!("must have at most {MAX_FIELDS} items");
        return Err(Refusal::invalid("fields", reason));
    }
    let mut seen = HashSet::new();
    fields
        .iter()
        .enumerate()
        .map(|(n, field)| {
            let at = format!("fields.{n}");
            let field = parse_field(&at, field)?;
            if !seen.insert(field.id.clone()) {
                return Err(Refusal::invalid(format!("{at}.id"), "stands here twice"));
            }
            Ok(field)
        })
        .collect()
}

fn parse_field(at: &str, field: &Value) -> Result<FilledField, Refusal> {
    let map = field
        .as_object()
        .ok_or_else(|| Refusal::invalid(at, "must be an object"))?;
    let word = text(at, map, "type", ID_CHARS)?.unwrap_or_default();
    let kind = FieldType::parse(&word)
        .ok_or_else(|| Refusal::invalid(format!("{at}.type"), "is no type of field"))?;
    let mut filled = FilledField {
        id: required(at, map, "id", ID_CHARS)?,
        kind,
        label: text(at, map, "label", LABEL_CHARS)?.unwrap_or_default(),
        answer: None,
        answers: None,
    };
    let path = format!("{at}.answer");
    let answer = map.get("answer").filter(|answer| !answer.is_null());
    match kind {
        FieldType::Header => {}
        FieldType::Checkbox => filled.answers = parse_answers(at, map)?,
        FieldType::Radio | FieldType::Select | FieldType::GroupChooser => {
            filled.answer = match answer {
                None => None,
                Some(answer) => Some(Answer::Choice(parse_chosen(&path, answer, kind)?)),
            };
        }
        FieldType::Rating => filled.answer = answer.map(|a| parse_rating(&path, a)).transpose()?,
        FieldType::Name
        | FieldType::Email
        | FieldType::Subject
        | FieldType::Question
        | FieldType::Textarea => {
            let max = max_chars(kind);
            filled.answer = text(at, map, "answer", max)?.map(Answer::Text);
        }
    }
    Ok(filled)
}

const fn max_chars(kind: FieldType) -> usize {
    match kind {
        FieldType::Name | FieldType::Email | FieldType::Subject => SHORT_CHARS,
        FieldType::Textarea | FieldType::Rating => TEXT_CHARS,
        FieldType::Header
        | FieldType::Question
        | FieldType::Radio
        | FieldType::Select
        | FieldType::Checkbox
        | FieldType::GroupChooser => LINE_CHARS,
    }
}

fn parse_answers(at: &str, map: &Map<String, Value>) -> Result<Option<Vec<Chosen>>, Refusal> {
    let at = format!("{at}.answers");
    let Some(answers) = map.get("answers").filter(|answers| !answers.is_null()) else {
        return Ok(None);
    };
    let list = answers
        .as_array()
        .ok_or_else(|| Refusal::invalid(&at, "must be a list"))?;
    if list.len() > MAX_CHOICES {
        let reason = format!("must have at most {MAX_CHOICES} items");
        return Err(Refusal::invalid(&at, reason));
    }
    list.iter()
        .enumerate()
        .map(|(n, answer)| parse_chosen(&format!("{at}.{n}"), answer, FieldType::Checkbox))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn parse_chosen(at: &str, answer: &Value, kind: FieldType) -> Result<Chosen, Refusal> {
    let map = answer
        .as_object()
        .ok_or_else(|| Refusal::invalid(at, "must be an object"))?;
    let group_id =
        match (kind, map.get("group_id")) {
            (FieldType::GroupChooser, Some(number)) => Some(number.as_i64().ok_or_else(|| {
                Refusal::invalid(format!("{at}.group_id"), "must be a whole number")
            })?),
            _ => None,
        };
    Ok(Chosen {
        id: required(at, map, "id", ID_CHARS)?,
        label: text(at, map, "label", CHOICE_CHARS)?.unwrap_or_default(),
        group_id,
    })
}

fn parse_rating(at: &str, answer: &Value) -> Result<Answer, Refusal> {
    let map = answer
        .as_object()
        .ok_or_else(|| Refusal::invalid(at, "must be an object"))?;
    let score = map.get("score").and_then(Value::as_i64);
    let score = score
        .filter(|score| (0..=1).contains(score))
        .ok_or_else(|| Refusal::invalid(format!("{at}.score"), "must be 0 or 1"))?;
    Ok(Answer::Rating {
        score,
        comment: text(at, map, "comment", TEXT_CHARS)?.unwrap_or_default(),
    })
}

fn required(
    at: &str,
    map: &Map<String, Value>,
    name: &str,
    max_chars: usize,
) -> Result<String, Refusal> {
    text(at, map, name, max_chars)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::invalid(format!("{at}.{name}"), "is required"))
}

/// Text without NUL, if the key is there.
fn text(
    at: &str,
    map: &Map<String, Value>,
    name: &str,
    max_chars: usize,
) -> Result<Option<String>, Refusal> {
    let Some(value) = map.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let at = || format!("{at}.{name}");
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::invalid(at(), "must be a string"))?;
    if text.chars().count() > max_chars {
        let reason = format!("must have at most {max_chars} characters");
        return Err(Refusal::invalid(at(), reason));
    }
    Ok(Some(text.replace('\0', "")))
}

/// What the answers of a filled form say of the visitor and of the chat: claims, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The name given.
    pub name: Option<String>,
    /// The e-mail address given; it has the shape of one.
    pub email: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The number of the group chosen.
    pub group: Option<i64>,
}

/// Judges answers against the form they fill.
///
/// # Errors
/// [`Refusal::Validation`] that names the field: `fields.2.id` for a field that the form has not, `fields.2.answer` for
/// an answer that it does not offer, and `fields` with the field's label where a required one is missing.
pub fn judge(form: &Form, filled: &[FilledField]) -> Result<Claims, Refusal> {
    let mut claims = Claims::default();
    for (n, answer) in filled.iter().enumerate() {
        let at = format!("fields.{n}");
        let field = form
            .fields
            .iter()
            .find(|field| field.id == answer.id)
            .ok_or_else(|| Refusal::invalid(format!("{at}.id"), "is no field of this form"))?;
        judge_field(&at, field, answer, &mut claims)?;
    }
    let answered = |field: &&Field| filled.iter().any(|answer| answer.id == field.id);
    match form
        .fields
        .iter()
        .find(|f| f.is_required && f.kind != FieldType::Header && !answered(f))
    {
        None => Ok(claims),
        Some(field) => Err(Refusal::invalid(
            "fields",
            format!("field {} ({}) is required", field.id, field.label),
        )),
    }
}

/// The number of the group chosen in answers that were judged.
#[must_use]
pub fn chosen_group(filled: &[FilledField]) -> Option<i64> {
    filled
        .iter()
        .filter(|field| field.kind == FieldType::GroupChooser)
        .find_map(|field| match &field.answer {
            // The choice's id is the group's number: what was offered is what is taken.
            Some(Answer::Choice(chosen)) => chosen.id.parse().ok(),
            Some(Answer::Text(_) | Answer::Rating { .. }) | None => None,
        })
}

/// Judged answers under the labels of their form: a client cannot put other words to a question or a choice.
#[must_use]
pub fn labelled(form: &Form, filled: &[FilledField]) -> Vec<FilledField> {
    let named = |answer: &FilledField| {
        let mut answer = answer.clone();
        let Some(field) = form.fields.iter().find(|field| field.id == answer.id) else {
            return answer;
        };
        answer.label.clone_from(&field.label);
        let rename = |chosen: &mut Chosen| {
            if let Some(choice) = field.choices.iter().find(|choice| choice.id == chosen.id) {
                chosen.label.clone_from(&choice.label);
            }
        };
        if let Some(Answer::Choice(chosen)) = &mut answer.answer {
            rename(chosen);
        }
        answer.answers.iter_mut().flatten().for_each(rename);
        answer
    };
    filled.iter().map(named).collect()
}

fn judge_field(
    at: &str,
    field: &Field,
    answer: &FilledField,
    claims: &mut Claims,
) -> Result<(), Refusal> {
    if answer.kind != field.kind {
        let reason = format!("must be {}", field.kind.as_str());
        return Err(Refusal::invalid(format!("{at}.type"), reason));
    }
    let name = if field.kind == FieldType::Checkbox {
        "answers"
    } else {
        "answer"
    };
    let at = format!("{at}.{name}");
    if answer.is_blank() {
        return match field.is_required && field.kind != FieldType::Header {
            true => Err(Refusal::invalid(at, "is required")),
            false => Ok(()),
        };
    }
    let offered = |chosen: &Chosen| field.choices.iter().any(|choice| choice.id == chosen.id);
    match (&answer.answer, &answer.answers) {
        (Some(Answer::Choice(chosen)), _) if !offered(chosen) => {
            return Err(Refusal::invalid(format!("{at}.id"), "is no choice here"));
        }
        (_, Some(chosen)) => {
            if let Some(n) = chosen.iter().position(|chosen| !offered(chosen)) {
                return Err(Refusal::invalid(
                    format!("{at}.{n}.id"),
                    "is no choice here",
                ));
            }
        }
        (Some(_) | None, None) => {}
    }
    claim(&at, field, answer, claims)
}

fn claim(
    at: &str,
    field: &Field,
    answer: &FilledField,
    claims: &mut Claims,
) -> Result<(), Refusal> {
    let line = || Some(answer.shown().trim().to_owned());
    match field.kind {
        FieldType::Name => claims.name = line(),
        FieldType::Subject => claims.subject = line(),
        FieldType::Email => {
            let email = Email::parse(&answer.shown())
                .map_err(|_| Refusal::invalid(at, "must be an e-mail address"))?;
            claims.email = Some(email.address().to_owned());
        }
        FieldType::GroupChooser => claims.group = chosen_group(std::slice::from_ref(answer)),
        FieldType::Header
        | FieldType::Question
        | FieldType::Textarea
        | FieldType::Radio
        | FieldType::Select
        | FieldType::Checkbox
        | FieldType::Rating => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
