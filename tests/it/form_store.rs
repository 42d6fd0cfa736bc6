//! Forms as they are stored: one of each kind for each group, with ids that stay.

use parlor::db::Result;
use parlor::domain::Refusal;
use parlor::domain::form::{Choice, Field, FieldType, Form, FormKind};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::store::forms::{self, GroupForm};

use crate::support::each_engine;
use crate::support::house::{House, refusal};

fn configure(house: &House) -> Permit {
    authorize(
        &Subject::System,
        Action::ConfigureChat,
        Object::Site(house.site),
    )
    .unwrap()
}

fn save(house: &House, group: i64, form: &Form) -> Result<GroupForm> {
    let (permit, form) = (configure(house), form.clone());
    house.write(move |tx, now| forms::save(tx, &permit, group, &form, now))
}

fn shown(house: &House, group: i64, kind: FormKind) -> Result<Option<Vec<Field>>> {
    let visitor = house.visitor();
    let site = house.site;
    house.write(move |tx, _| {
        let permit = authorize(&visitor, Action::ReadForms, Object::Site(site))?;
        Ok(forms::shown(tx, &permit, group, kind)?.map(|(_, fields)| fields))
    })
}

fn choices(labels: &[&str]) -> Vec<Choice> {
    let choice = |label: &&str| Choice {
        id: String::new(),
        label: (*label).into(),
    };
    labels.iter().map(choice).collect()
}

fn enabled(kind: FormKind, fields: Vec<Field>) -> Form {
    Form {
        is_enabled: true,
        fields,
        ..Form::standard(kind)
    }
}

#[test]
fn a_form_is_shown_only_while_it_is_switched_on() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);

        assert_eq!(shown(&house, 0, FormKind::Prechat).unwrap(), None);
        let form = Form {
            is_enabled: true,
            ..Form::standard(FormKind::Prechat)
        };
        let saved = save(&house, 0, &form).unwrap();
        let fields = shown(&house, 0, FormKind::Prechat).unwrap().unwrap();
        assert_eq!(fields, saved.form.fields);
        assert!(fields.iter().all(|field| !field.id.is_empty()));
        assert_eq!(shown(&house, 0, FormKind::Ticket).unwrap(), None);
        let off = Form {
            is_enabled: false,
            ..saved.form
        };
        save(&house, 0, &off).unwrap();
        assert_eq!(shown(&house, 0, FormKind::Prechat).unwrap(), None);
        let unknown = shown(&house, 9, FormKind::Prechat);
        assert_eq!(refusal(unknown), Refusal::GroupNotFound);
    });
}

#[test]
fn ids_stay_with_what_they_name() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let radio = Field {
            choices: choices(&["Tea", "Coffee"]),
            ..Field::new(FieldType::Radio, "Which?", false)
        };
        let form = enabled(
            FormKind::Prechat,
            vec![Field::new(FieldType::Name, "Name", false), radio],
        );
        let first = save(&house, 0, &form).unwrap().form;

        let mut changed = first.clone();
        changed.fields.swap(0, 1);
        changed.fields[0].choices = choices(&["Coffee", "Water"]);
        changed.fields[1].label = "Your name".into();
        changed.fields.push(first.fields[0].clone());
        changed.fields[2].kind = FieldType::Question;
        let second = save(&house, 0, &changed).unwrap().form;

        assert_eq!(second.id, first.id);
        assert_eq!(second.fields[0].id, first.fields[1].id);
        assert_eq!(second.fields[1].id, first.fields[0].id);
        let ids: Vec<&str> = second.fields.iter().map(|f| f.id.as_str()).collect();
        assert!(!ids[..2].contains(&ids[2]), "another type is another field");
        let (before, after) = (&first.fields[1].choices, &second.fields[0].choices);
        assert_eq!(after[0].id, before[1].id, "Coffee is Coffee");
        assert!(before.iter().all(|choice| choice.id != after[1].id));
    });
}

#[test]
fn a_group_chooser_offers_the_groups_that_are_there() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let chooser = Field {
            groups: vec![0],
            ..Field::new(FieldType::GroupChooser, "About", true)
        };
        let form = enabled(FormKind::Prechat, vec![chooser.clone()]);
        save(&house, 0, &form).unwrap();

        let fields = shown(&house, 0, FormKind::Prechat).unwrap().unwrap();
        assert_eq!(fields[0].choices[0].id, "0");
        assert_eq!(fields[0].choices[0].label, "General");
        let unknown = Field {
            groups: vec![0, 5],
            ..chooser
        };
        let form = enabled(FormKind::Prechat, vec![unknown]);
        assert_eq!(refusal(save(&house, 0, &form)), Refusal::GroupNotFound);
    });
}

#[test]
fn what_does_not_fit_is_not_saved_and_strangers_save_nothing() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let other = House::new(db, clock);
        let empty = enabled(FormKind::Postchat, Vec::new());
        let stranger = other.agent("Eve");
        let site = house.site;

        assert_eq!(
            refusal(save(&house, 0, &empty)),
            Refusal::invalid("fields", "a form needs at least one question")
        );
        let foreign = authorize(&stranger, Action::ConfigureChat, Object::Site(site));
        assert_eq!(foreign, Err(Refusal::NotFound("site")));
        let agent = authorize(
            &house.agent("Ada"),
            Action::ConfigureChat,
            Object::Site(site),
        );
        assert_eq!(agent, Err(Refusal::NotAllowed));
        let saved = save(&other, 0, &Form::standard(FormKind::Ticket)).unwrap();
        let id = saved.form.id.unwrap().to_string();
        let foreign = house.write(move |tx, _| forms::check(tx, site, &id, &[]));
        assert_eq!(refusal(foreign), Refusal::NotFound("form"));
    });
}
