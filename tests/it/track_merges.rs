//! Merging, undoing it, and deleting who did not come back; on both engines.

use parlor::db::{Error, Result};
use parlor::domain::Refusal;
use parlor::domain::ids::VisitorId;
use parlor::store::batches::CallResult;
use parlor::store::merges::{self, Cause, NewMerge};
use parlor::store::retention;
use parlor::token::Token;

use crate::support::each_engine;
use crate::track_world::*;

const VISITORS: &str = "select count(*) from visitors";

fn merge(world: &World<'_>, source: VisitorId, target: VisitorId) -> Result<VisitorId> {
    let (site, now) = (world.site.id, world.clock.now());
    world.write(move |tx| {
        let new = NewMerge {
            site,
            source,
            target,
            cause: Cause::Api,
            force: false,
        };
        merges::merge(tx, &new, now)
    })
}

fn unmerge(world: &World<'_>, source: VisitorId) -> Result<()> {
    let (site, now) = (world.site.id, world.clock.now());
    world.write(move |tx| merges::unmerge(tx, site, source, now))
}

#[test]
fn a_merge_strands_nothing_that_arrives_meanwhile() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let target = Browser::new().move_on(&world, &[identify("i0", "42", &Token::random())]);
        let browser = Browser::new();
        let source = browser.send(&world, &[page("first")]).visitor;

        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (world, browser) = (&world, &browser);
                scope.spawn(move || {
                    for n in 0..20 {
                        browser.send(world, &[event(&format!("{thread}-{n}"))]);
                    }
                });
            }
            let world = &world;
            scope.spawn(move || merge(world, source, target).unwrap());
        });

        let under_root = "select count(*) from activities where kind = 'custom' and visitor_id in \
             (select id from visitors where id = ?1 or merged_into = ?1)";
        assert_eq!(world.int(under_root, &[target.0]), 80);
        assert_eq!(merged_into(&world, source), target.0);
    });
}

#[test]
fn of_two_merges_against_each_other_one_wins() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        for _ in 0..10 {
            let a = Browser::new().send(&world, &[page("p")]).visitor;
            let b = Browser::new().send(&world, &[page("p")]).visitor;

            let outcomes = std::thread::scope(|scope| {
                let one = scope.spawn(|| merge(&world, a, b));
                let other = scope.spawn(|| merge(&world, b, a));
                [one.join().unwrap(), other.join().unwrap()]
            });

            let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let refused = outcomes
                .iter()
                .filter(|o| matches!(o, Err(Error::Refused(Refusal::Conflict(_)))))
                .count();
            assert_eq!((won, refused), (1, 1), "{outcomes:?}");
            let pointers = [merged_into(&world, a), merged_into(&world, b)];
            assert!(pointers == [b.0, 0] || pointers == [0, a.0], "{pointers:?}");
        }
    });
}

#[test]
fn a_chain_of_merges_points_at_the_root_and_is_undone_step_by_step() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let [a, b, c, d] = [(); 4].map(|()| Browser::new().send(&world, &[page("p")]).visitor);

        merge(&world, a, b).unwrap();
        merge(&world, d, b).unwrap();
        merge(&world, b, c).unwrap();
        assert_eq!(
            [a, b, c, d].map(|v| merged_into(&world, v)),
            [c.0, c.0, 0, c.0]
        );

        unmerge(&world, d).unwrap();
        assert_eq!(
            [a, b, c, d].map(|v| merged_into(&world, v)),
            [c.0, c.0, 0, 0]
        );
        unmerge(&world, b).unwrap();
        assert_eq!([a, b, c, d].map(|v| merged_into(&world, v)), [b.0, 0, 0, 0]);
        unmerge(&world, a).unwrap();
        assert_eq!([a, b, c, d].map(|v| merged_into(&world, v)), [0, 0, 0, 0]);
        assert!(matches!(
            unmerge(&world, a),
            Err(Error::Refused(Refusal::Conflict(_)))
        ));
    });
}

#[test]
fn two_named_people_are_merged_by_force_only() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let ada = Browser::new().move_on(&world, &[identify("i", "ada", &Token::random())]);
        let bob = Browser::new().move_on(&world, &[identify("i", "bob", &Token::random())]);
        let other_site = World::new(db, clock);

        assert!(matches!(
            merge(&world, ada, bob),
            Err(Error::Refused(Refusal::Conflict(_)))
        ));
        assert!(matches!(
            merge(&world, ada, ada),
            Err(Error::Refused(Refusal::Conflict(_)))
        ));
        assert!(matches!(
            merge(&other_site, ada, bob),
            Err(Error::Refused(Refusal::NotFound(_)))
        ));
        assert_eq!(merged_into(&world, ada), 0);
    });
}

#[test]
fn anonymous_visitors_who_did_not_come_back_are_deleted_with_all_that_is_theirs() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let update = r#"{"id":"u","call":"update","attributes":{"a":1}}"#.to_owned();
        let gone = Browser::new();
        gone.send(&world, &[page("p1"), event("e1"), update]);
        let absorbed = Browser::new().send(&world, &[page("p1")]).visitor;
        let kept_by_merge = Browser::new().send(&world, &[page("p1")]).visitor;
        let user =
            Browser::new().move_on(&world, &[page("p1"), identify("i", "42", &Token::random())]);
        let unseen = Browser::new().send(&world, &[page("p1")]).visitor;
        merge(&world, kept_by_merge, user).unwrap();
        merge(&world, absorbed, unseen).unwrap();
        clock.turn(46 * DAY);
        let back = Browser::new().send(&world, &[page("p1")]).visitor;

        let now = clock.now();
        while world
            .write(move |tx| retention::delete_unseen_everywhere(tx, now))
            .unwrap()
        {}

        let mut kept = vec![kept_by_merge, user, back];
        kept.sort();
        let left: Vec<VisitorId> = db
            .read_blocking(|tx| {
                tx.all("select id from visitors order by id", &[], |row| {
                    Ok(VisitorId(row.i64(0)?))
                })
            })
            .unwrap();
        assert_eq!(left, kept);
        for table in [
            "select count(*) from activities where visitor_id not in (select id from visitors)",
            "select count(*) from sessions where visitor_id not in (select id from visitors)",
            "select count(*) from visitor_attrs",
            "select count(*) from visitor_tokens where visitor_id not in (select id from visitors)",
            "select count(*) from merges where source_id not in (select id from visitors)",
        ] {
            assert_eq!(world.int(table, &[]), 0, "{table}");
        }
        // The browser is somebody new under its old token.
        let again = gone.send(&world, &[page("p1")]);
        assert!(all(&again, &CallResult::Stored));
    });
}

#[test]
fn a_visitor_with_many_activities_is_deleted_in_chunks() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let calls: Vec<String> = (0..30).map(|n| event(&format!("e{n}"))).collect();
        browser.send(&world, &calls);
        Browser::new().send(&world, &[event("e")]);
        clock.turn(46 * DAY);
        let (site, before) = (world.site.id, clock.now() - 45 * DAY);
        let chunk = retention::Chunk {
            visitors: 10,
            activities: 12,
        };
        let step = || {
            world
                .write(move |tx| retention::delete_unseen(tx, site, before, chunk))
                .unwrap()
        };

        let mut steps = 0;
        while step() {
            steps += 1;
            assert!(steps < 10);
        }

        assert!(steps >= 2, "{steps}");
        assert_eq!(world.int(VISITORS, &[]), 0);
        assert_eq!(world.int("select count(*) from activities", &[]), 0);
    });
}
