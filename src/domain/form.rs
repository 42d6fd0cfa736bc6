//! A form: questions asked around a chat, one of each kind for each group. What a form may hold, and its default texts.
//!
//! What visitors answer is in `form_answers`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::agent::optional_line;
use super::ids::FormId;

/// Most fields of a form.
pub const MAX_FIELDS: usize = 30;
/// Most choices of one field.
pub const MAX_CHOICES: usize = 50;
/// Longest label of a field, in characters.
pub const LABEL_CHARS: usize = 200;
/// Longest label of a choice, in characters.
pub const CHOICE_CHARS: usize = 120;

/// When a form is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormKind {
    /// Before a chat.
    Prechat,
    /// After a chat.
    Postchat,
    /// In place of a chat, while nobody is there.
    Ticket,
}

impl FormKind {
    /// All kinds, in the order of a visit.
    pub const ALL: [Self; 3] = [Self::Prechat, Self::Postchat, Self::Ticket];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prechat => "prechat",
            Self::Postchat => "postchat",
            Self::Ticket => "ticket",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The types of field that a form of this kind may have, in the order in which they are offered.
    #[must_use]
    pub const fn field_types(self) -> &'static [FieldType] {
        use FieldType::{
            Checkbox, Email, GroupChooser, Header, Name, Question, Radio, Rating, Select, Subject,
            Textarea,
        };
        match self {
            Self::Prechat => &[
                Header,
                Name,
                Email,
                Subject,
                Question,
                Textarea,
                Radio,
                Select,
                Checkbox,
                GroupChooser,
            ],
            Self::Postchat => &[Header, Rating, Question, Textarea, Radio, Select, Checkbox],
            Self::Ticket => &[
                Header, Name, Email, Subject, Question, Textarea, Radio, Select, Checkbox,
            ],
        }
    }
}

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Nothing: a text above the questions.
    Header,
    /// The visitor's name.
    Name,
    /// The visitor's e-mail address.
    Email,
    /// What it is about.
    Subject,
    /// One line.
    Question,
    /// Several lines.
    Textarea,
    /// One of several choices, all shown.
    Radio,
    /// One of several choices, in a list.
    Select,
    /// Any of several choices.
    Checkbox,
    /// The group that should answer.
    GroupChooser,
    /// Good or bad, and why.
    Rating,
}

impl FieldType {
    /// All types.
    pub const ALL: [Self; 11] = [
        Self::Header,
        Self::Name,
        Self::Email,
        Self::Subject,
        Self::Question,
        Self::Textarea,
        Self::Radio,
        Self::Select,
        Self::Checkbox,
        Self::GroupChooser,
        Self::Rating,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Name => "name",
            Self::Email => "email",
            Self::Subject => "subject",
            Self::Question => "question",
            Self::Textarea => "textarea",
            Self::Radio => "radio",
            Self::Select => "select",
            Self::Checkbox => "checkbox",
            Self::GroupChooser => "group_chooser",
            Self::Rating => "rating",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether its choices are written by whoever makes the form.
    #[must_use]
    pub const fn has_choices(self) -> bool {
        matches!(self, Self::Radio | Self::Select | Self::Checkbox)
    }

    /// Whether a form can have only one of it.
    const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Email | Self::Subject | Self::GroupChooser | Self::Rating
        )
    }
}

/// One choice of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Stable, unique in its field; empty until the form is saved.
    pub id: String,
    /// What visitors read.
    pub label: String,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Stable, unique in its form; empty until the form is saved.
    pub id: String,
    /// What it asks for.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What visitors read, 1 to [`LABEL_CHARS`] characters.
    pub label: String,
    /// Whether it has to be answered.
    #[serde(default)]
    pub is_required: bool,
    /// The choices of radio, select and checkbox; in a group chooser read for visitors, the groups' names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The numbers of the groups that a group chooser offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<i64>,
    /// The question beside a rating; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment_label: String,
}

impl Field {
    /// A field of this type that is not saved yet.
    #[must_use]
    pub fn new(kind: FieldType, label: &str, is_required: bool) -> Self {
        Self {
            id: String::new(),
            kind,
            label: label.into(),
            is_required,
            choices: Vec::new(),
            groups: Vec::new(),
            comment_label: String::new(),
        }
    }
}

/// The form of one kind of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its id; `None` while nobody has saved it.
    pub id: Option<FormId>,
    /// When it is shown.
    pub kind: FormKind,
    /// Whether it is shown at all.
    pub is_enabled: bool,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

impl Form {
    /// The form that a group starts with: good words, switched off.
    #[must_use]
    pub fn standard(kind: FormKind) -> Self {
        use FieldType::{Email, Header, Name, Rating, Subject, Textarea};
        let field = Field::new;
        let fields = match kind {
            FormKind::Prechat => vec![
                field(
                    Header,
                    "Welcome! Tell us who you are, and we will be right with you.",
                    false,
                ),
                field(Name, "Your name", true),
                field(Email, "Your e-mail address", false),
                field(Textarea, "How can we help?", false),
            ],
            FormKind::Postchat => vec![
                field(Header, "Thank you for talking to us.", false),
                Field {
                    comment_label: "What could we do better?".into(),
                    ..field(Rating, "How was this chat?", false)
                },
            ],
            FormKind::Ticket => vec![
                field(
                    Header,
                    "Nobody is here right now. Leave us a message, and we will answer by e-mail.",
                    false,
                ),
                field(Name, "Your name", false),
                field(Email, "Your e-mail address", true),
                field(Subject, "Subject", false),
                field(Textarea, "Your message", true),
            ],
        };
        Self {
            id: None,
            kind,
            is_enabled: false,
            fields,
        }
    }

    /// The same with texts trimmed and what does not belong to a field's type taken away.
    ///
    /// # Errors
    /// All that is wrong, each with its field: `fields.2.label`, `fields.2.choices`, `fields.2.type`, or `fields` for what
    /// is wrong with the form as a whole.
    pub fn checked(&self) -> Result<Self, Vec<Refusal>> {
        let mut errors = Vec::new();
        let fields: Vec<Field> = self
            .fields
            .iter()
            .enumerate()
            .map(|(n, field)| checked_field(n, field, self.kind, &mut errors))
            .collect();
        check_singles(&fields, &mut errors);
        if let Err(refusal) = self.check_whole() {
            errors.push(refusal);
        }
        if errors.is_empty() {
            Ok(Self {
                fields,
                ..self.clone()
            })
        } else {
            Err(errors)
        }
    }

    fn check_whole(&self) -> Result<(), Refusal> {
        let has = |kind| self.fields.iter().any(|field| field.kind == kind);
        if self.fields.len() > MAX_FIELDS {
            let reason = format!("a form can have at most {MAX_FIELDS} fields");
            return Err(Refusal::invalid("fields", reason));
        }
        if !self.fields.iter().any(|f| f.kind != FieldType::Header) {
            return Err(Refusal::invalid(
                "fields",
                "a form needs at least one question",
            ));
        }
        if self.kind == FormKind::Ticket && !has(FieldType::Email) {
            let reason = "a ticket form needs an e-mail field, or nobody could be answered";
            return Err(Refusal::invalid("fields", reason));
        }
        Ok(())
    }
}

fn checked_field(n: usize, field: &Field, form: FormKind, errors: &mut Vec<Refusal>) -> Field {
    let at = |name: &str| format!("fields.{n}.{name}");
    let mut text = |name: &str, text: &str, max: usize, is_required: bool| {
        let line = optional_line(&at(name), text, max);
        match line {
            Ok(line) if line.is_empty() && is_required => {
                errors.push(Refusal::invalid(at(name), "please fill this in"));
                line
            }
            Ok(line) => line,
            Err(refusal) => {
                errors.push(refusal);
                String::new()
            }
        }
    };
    let label = text("label", &field.label, LABEL_CHARS, true);
    let comment_label = if field.kind == FieldType::Rating {
        text("comment_label", &field.comment_label, LABEL_CHARS, false)
    } else {
        String::new()
    };
    if !form.field_types().contains(&field.kind) {
        errors.push(Refusal::invalid(
            at("type"),
            "this form cannot have such a field",
        ));
    }
    let choices = match field.kind.has_choices() {
        true => checked_choices(&at("choices"), &field.choices, errors),
        false => Vec::new(),
    };
    let groups = if field.kind == FieldType::GroupChooser {
        field.groups.clone()
    } else {
        Vec::new()
    };
    if field.kind == FieldType::GroupChooser && groups.is_empty() {
        errors.push(Refusal::invalid(at("groups"), "choose at least one group"));
    }
    Field {
        id: field.id.clone(),
        kind: field.kind,
        label,
        is_required: field.is_required && field.kind != FieldType::Header,
        choices,
        groups,
        comment_label,
    }
}

fn checked_choices(at: &str, choices: &[Choice], errors: &mut Vec<Refusal>) -> Vec<Choice> {
    let mut checked: Vec<Choice> = Vec::with_capacity(choices.len());
    for choice in choices {
        match optional_line(at, &choice.label, CHOICE_CHARS) {
            Ok(label) if label.is_empty() => {}
            Ok(label) => checked.push(Choice {
                id: choice.id.clone(),
                label,
            }),
            Err(refusal) => errors.push(refusal),
        }
    }
    let distinct: HashSet<&str> = checked.iter().map(|c| c.label.as_str()).collect();
    if distinct.len() < checked.len() {
        errors.push(Refusal::invalid(at, "each choice may stand here once"));
    }
    if checked.is_empty() {
        errors.push(Refusal::invalid(at, "write at least one choice"));
    }
    if checked.len() > MAX_CHOICES {
        let reason = format!("at most {MAX_CHOICES} choices");
        errors.push(Refusal::invalid(at, reason));
    }
    checked
}

fn check_singles(fields: &[Field], errors: &mut Vec<Refusal>) {
    let mut seen = HashSet::new();
    for (n, field) in fields.iter().enumerate() {
        if field.kind.is_single() && !seen.insert(field.kind) {
            errors.push(Refusal::invalid(
                format!("fields.{n}.type"),
                "a form can have one field of this type",
            ));
        }
    }
}

#[cfg(test)]
mod tests;
