//! Bans and endings in the store, on both engines.

use parlor::db::{Dialect, Result};
use parlor::domain::Refusal;
use parlor::domain::disconnect::DisconnectReason;
use parlor::domain::ids::VisitorId;
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::store::bans::{self, Ban, NewBan};
use parlor::store::endings::{self, Ending};
use parlor::store::merges::{self, Cause, NewMerge};

use crate::support::each_engine;
use crate::support::house::{House, message, refusal, visitor_id};

const HOUR_MS: i64 = 3_600_000;

fn permit(house: &House, who: &Subject, root: VisitorId) -> Permit {
    let site = house.site;
    authorize(who, Action::BanVisitor, Object::Visitor { site, root }).unwrap()
}

fn ban(house: &House, agent: &Subject, of: VisitorId, new: &NewBan) -> Result<Ban> {
    let (permit, new) = (permit(house, agent, of), new.clone());
    house.write(move |tx, now| bans::ban(tx, &permit, &new, now))
}

fn active(house: &House, of: VisitorId, ip: &'static str, later_ms: i64) -> bool {
    let site = house.site;
    house
        .write(move |tx, now| bans::active(tx, site, of, ip, now + later_ms))
        .unwrap()
        .is_some()
}

#[test]
fn a_ban_ends_by_itself_or_is_lifted() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (agent, visitor) = (house.agent("Ada"), visitor_id(&house.visitor()));
        let for_an_hour = NewBan {
            length_ms: Some(HOUR_MS),
            reason: " Rude ".into(),
            ..NewBan::default()
        };

        let first = ban(&house, &agent, visitor, &for_an_hour).unwrap();

        assert_eq!(first.reason, "Rude");
        assert!(active(&house, visitor, "", 0));
        assert!(active(&house, visitor, "", HOUR_MS - 1_000));
        assert!(!active(&house, visitor, "", HOUR_MS));

        ban(&house, &agent, visitor, &NewBan::default()).unwrap();
        assert!(
            active(&house, visitor, "", 1_000 * HOUR_MS),
            "the second has no end"
        );
        let lift = |house: &House| {
            let permit = permit(house, &agent, visitor);
            house
                .write(move |tx, now| bans::lift(tx, &permit, now))
                .unwrap()
        };
        assert!(lift(&house));
        assert!(!active(&house, visitor, "", 0));
        assert!(!lift(&house), "there is none left");
    });
}

#[test]
fn a_ban_follows_its_visitor_through_a_merge() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agent = house.agent("Ada");
        let (banned, other) = (visitor_id(&house.visitor()), visitor_id(&house.visitor()));
        ban(&house, &agent, banned, &NewBan::default()).unwrap();
        assert!(!active(&house, other, "", 0));

        let site = house.site;
        house
            .write(move |tx, now| {
                let merge = NewMerge {
                    site,
                    source: banned,
                    target: other,
                    cause: Cause::Identify { is_signed: false },
                    force: false,
                };
                merges::merge(tx, &merge, now)
            })
            .unwrap();

        assert!(active(&house, other, "", 0));
    });
}

#[test]
fn a_ban_of_an_address_holds_for_others_there_and_no_further() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agent = house.agent("Ada");
        let (banned, other) = (visitor_id(&house.visitor()), visitor_id(&house.visitor()));
        house
            .write(move |tx, _| {
                tx.exec(
                    "update visitors set ip = '203.0.113.0' where id = ?1",
                    &[banned.into()],
                )
            })
            .unwrap();
        let with_address = NewBan {
            with_address: true,
            ..NewBan::default()
        };

        ban(&house, &agent, banned, &with_address).unwrap();

        assert!(active(&house, other, "203.0.113.0", 0));
        assert!(!active(&house, other, "203.0.114.0", 0));
        assert!(!active(&house, other, "", 0), "an address nobody knows");
    });
}

#[test]
fn what_is_wrong_with_a_ban_is_named() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (agent, visitor) = (house.agent("Ada"), visitor_id(&house.visitor()));
        for (new, field) in [
            (
                NewBan {
                    reason: "x".repeat(bans::MAX_REASON_CHARS + 1),
                    ..NewBan::default()
                },
                "reason",
            ),
            (
                NewBan {
                    length_ms: Some(0),
                    ..NewBan::default()
                },
                "expires_in",
            ),
            (
                NewBan {
                    length_ms: Some(bans::MAX_LENGTH_MS + 1),
                    ..NewBan::default()
                },
                "expires_in",
            ),
        ] {
            let Refusal::Validation { field: named, .. } =
                refusal(ban(&house, &agent, visitor, &new))
            else {
                panic!("not a validation");
            };
            assert_eq!(named, field);
        }
        assert!(!active(&house, visitor, "", 0));
    });
}

#[test]
fn agents_read_of_a_ban_in_the_open_chat_and_in_the_list() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (agent, visitor) = (house.agent("Ada"), house.visitor());
        let chat = house.start(&visitor, &[message("Hello")]).unwrap().chat.id;

        let made = ban(&house, &agent, visitor_id(&visitor), &NewBan::default()).unwrap();

        let line = house.events(chat).pop().unwrap();
        assert_eq!(line.body.text(), Some("The visitor was banned."));
        assert!(!line.is_visible_to(parlor::domain::event::Audience::Visitor));
        let site = authorize(&agent, Action::ReadVisitors, Object::Site(house.site)).unwrap();
        let listed = house
            .write(move |tx, now| bans::list(tx, &site, None, 10, now))
            .unwrap();
        assert_eq!(listed, [made]);
    });
}

#[test]
fn other_nodes_can_read_what_ended_and_only_for_a_while() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (agent, visitor) = (house.agent("Ada"), visitor_id(&house.visitor()));
        let permit = permit(&house, &agent, visitor);
        let reason = DisconnectReason::ConnectionEvicted;
        house
            .write(move |tx, now| bans::disconnect(tx, &permit, reason, now))
            .unwrap();

        let noted = house.read(|tx| endings::since(tx, 0, 10));

        // An embedded database has no other node.
        let want = match db.dialect() {
            Dialect::Postgres => vec![Ending::Visitor(visitor, reason)],
            Dialect::Sqlite => vec![],
        };
        let ended: Vec<Ending> = noted.iter().map(|noted| noted.ending).collect();
        assert_eq!(ended, want);
        let now = clock.now();
        house
            .write(move |tx, _| endings::prune(tx, now + 1, 10))
            .unwrap();
        assert_eq!(house.read(|tx| endings::since(tx, 0, 10)), []);
    });
}
