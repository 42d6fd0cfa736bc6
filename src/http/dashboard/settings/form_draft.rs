//! A form while it is edited: every button posts the whole draft, which comes back changed. Nothing is kept until it is saved.

use crate::domain::form::{Choice, Field, FieldType, Form, FormKind, MAX_FIELDS};
use crate::http::dashboard::form::{Errors, Fields};

/// What a button of the editor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Keep the form.
    Save,
    /// Draw the draft again.
    Draw,
    /// Put a new field of this type at the end.
    Add(FieldType),
    /// Move the field one place up.
    Up(usize),
    /// Move the field one place down.
    Down(usize),
    /// Take the field away.
    Remove(usize),
}

impl Wish {
    /// The wish of the button that was pressed; `None` for one that is not on the page.
    pub(super) fn parse(fields: &Fields) -> Option<Self> {
        let word = fields.get("do");
        match word {
            "save" => return Some(Self::Save),
            "draw" => return Some(Self::Draw),
            "add" => return FieldType::parse(fields.get("new_type")).map(Self::Add),
            _ => {}
        }
        let (word, place) = word.split_once('-')?;
        let place = place.parse().ok()?;
        match word {
            "up" => Some(Self::Up(place)),
            "down" => Some(Self::Down(place)),
            "remove" => Some(Self::Remove(place)),
            _ => None,
        }
    }
}

/// Reads the draft out of a post. A field of an unknown type is left out: the page offers none.
pub(super) fn parse(fields: &Fields, kind: FormKind, group_numbers: &[i64]) -> Form {
    let count = fields
        .get("count")
        .parse()
        .unwrap_or(0_usize)
        .min(MAX_FIELDS + 1);
    Form {
        id: None,
        kind,
        is_enabled: fields.is_checked("is_enabled"),
        fields: (0..count)
            .filter_map(|n| parse_field(fields, n, group_numbers))
            .collect(),
    }
}

fn parse_field(fields: &Fields, n: usize, group_numbers: &[i64]) -> Option<Field> {
    let name = |part: &str| format!("fields.{n}.{part}");
    let kind = FieldType::parse(fields.get(&name("type")))?;
    let choice = |line: &str| Choice {
        id: String::new(),
        label: line.trim().to_owned(),
    };
    Some(Field {
        id: fields.get(&name("id")).to_owned(),
        kind,
        label: fields.get(&name("label")).to_owned(),
        is_required: fields.is_checked(&name("required")),
        choices: fields
            .get(&name("choices"))
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(choice)
            .collect(),
        groups: group_numbers
            .iter()
            .copied()
            .filter(|number| fields.is_checked(&name(&format!("groups.{number}"))))
            .collect(),
        comment_label: fields.get(&name("comment_label")).to_owned(),
    })
}

/// Does what a button asks for to the draft. What cannot be done is an error of the form as a whole.
pub(super) fn grant(form: &mut Form, wish: Wish, errors: &mut Errors) {
    let fields = &mut form.fields;
    match wish {
        Wish::Save | Wish::Draw => {}
        Wish::Add(_) if fields.len() >= MAX_FIELDS => {
            errors.add(
                "fields",
                &format!("a form can have at most {MAX_FIELDS} fields"),
            );
        }
        Wish::Add(kind) => fields.push(Field::new(kind, "", false)),
        Wish::Up(n) if n > 0 && n < fields.len() => fields.swap(n - 1, n),
        Wish::Down(n) if n + 1 < fields.len() => fields.swap(n, n + 1),
        Wish::Remove(n) if n < fields.len() => {
            fields.remove(n);
        }
        // The field is at the end already, or gone.
        Wish::Up(_) | Wish::Down(_) | Wish::Remove(_) => {}
    }
}

/// The type as people read it.
pub(super) const fn type_name(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Header => "Text above the questions",
        FieldType::Name => "Name",
        FieldType::Email => "E-mail address",
        FieldType::Subject => "Subject",
        FieldType::Question => "Question, one line",
        FieldType::Textarea => "Question, several lines",
        FieldType::Radio => "One of several choices",
        FieldType::Select => "One choice out of a list",
        FieldType::Checkbox => "Any of several choices",
        FieldType::GroupChooser => "Choose a group",
        FieldType::Rating => "Rating",
    }
}
