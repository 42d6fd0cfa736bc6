//! Identify, reset, merge and undo in the store, also when they happen twice or at once; on both engines.

use parlor::db::Error;
use parlor::domain::Refusal;
use parlor::domain::ids::VisitorId;
use parlor::domain::site::SiteSettings;
use parlor::store::batches::CallResult;
use parlor::store::{visitor_tokens, visitors};
use parlor::token::Token;

use crate::support::each_engine;
use crate::track_world::*;

const VISITORS: &str = "select count(*) from visitors";
const MERGES: &str = "select count(*) from merges";
const OPEN: &str = "select count(*) from sessions where ended_at is null";

fn user_id(world: &World<'_>, id: VisitorId) -> Option<String> {
    world.text("select user_id from visitors where id = ?1", id.0)
}

fn browser_id(world: &World<'_>, token: &Token) -> i64 {
    let hash = token.hash();
    world
        .db
        .read_blocking(move |tx| visitor_tokens::find(tx, &hash))
        .unwrap()
        .unwrap()
        .browser
        .0
}

#[test]
fn a_free_user_id_is_attached() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let calls = [page("p1"), identify("i1", "42", &Token::random())];

        let first = browser.send(&world, &calls);
        let again = browser.send(&world, &calls);

        assert_eq!(first.token, None);
        assert_eq!(first.visitor, again.visitor);
        assert_eq!(user_id(&world, first.visitor).as_deref(), Some("42"));
        assert_eq!(
            world.text("select kind from visitors where id = ?1", first.visitor.0),
            Some("user".into())
        );
        assert_eq!(world.int("select is_verified from visitors", &[]), 0);
        assert_eq!((world.int(VISITORS, &[]), world.activities()), (1, 1));
    });
}

#[test]
fn an_unnamed_visitor_is_merged_into_the_known_one_and_keeps_its_browser() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let known = Browser::new().move_on(&world, &[identify("i0", "42", &Token::random())]);
        let mut browser = Browser::new();
        let unnamed = browser.move_on(&world, &[page("p1")]);
        let was = browser_id(&world, &browser.token);
        let old = browser.clone();

        let root = browser.move_on(
            &world,
            &[identify("i1", "42", &Token::random()), page("p2")],
        );

        assert_eq!(root, known);
        assert_eq!(merged_into(&world, unnamed), known.0);
        assert_eq!(browser_id(&world, &browser.token), was);
        let of_known = "select count(*) from activities where visitor_id = ?1 and client_id = 'p2'";
        assert_eq!(world.int(of_known, &[known.0]), 1);
        let of_unnamed =
            "select count(*) from activities where visitor_id = ?1 and client_id = 'p1'";
        assert_eq!(world.int(of_unnamed, &[unnamed.0]), 1);
        assert_eq!((world.int(MERGES, &[]), world.int(OPEN, &[])), (1, 1));

        // What still comes with the old token stays with the absorbed row and is the root's.
        let late = old.send(&world, &[event("e1")]);
        assert_eq!(late.visitor, known);
        let stays = "select count(*) from activities where visitor_id = ?1 and client_id = 'e1'";
        assert_eq!(world.int(stays, &[unnamed.0]), 1);
    });
}

#[test]
fn the_page_in_view_goes_along_when_the_browser_moves() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let known = Browser::new().move_on(&world, &[identify("i0", "42", &Token::random())]);
        let mut browser = Browser::new();

        browser.move_on(
            &world,
            &[page("p1"), identify("i1", "42", &Token::random())],
        );

        let shown = "select page_url from sessions where visitor_id = ?1 and ended_at is null";
        assert_eq!(
            world.text(shown, known.0),
            Some("https://shop.example/p1".into())
        );
        browser.send(&world, &[leave("l1", "p1")]);
        assert_eq!(
            world.int(
                "select count(*) from sessions where left_at is not null",
                &[]
            ),
            1
        );
    });
}

#[test]
fn between_two_named_people_the_browser_switches() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let mut ada = Browser::new();
        let of_ada = ada.move_on(&world, &[identify("i0", "ada", &Token::random())]);
        let mut browser = Browser::new();
        let of_bob = browser.move_on(
            &world,
            &[page("p1"), identify("i1", "bob", &Token::random())],
        );
        let (was, old) = (browser_id(&world, &browser.token), browser.clone());

        let now_ada = browser.move_on(
            &world,
            &[identify("i2", "ada", &Token::random()), page("p2")],
        );

        assert_eq!(now_ada, of_ada);
        assert_eq!(
            (merged_into(&world, of_bob), merged_into(&world, of_ada)),
            (0, 0)
        );
        assert_ne!(browser_id(&world, &browser.token), was);
        assert_ne!(
            browser_id(&world, &browser.token),
            browser_id(&world, &ada.token)
        );
        assert_eq!(
            world.text("select name from visitors where id = ?1", of_bob.0),
            Some("Name of bob".into())
        );
        let refused = old.try_send(&world, &[page("p3")]);
        assert!(matches!(
            refused,
            Err(Error::Refused(Refusal::Authentication))
        ));
    });
}

#[test]
fn a_named_visitor_is_never_relabelled() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let mut browser = Browser::new();
        let first = browser.move_on(&world, &[identify("i1", "ada", &Token::random())]);

        let second = browser.move_on(&world, &[identify("i2", "bob", &Token::random())]);

        assert_ne!(first, second);
        assert_eq!(user_id(&world, first).as_deref(), Some("ada"));
        assert_eq!(user_id(&world, second).as_deref(), Some("bob"));
        assert_eq!(world.int(MERGES, &[]), 0);
    });
}

#[test]
fn a_reset_makes_somebody_new_and_ends_the_old_token() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let mut browser = Browser::new();
        let before = browser.move_on(
            &world,
            &[page("p1"), identify("i1", "42", &Token::random())],
        );
        let (was, old) = (browser_id(&world, &browser.token), browser.clone());

        let after = browser.move_on(&world, &[reset("r1", &Token::random()), page("p2")]);

        assert_ne!(before, after);
        assert_eq!(user_id(&world, after), None);
        assert_ne!(browser_id(&world, &browser.token), was);
        assert_eq!(
            world.int(
                "select count(*) from sessions where visitor_id = ?1 and ended_at is null",
                &[before.0]
            ),
            0
        );
        let refused = old.try_send(&world, &[page("p3")]);
        assert!(matches!(
            refused,
            Err(Error::Refused(Refusal::Authentication))
        ));
    });
}

#[test]
fn a_batch_repeated_across_identify_and_reset_stores_nothing_twice() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        Browser::new().send(&world, &[identify("i0", "ada", &Token::random())]);
        let (merged, switched, fresh) = (Token::random(), Token::random(), Token::random());
        let calls = [
            page("p1"),
            identify("i1", "ada", &merged),
            page("p2"),
            identify("i2", "bob", &switched),
            page("p3"),
            reset("r1", &fresh),
            page("p4"),
        ];
        let browser = Browser::new();

        let first = browser.send(&world, &calls);
        let counts = || {
            (
                world.activities(),
                world.int(VISITORS, &[]),
                world.int("select count(*) from sessions", &[]),
                world.int("select count(*) from visitor_tokens", &[]),
                world.int(MERGES, &[]),
                world.int("select cast(sum(page_views) as bigint) from visitors", &[]),
            )
        };
        let after_first = counts();
        let again = browser.send(&world, &calls);
        // A page opened after the lost answer comes with the repeat.
        let more = browser.send(&world, &[&calls[..], &[page("p5")]].concat());

        assert!(all(&first, &CallResult::Stored));
        assert_eq!(first.token.as_ref(), Some(&fresh));
        assert!(all(&again, &CallResult::Known), "{:?}", again.results);
        assert_eq!(again.token.as_ref(), Some(&fresh));
        assert_eq!(first.visitor, again.visitor);
        assert_eq!(after_first.0, 4);
        assert_eq!(more.results.last(), Some(&CallResult::Stored));
        assert_eq!(more.visitor, first.visitor);
        let mut one_more = after_first;
        one_more.0 += 1;
        one_more.5 += 1;
        assert_eq!(counts(), one_more);
    });
}

#[test]
fn an_ended_token_takes_nothing_new_even_beside_a_repeat() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let next = Token::random();
        browser.send(&world, &[page("p1"), reset("r1", &next)]);

        let sent = browser.send(&world, &[page("p1"), event("new"), reset("r1", &next)]);

        assert_eq!(
            sent.results,
            [
                CallResult::Known,
                CallResult::Refused(Refusal::Authentication),
                CallResult::Known
            ]
        );
        assert_eq!(world.activities(), 1);
    });
}

#[test]
fn a_token_used_for_somebody_else_is_refused_for_a_new_identify() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let mut browser = Browser::new();
        browser.move_on(&world, &[identify("i1", "ada", &Token::random())]);
        let used = Token::random();
        browser.move_on(&world, &[identify("i2", "bob", &used)]);

        let refused = browser.send(&world, &[identify("i3", "cleo", &used)]);

        assert!(matches!(
            &refused.results[0],
            CallResult::Refused(Refusal::Validation { field, .. }) if field == "new_token"
        ));
        assert_eq!(
            world.int("select count(*) from visitors where user_id = 'cleo'", &[]),
            0
        );
    });
}

#[test]
fn a_site_that_wants_proof_keeps_the_claim_and_moves_nobody() {
    each_engine(|db, clock| {
        let settings = SiteSettings {
            require_signed_identity: true,
            ..SiteSettings::default()
        };
        let world = World::with(db, clock, settings);
        let mut browser = Browser::new();
        let call = r#"{"id":"i1","call":"identify","user_id":"42","name":"Eve","email":"eve@example.com","attributes":{"plan":"pro"}}"#;

        let id = browser.move_on(&world, &[page("p1"), call.to_owned()]);

        let site = world.site.id;
        let visitor = db
            .read_blocking(move |tx| visitors::root(tx, site, id))
            .unwrap()
            .unwrap();
        assert_eq!((visitor.user_id, visitor.email), (None, None));
        assert_eq!(visitor.claimed_user_id.as_deref(), Some("42"));
        assert_eq!(visitor.claimed_email.as_deref(), Some("eve@example.com"));
        assert_eq!(visitor.name.as_deref(), Some("Eve"));
        assert_eq!(world.int("select count(*) from visitor_attrs", &[]), 1);
    });
}

#[test]
fn one_user_id_taken_by_many_browsers_at_once_is_one_user() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);

        std::thread::scope(|scope| {
            for n in 0..8 {
                let world = &world;
                scope.spawn(move || {
                    let id = format!("p{n}");
                    let calls = [page(&id), identify("i1", "42", &Token::random())];
                    Browser::new().send(world, &calls);
                });
            }
        });

        assert_eq!(
            world.int("select count(*) from visitors where user_id = '42'", &[]),
            1
        );
        assert_eq!(
            world.int(
                "select count(*) from visitors where merged_into is null",
                &[]
            ),
            1
        );
        assert_eq!(world.activities(), 8);
    });
}
