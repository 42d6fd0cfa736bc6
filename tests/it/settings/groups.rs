//! Settings → Groups: the list, making, changing and deleting a group; the chats an agent takes.

use super::{path_of, staff, with};

fn form(member: i64) -> Vec<(String, String)> {
    let mut form: Vec<(String, String)> = [
        ("name", "Tea <b>& Cake"),
        ("has_hours", "on"),
        ("zone", "Europe/Berlin"),
        ("monday", "9-12, 13:00-17:30"),
        ("tuesday", ""),
        ("wednesday", ""),
        ("thursday", ""),
        ("friday", "22:00-02:00"),
        ("saturday", ""),
        ("sunday", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    form.push((format!("member_{member}"), "on".into()));
    form
}

fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

#[test]
fn a_group_is_made_changed_and_deleted() {
    let staff = staff();
    let admin = &staff.people[1];
    let made = form(staff.other);

    let page = admin.get("/settings/groups");
    assert!(page.body.contains("All chats go to one group"));
    let done = admin.post("/settings/groups/new", &pairs(&made));
    assert_eq!(done.status, 303, "{}", done.body);

    let list = admin.get("/settings/groups").body;
    assert!(list.contains("Tea &#60;b&#62;&#38; Cake"), "{list}");
    assert!(list.contains("No. 1"));
    let page = admin.get("/settings/groups/1").body;
    assert!(
        page.contains("value=\"09:00-12:00, 13:00-17:30\""),
        "{page}"
    );
    assert!(page.contains("value=\"22:00-02:00\"") && page.contains("value=\"Europe/Berlin\""));
    let member = format!("name=\"member_{}\" checked", staff.other);
    assert!(page.contains(&member));
    let stranger = format!("name=\"member_{}\" checked", staff.ids[2]);
    assert!(!page.contains(&stranger));

    let done = admin.post("/settings/groups/1/deletion", &[]);
    assert_eq!(done.status, 303);
    assert_eq!(admin.get("/settings/groups/1").status, 404);
    assert_eq!(admin.post("/settings/groups/1", &pairs(&made)).status, 404);
    assert_eq!(admin.post("/settings/groups/0/deletion", &[]).status, 409);
}

#[test]
fn a_wrong_group_form_names_its_fields_and_saves_nothing() {
    let staff = staff();
    let admin = &staff.people[1];
    let made = form(staff.other);
    let mut wrong = with(pairs(&made), "name", " ");
    wrong = with(wrong, "zone", "Europe/Atlantis");
    let page = admin.post("/settings/groups/new", &wrong);

    assert_eq!(page.status, 422);
    for field in ["name", "zone"] {
        assert!(
            page.body.contains(&format!("id=\"{field}-error\"")),
            "{field}"
        );
    }
    assert!(
        page.body.contains("value=\"Europe/Atlantis\""),
        "what was typed"
    );
    let wrong = with(pairs(&made), "sunday", "all day");
    let page = admin.post("/settings/groups/new", &wrong);
    assert_eq!(page.status, 422);
    assert!(page.body.contains("id=\"sunday-error\""));
    assert_eq!(admin.get("/settings/groups/1").status, 404);
    assert_eq!(admin.get("/settings/groups/x").status, 404);
}

#[test]
fn only_admins_configure_groups() {
    let staff = staff();
    let made = form(staff.other);
    let agent = &staff.people[2];
    for path in [
        "/settings/groups",
        "/settings/groups/0",
        "/settings/groups/new",
    ] {
        assert_eq!(agent.get(path).status, 403, "{path}");
    }
    for path in [
        "/settings/groups/0",
        "/settings/groups/new",
        "/settings/groups/0/deletion",
    ] {
        assert_eq!(agent.post(path, &pairs(&made)).status, 403, "{path}");
    }
}

#[test]
fn an_admin_says_how_many_chats_an_agent_takes() {
    let staff = staff();
    let admin = &staff.people[1];
    let max = |id: i64| {
        staff
            .app
            .db()
            .read_blocking(move |tx| {
                tx.int("select max_chats from agents where id = ?1", &[id.into()])
            })
            .unwrap()
    };
    let path = path_of(staff.other, "/max-chats");

    assert_eq!(admin.post(&path, &[("max_chats", " 7 ")]).status, 303);
    assert_eq!(max(staff.other), 7);
    for bad in ["", "-1", "1001", "many"] {
        let page = admin.post(&path, &[("max_chats", bad)]);
        assert_eq!(page.status, 422, "{bad}");
        assert!(page.body.contains("id=\"max_chats-error\""), "{bad}");
    }
    let own = path_of(staff.ids[1], "/max-chats");
    assert_eq!(admin.post(&own, &[("max_chats", "3")]).status, 303);
    assert_eq!(max(staff.ids[1]), 3);
    let owner = path_of(staff.ids[0], "/max-chats");
    assert_eq!(admin.post(&owner, &[("max_chats", "3")]).status, 403);
    let plain = &staff.people[2];
    assert_eq!(plain.post(&path, &[("max_chats", "3")]).status, 403);
    assert_eq!(max(staff.other), 7);
}
