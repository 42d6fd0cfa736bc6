//! Banning visitors and lifting bans on the dashboard.

use parlor::domain::ids::VisitorId;
use parlor::store::bans;

use crate::dashboard_actions::assert_back;
use crate::dashboard_room::{Page, Room};
use crate::support::house::{House, visitor_id};

pub fn is_banned(house: &House, visitor: VisitorId) -> bool {
    let (site, now) = (house.site, house.clock.now());
    house
        .read(move |tx| bans::active(tx, site, visitor, "", now))
        .is_some()
}

#[test]
fn a_visitor_is_banned_and_the_ban_lifted() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let root = visitor_id(&visitor);
    let here = format!("/chats/{chat}");
    let ban = format!("/visitors/{root}/ban");

    assert!(desk.get(&here).body.contains("Ban …"));
    assert_eq!(desk.get(&ban).status, 200);
    let fields = [
        ("length", "week"),
        ("reason", "Rude <b>twice</b>"),
        ("back", here.as_str()),
    ];
    assert_back(&desk.post(&ban, &fields), &here);

    assert!(is_banned(&room.house, root));
    for path in [
        here.clone(),
        format!("/visitors/{root}"),
        "/settings/bans".into(),
    ] {
        let page = desk.get(&path).body;
        assert!(page.contains("Rude &#60;b&#62;twice"), "{path}: {page}");
        assert!(page.contains("/ban/lifting"), "{path}");
    }
    room.recognise_people();
    assert!(desk.get("/visitors/all").body.contains("Banned</span>"));
    let lifted = desk.post(
        &format!("{ban}/lifting"),
        &[("back", "/settings/bans?done=lifted")],
    );
    assert_back(&lifted, "/settings/bans?done=lifted");
    assert!(!is_banned(&room.house, root));
    let page = desk.get("/settings/bans?done=lifted").body;
    assert!(page.contains("Nobody is banned") && page.contains("The ban was lifted."));
    assert!(!desk.get(&here).body.contains("/ban/lifting"));
}

#[test]
fn a_ban_ends_by_itself_and_a_wrong_form_bans_nobody() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let root = visitor_id(&visitor);
    let ban = format!("/visitors/{root}/ban");
    let long = "x".repeat(501);

    for (length, reason, field) in [
        ("", "", "length"),
        ("year", "", "length"),
        ("day", &*long, "reason"),
    ] {
        let page = room
            .owner
            .post(&ban, &[("length", length), ("reason", reason)]);
        assert_eq!(page.status, 422, "{field}");
        assert!(
            page.body.contains(&format!("id=\"{field}-error\"")),
            "{field}"
        );
    }
    assert!(!is_banned(&room.house, root));
    // Without an address of ours to go back to it is the profile.
    let done = room
        .owner
        .post(&ban, &[("length", "hour"), ("back", "//evil.example")]);
    assert_back(&done, &format!("/visitors/{root}"));
    assert!(is_banned(&room.house, root));

    room.house.clock.turn(3_600_001);

    assert!(!is_banned(&room.house, root));
    assert!(
        room.owner
            .get("/settings/bans")
            .body
            .contains("Nobody is banned")
    );
}

#[test]
fn bans_are_listed_page_by_page() {
    let room = Room::open();
    for _ in 0..53 {
        let root = visitor_id(&room.house.visitor());
        let ban = format!("/visitors/{root}/ban");
        assert_eq!(room.owner.post(&ban, &[("length", "lifted")]).status, 303);
    }

    let first = room.owner.get("/settings/bans");
    let second = room.owner.get(&first.link("Earlier bans").unwrap());

    let count = |page: &Page| page.body.matches("Until lifted").count();
    assert_eq!((count(&first), count(&second)), (50, 3));
    assert_eq!(second.link("Earlier bans"), None);
    assert_eq!(room.owner.get("/settings/bans?before=x").status, 400);
}

#[test]
fn a_ban_of_an_address_says_so_beside_a_neighbour() {
    let room = Room::open();
    let (one, other) = (room.house.visitor(), room.house.visitor());
    room.house
        .write(|tx, _| tx.exec("update visitors set ip = '192.0.2.0' where ip = ''", &[]))
        .unwrap();
    let ban = format!("/visitors/{}/ban", visitor_id(&one));
    assert!(room.owner.get(&ban).body.contains("192.0.2.0"));
    let fields = [("length", "day"), ("with_address", "on")];
    assert_eq!(room.owner.post(&ban, &fields).status, 303);

    let page = room
        .owner
        .get(&format!("/visitors/{}", visitor_id(&other)))
        .body;

    assert!(
        page.contains("somebody at this address is banned"),
        "{page}"
    );
    // Lifting it is lifting the ban of the one it was said of.
    assert!(page.contains(&format!("/visitors/{}/ban/lifting", visitor_id(&one))));
}
