//! Merging against arriving activities, and against another merge.

use parlor::db::{Db, Result, Tx};
use parlor::domain::Refusal;
use parlor::domain::ids::VisitorId;
use parlor::store::merges::{self, Cause, NewMerge};

use super::{SITE, add_site, add_visitors, assert_fails_on_postgres, int, race, write};
use crate::support::each_engine;

fn ingest(tx: &mut dyn Tx, visitor: i64, id: i64) -> Result<u64> {
    tx.exec(
        "insert into activities (visitor_id, id, site_id, session_id, kind, client_id, occurred_at, received_at)
         values (?1, ?2, 1, 0, 'custom', ?3, 0, 0)",
        &[visitor.into(), id.into(), (&id.to_string()).into()],
    )
}

fn merge(tx: &mut dyn Tx, source: i64, target: i64, now: i64) -> Result<VisitorId> {
    let new = NewMerge {
        site: SITE,
        source: VisitorId(source),
        target: VisitorId(target),
        cause: Cause::Api,
        force: false,
    };
    merges::merge(tx, &new, now)
}

/// Activities arrive for visitor `1000 + round` on seven threads while the eighth merges it into visitor 1.
fn merge_rounds(
    db: &Db,
    activity: impl Fn(&mut dyn Tx, i64, i64) -> Result<u64> + Copy + Send + Sync + 'static,
    merge: impl Fn(&mut dyn Tx, i64) -> Result<()> + Copy + Send + Sync + 'static,
) {
    for round in 1000..1030 {
        let outcomes = race(|n| {
            if n == 0 {
                return write(db, move |tx| merge(tx, round));
            }
            (0..5).try_for_each(|k| {
                let id = round * 1000 + n * 10 + k;
                write(db, move |tx| activity(tx, round, id)).map(drop)
            })
        });
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
}

#[test]
fn a_merge_leaves_no_activity_behind() {
    each_engine(|db, clock| {
        let now = clock.now();
        add_site(db);
        add_visitors(db, (1..=1).chain(1000..1030));

        merge_rounds(db, ingest, move |tx, source| {
            merge(tx, source, 1, now).map(drop)
        });

        let found = int(
            db,
            "select count(*) from activities
             where visitor_id in (select id from visitors where id = 1 or merged_into = 1)",
        );
        assert_eq!(found, 30 * 7 * 5);
    });
}

#[test]
fn a_merge_that_rewrites_leaves_activities_behind() {
    each_engine(|db, _| {
        add_site(db);
        add_visitors(db, (1..=1).chain(1000..1030));

        merge_rounds(
            db,
            |tx, visitor, id| {
                let root = tx.int(
                    "select coalesce(merged_into, id) from visitors where id = ?1",
                    &[visitor.into()],
                )?;
                ingest(tx, root, id)
            },
            |tx, source| {
                tx.exec(
                    "update visitors set merged_into = 1 where id = ?1",
                    &[source.into()],
                )?;
                tx.exec(
                    "update activities set visitor_id = 1 where visitor_id = ?1",
                    &[source.into()],
                )?;
                Ok(())
            },
        );

        let stranded = int(db, "select count(*) from activities where visitor_id <> 1");
        assert_fails_on_postgres(db, stranded, "a merge that rewrites");
    });
}

#[test]
fn of_two_merges_against_each_other_one_wins() {
    each_engine(|db, clock| {
        let now = clock.now();
        add_site(db);
        add_visitors(db, 1..=80);
        let naive_merge = |tx: &mut dyn Tx, source: i64, target: i64| {
            let roots =
                "select count(*) from visitors where id in (?1, ?2) and merged_into is null";
            if tx.int(roots, &[source.into(), target.into()])? < 2 {
                return Err(Refusal::Conflict("merged meanwhile").into());
            }
            tx.exec(
                "update visitors set merged_into = ?2 where id = ?1",
                &[source.into(), target.into()],
            )
        };

        for a in (1..=40).step_by(2) {
            let outcomes = race(|n| match n {
                0 => write(db, move |tx| merge(tx, a, a + 1, now)).map(Some),
                1 => write(db, move |tx| merge(tx, a + 1, a, now)).map(Some),
                _ => Ok(None),
            });
            let won = outcomes.iter().filter(|o| matches!(o, Ok(Some(_)))).count();
            assert_eq!(won, 1, "{outcomes:?}");
        }
        for a in (41..=80).step_by(2) {
            race(|n| match n {
                0 => write(db, move |tx| naive_merge(tx, a, a + 1)).is_ok(),
                1 => write(db, move |tx| naive_merge(tx, a + 1, a)).is_ok(),
                _ => false,
            });
        }

        let lost = db.read_blocking(|tx| {
            let lost = "select count(*) from visitors v
                        join visitors r on r.id = v.merged_into
                        where r.merged_into is not null and v.id between ?1 and ?2";
            let cured = tx.int(lost, &[1.into(), 40.into()])?;
            Ok((cured, tx.int(lost, &[41.into(), 80.into()])?))
        });
        let (cured, naive) = lost.unwrap();
        assert_eq!(cured, 0, "every pointer names a root");
        assert_fails_on_postgres(db, naive, "a merge without locks");
    });
}
