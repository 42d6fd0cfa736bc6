//! Batches in the store: sessions, repeats, late and wrong clocks, bots; on both engines.

use parlor::db::Error;
use parlor::domain::Refusal;
use parlor::store::batches::CallResult;
use parlor::store::{sessions, visitors};

use crate::support::each_engine;
use crate::track_world::*;

const SESSIONS: &str = "select count(*) from sessions";
const OPEN: &str = "select count(*) from sessions where ended_at is null";

#[test]
fn pages_within_thirty_minutes_are_one_session() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();

        browser.send(&world, &[page("p1"), event("e1")]);
        clock.turn(29 * MINUTE);
        let recorded = browser.send(&world, &[page("p2")]);

        let id = recorded.visitor.0;
        assert_eq!(world.int(SESSIONS, &[]), 1);
        assert_eq!(world.int("select page_views from sessions", &[]), 2);
        assert_eq!(
            world.int("select page_views from visitors where id = ?1", &[id]),
            2
        );
        assert_eq!(
            world.int("select visits from visitors where id = ?1", &[id]),
            1
        );
        assert_eq!(
            world.text("select page_url from sessions where visitor_id = ?1", id),
            Some("https://shop.example/p2".into())
        );
        assert_eq!(
            world.text("select landing_url from sessions where visitor_id = ?1", id),
            Some("https://shop.example/p1".into())
        );
        let started = "select count(*) from activities where kind = 'session_started'";
        assert_eq!(world.int(started, &[]), 1);
    });
}

#[test]
fn silence_ends_a_session_at_its_last_sign_of_life() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();

        let visitor = browser.send(&world, &[page("p1")]).visitor;
        let seen_at = clock.now();
        clock.turn(31 * MINUTE);
        browser.send(&world, &[page("p2")]);

        assert_eq!((world.int(SESSIONS, &[]), world.int(OPEN, &[])), (2, 1));
        assert_eq!(
            world.int("select visits from visitors where id = ?1", &[visitor.0]),
            2
        );
        let ended = world.int(
            "select ended_at from sessions where ended_at is not null",
            &[],
        );
        assert!((seen_at - ended).abs() < MINUTE);
        let noted = "select count(*) from activities where kind = 'session_ended'";
        assert_eq!(world.int(noted, &[]), 1);
    });
}

#[test]
fn the_scheduler_ends_idle_sessions_a_few_at_a_time() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        for _ in 0..5 {
            Browser::new().send(&world, &[page("p1")]);
        }
        clock.turn(31 * MINUTE);
        Browser::new().send(&world, &[page("p1")]);
        let (site, now) = (world.site.id, clock.now());
        let end = |limit| {
            world
                .write(move |tx| sessions::end_idle(tx, site, 30 * MINUTE, now, limit))
                .unwrap()
        };

        assert_eq!((end(3), end(3), end(3)), (3, 2, 0));

        assert_eq!(world.int(OPEN, &[]), 1);
        let noted = "select count(*) from activities where kind = 'session_ended'";
        assert_eq!(world.int(noted, &[]), 5);
    });
}

#[test]
fn a_repeated_batch_is_stored_once() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let calls = [page("p1"), event("e1"), page("p1")];

        let first = browser.send(&world, &calls);
        let again = browser.send(&world, &calls);

        assert_eq!(first.visitor, again.visitor);
        assert_eq!(
            first.results,
            [CallResult::Stored, CallResult::Stored, CallResult::Known]
        );
        assert!(all(&again, &CallResult::Known));
        assert_eq!(world.activities(), 2);
        assert_eq!(world.int("select page_views from sessions", &[]), 1);
        assert_eq!(world.int("select page_views from visitors", &[]), 1);
        assert_eq!(world.int("select count(*) from visitors", &[]), 1);
    });
}

#[test]
fn a_repeat_beside_new_calls_stores_the_new_ones() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();

        browser.send(&world, &[page("p1"), page("p2")]);
        let mixed = browser.send(&world, &[page("p1"), page("p3"), event("e1")]);

        assert_eq!(
            mixed.results,
            [CallResult::Known, CallResult::Stored, CallResult::Stored]
        );
        assert_eq!(world.activities(), 4);
        assert_eq!(world.int("select page_views from visitors", &[]), 3);
        assert_eq!(
            world.text(
                "select page_call_id from sessions where visitor_id = ?1",
                mixed.visitor.0
            ),
            Some("p3".into())
        );
    });
}

#[test]
fn a_repeat_after_the_session_ended_starts_none() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let calls = [page("p1"), event("e1")];
        browser.send(&world, &calls);
        clock.turn(3 * 60 * MINUTE);
        let (site, now) = (world.site.id, clock.now());
        world
            .write(move |tx| sessions::end_idle(tx, site, 30 * MINUTE, now, 10))
            .unwrap();

        let again = browser.send(&world, &calls);

        assert!(all(&again, &CallResult::Known));
        assert_eq!((world.int(SESSIONS, &[]), world.int(OPEN, &[])), (1, 0));
    });
}

#[test]
fn what_was_kept_offline_falls_into_its_own_sessions() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);

        let recorded = Browser::new().send(
            &world,
            &[
                page_before("p1", 3 * 60 * MINUTE),
                page_before("p2", 3 * 60 * MINUTE - 1000),
                page_before("p3", 90 * MINUTE),
                page_before("p4", 0),
            ],
        );

        assert!(all(&recorded, &CallResult::Stored));
        assert_eq!((world.int(SESSIONS, &[]), world.int(OPEN, &[])), (3, 1));
        assert_eq!(world.int("select visits from visitors", &[]), 3);
        assert_eq!(world.int("select page_views from visitors", &[]), 4);
        assert_eq!(
            world.int(
                "select page_views from sessions order by started_at limit 1",
                &[]
            ),
            2
        );
    });
}

#[test]
fn a_clock_far_off_is_brought_into_the_last_day() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();

        browser.send(
            &world,
            &[
                r#"{"id":"old","call":"page","at":-9223372036854775808,"url":"https://a.example/"}"#.into(),
                r#"{"id":"new","call":"page","at":9223372036854775807,"url":"https://a.example/"}"#.into(),
            ],
        );

        let now = clock.now();
        let least = world.int("select min(occurred_at) from activities", &[]);
        let most = world.int("select max(occurred_at) from activities", &[]);
        assert!((now - DAY - MINUTE..=now - DAY + MINUTE).contains(&least));
        assert!((now - MINUTE..=now).contains(&most));
        assert_eq!(
            world.int(
                "select count(*) from activities where occurred_at > received_at",
                &[]
            ),
            0
        );
    });
}

#[test]
fn a_page_is_left_only_while_it_is_in_view() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let left = "select count(*) from sessions where left_at is not null";
        browser.send(&world, &[page("p1"), page("p2")]);

        browser.send(&world, &[leave("l1", "p1")]);
        assert_eq!(world.int(left, &[]), 0);
        browser.send(&world, &[leave("l2", "p2")]);
        assert_eq!(world.int(left, &[]), 1);

        // The first page is still open in another tab.
        let visitor = browser.send(&world, &[seen("s1", "p1")]).visitor;
        assert_eq!(world.int(left, &[]), 0);
        assert_eq!(
            world.text(
                "select page_url from sessions where visitor_id = ?1",
                visitor.0
            ),
            Some("https://shop.example/p1".into())
        );
        assert_eq!(world.activities(), 2);
    });
}

#[test]
fn a_heartbeat_after_a_long_sleep_shows_the_page_again() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        browser.send(&world, &[page("p1")]);
        clock.turn(8 * 60 * MINUTE);

        let visitor = browser.send(&world, &[seen("s1", "p1")]).visitor;

        assert_eq!((world.int(SESSIONS, &[]), world.int(OPEN, &[])), (2, 1));
        assert_eq!(
            world.text(
                "select page_title from sessions where visitor_id = ?1 and ended_at is null",
                visitor.0
            ),
            Some("p1".into())
        );
    });
}

#[test]
fn crawlers_are_marked_and_automated_browsers_are_not() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        for (line, is_bot) in [
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                1,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
                0,
            ),
        ] {
            let browser = Browser {
                user_agent: line.into(),
                ..Browser::new()
            };

            let visitor = browser.send(&world, &[page("p1")]).visitor;

            assert_eq!(
                world.int("select is_bot from visitors where id = ?1", &[visitor.0]),
                is_bot
            );
            assert_eq!(
                world.int(
                    "select is_bot from sessions where visitor_id = ?1",
                    &[visitor.0]
                ),
                is_bot
            );
        }
    });
}

#[test]
fn a_profile_is_kept_as_it_was_told() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let mut browser = Browser::new();
        let update = |id: &str, rest: &str| format!(r#"{{"id":"{id}","call":"update",{rest}}}"#);

        browser.send(
            &world,
            &[update(
                "u1",
                r#""name":"<b>Ada</b>\u0000","email":"Ada@Example.com","attributes":{"plan":"pro","seats":3,"old":true,"when":"2026-01-02"}"#,
            )],
        );
        let id = browser.move_on(
            &world,
            &[update(
                "u2",
                r#""phone":"+49 1","attributes":{"seats":3.5,"old":null}"#,
            )],
        );

        let site = world.site.id;
        let (visitor, attributes) = db
            .read_blocking(move |tx| {
                let visitor = visitors::root(tx, site, id)?.unwrap();
                Ok((visitor, parlor::store::attributes::of(tx, id)?))
            })
            .unwrap();
        assert_eq!(visitor.name.as_deref(), Some("<b>Ada</b>"));
        assert_eq!(visitor.email.as_deref(), Some("Ada@Example.com"));
        assert_eq!(visitor.phone.as_deref(), Some("+49 1"));
        assert_eq!(visitor.ip, "192.0.2.0");
        assert_eq!(visitor.device.browser, "Firefox");
        assert_eq!(
            world.text("select email_fold from visitors where id = ?1", id.0),
            Some("ada@example.com".into())
        );
        let shown: Vec<(String, String, String)> = attributes
            .into_iter()
            .map(|(name, a)| (name, a.kind.as_str().to_owned(), a.shown()))
            .collect();
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            shown,
            [
                row("plan", "string", "pro"),
                row("seats", "decimal", "3.5"),
                row("when", "date", "2026-01-02")
            ]
        );
    });
}

#[test]
fn too_many_attributes_refuse_that_call_and_no_other() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let update = |id: &str, from: usize| {
            let list: Vec<String> = (from..from + 100).map(|n| format!(r#""a{n}":1"#)).collect();
            format!(
                r#"{{"id":"{id}","call":"update","name":"{id}","attributes":{{{}}}}}"#,
                list.join(",")
            )
        };

        let recorded = browser.send(
            &world,
            &[
                page("p1"),
                update("u1", 0),
                update("u2", 100),
                update("u3", 200),
                page("p2"),
            ],
        );

        assert!(matches!(
            &recorded.results[3],
            CallResult::Refused(Refusal::Validation { field, .. }) if field == "attributes"
        ));
        assert_eq!(world.int("select count(*) from visitor_attrs", &[]), 200);
        assert_eq!(world.activities(), 2);
        assert_eq!(
            world.text(
                "select name from visitors where id = ?1",
                recorded.visitor.0
            ),
            Some("u2".into())
        );
    });
}

#[test]
fn a_token_is_good_for_its_own_site_only() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let other = World::new(db, clock);
        let browser = Browser::new();
        browser.send(&world, &[page("p1")]);

        let refused = browser.try_send(&other, &[page("p2")]);

        assert!(matches!(
            refused,
            Err(Error::Refused(Refusal::Authentication))
        ));
        assert_eq!(world.activities(), 1);
    });
}

#[test]
fn one_browser_in_many_requests_at_once_is_one_visitor_with_one_session() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();

        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (world, browser) = (&world, &browser);
                scope.spawn(move || {
                    for n in 0..10 {
                        let id = format!("{thread}-{n}");
                        browser.send(world, &[page(&id), page("same")]);
                    }
                });
            }
        });

        assert_eq!(world.int("select count(*) from visitors", &[]), 1);
        assert_eq!(world.int(SESSIONS, &[]), 1);
        assert_eq!(world.activities(), 81);
        assert_eq!(world.int("select page_views from visitors", &[]), 81);
        assert_eq!(world.int("select page_views from sessions", &[]), 81);
    });
}
