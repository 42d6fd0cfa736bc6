//! PostgreSQL only: lost connections, commits of unknown outcome, lost races, servers that are not trusted.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use parlor::clock::Clock;
use parlor::db::{Db, DbOptions, Error, Health, Lane, Place, Result, Tx};

use crate::support::{Fresh, ON_PURPOSE};

fn set(tx: &mut dyn Tx, name: &str) -> Result<u64> {
    tx.exec(
        "insert into settings (name, value, updated_at) values (?1, '1', 0)",
        &[name.into()],
    )
}

fn url_of(fresh: &Fresh) -> String {
    match &fresh.options.place {
        Place::Postgres(url) => url.clone(),
        Place::Sqlite(_) => unreachable!("a server was asked for"),
    }
}

#[test]
fn a_lost_connection_fails_its_own_job_only() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());

    let lost = db.write_blocking(Lane::Chat, |tx| {
        set(tx, "lost")?;
        let end = format!("select pg_terminate_backend(pg_backend_pid()) {ON_PURPOSE}");
        tx.each(&end, &[], &mut |_| Ok(()))
    });
    let next = db.write_blocking(Lane::Chat, |tx| set(tx, "next"));

    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    assert!(next.is_ok(), "{next:?}");
    let left = db.read_blocking(|tx| tx.int("select count(*) from settings", &[]));
    assert_eq!(left.unwrap(), 1);
    assert_eq!(db.health(), Health::Ready);
    db.close();
}

#[test]
fn a_commit_whose_answer_is_lost_is_of_unknown_outcome() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());
    let other = fresh.open(&Clock::system());
    let pid = format!("select cast(pg_backend_pid() as bigint) {ON_PURPOSE}");
    let end = format!("select pg_terminate_backend(cast(?1 as integer)) {ON_PURPOSE}");

    let outcome = db.write_blocking(Lane::Chat, move |tx| {
        set(tx, "perhaps")?;
        let pid = tx.int(&pid, &[])?;
        // The connection is cut between the last statement and COMMIT.
        let end = end.clone();
        other.read_blocking(move |tx| tx.each(&end, &[pid.into()], &mut |_| Ok(())))
    });

    assert!(matches!(outcome, Err(Error::CommitUnknown)), "{outcome:?}");
    db.write_blocking(Lane::Chat, |tx| set(tx, "next")).unwrap();
    db.close();
}

#[test]
fn a_server_that_dropped_idle_connections_costs_no_job() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());
    let other = fresh.open(&Clock::system());
    let pids = |db: &Db| -> Vec<i64> {
        let barrier = Arc::new(Barrier::new(8));
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|_| {
                    let barrier = Arc::clone(&barrier);
                    scope.spawn(move || {
                        db.write_blocking(Lane::Chat, move |tx| {
                            // Each worker has one of the eight.
                            barrier.wait();
                            let pid = "select cast(pg_backend_pid() as bigint)";
                            tx.int(&format!("{pid} {ON_PURPOSE}"), &[])
                        })
                    })
                })
                .collect();
            asking
                .into_iter()
                .map(|one| one.join().unwrap().unwrap())
                .collect()
        })
    };
    for pid in pids(&db) {
        let end = format!("select pg_terminate_backend(cast(?1 as integer)) {ON_PURPOSE}");
        other
            .read_blocking(move |tx| tx.each(&end, &[pid.into()], &mut |_| Ok(())))
            .unwrap();
    }

    let again = pids(&db);

    assert_eq!(again.len(), 8, "every worker has a new connection");
    assert_eq!(db.stats().failed_jobs, 0);
    db.close();
}

#[test]
fn a_deadlock_is_run_again() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());
    db.write_blocking(Lane::Chat, |tx| set(tx, "a").and_then(|_| set(tx, "b")))
        .unwrap();
    let both_hold_one = Arc::new(Barrier::new(2));
    let cross = |first: &'static str, second: &'static str| {
        let (db, barrier) = (db.clone(), Arc::clone(&both_hold_one));
        std::thread::spawn(move || {
            let mut tries = 0;
            db.write_blocking(Lane::Chat, move |tx| {
                let touch = "update settings set updated_at = updated_at + 1 where name = ?1";
                tx.exec(touch, &[first.into()])?;
                tries += 1;
                if tries == 1 {
                    barrier.wait();
                }
                tx.exec(touch, &[second.into()])
            })
        })
    };

    let (ab, ba) = (cross("a", "b"), cross("b", "a"));

    assert!(ab.join().unwrap().is_ok());
    assert!(ba.join().unwrap().is_ok());
    let sum =
        db.read_blocking(|tx| tx.int("select cast(sum(updated_at) as bigint) from settings", &[]));
    assert_eq!(sum.unwrap(), 4);
    assert!(db.stats().retries >= 1);
    db.close();
}

#[test]
fn a_server_that_answers_before_the_disk_is_refused() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let url = format!("{}&options=-c%20synchronous_commit%3Doff", url_of(&fresh));

    let outcome = Db::open(
        &DbOptions::postgres(url),
        &Clock::system(),
        Arc::new(|_| ()),
    );

    assert!(
        matches!(&outcome, Err(Error::Unavailable(why)) if why.contains("synchronous_commit")),
        "{:?}",
        outcome.err()
    );
}

#[test]
fn a_server_that_is_not_there_is_said_at_start() {
    let url = "postgres://parlor@/parlor?host=/nowhere";

    let outcome = Db::open(
        &DbOptions::postgres(url),
        &Clock::system(),
        Arc::new(|_| ()),
    );

    assert!(
        matches!(&outcome, Err(Error::Unavailable(_))),
        "{:?}",
        outcome.err()
    );
}

#[test]
fn it_works_without_a_statement_cache() {
    let Some(mut fresh) = Fresh::postgres() else {
        return;
    };
    fresh.options.statement_cache = false;
    let db = fresh.open(&Clock::system());
    for n in 0..5 {
        db.write_blocking(Lane::Tracking, move |tx| set(tx, &format!("{n}")))
            .unwrap();
    }
    let prepared = format!("select count(*) from pg_prepared_statements {ON_PURPOSE}");

    let kept = db.write_blocking(Lane::Chat, move |tx| tx.int(&prepared, &[]));

    assert!(kept.unwrap() <= 1, "only the statement that asks");
    db.close();
}

#[test]
fn a_long_tracking_job_does_not_delay_chat() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());
    let (begun, has_begun) = channel();
    let barrier = Arc::new(Barrier::new(7));
    let mut busy = Vec::new();
    // Six of the eight workers take tracking; all are held.
    for _ in 0..6 {
        let (db, barrier, begun) = (db.clone(), Arc::clone(&barrier), begun.clone());
        busy.push(std::thread::spawn(move || {
            db.write_blocking(Lane::Tracking, move |_| {
                begun.send(()).unwrap();
                barrier.wait();
                Ok(())
            })
        }));
    }
    (0..6).for_each(|_| has_begun.recv().unwrap());

    let chat = db.write_blocking(Lane::Chat, |tx| set(tx, "chat"));

    assert!(chat.is_ok());
    barrier.wait();
    for job in busy {
        job.join().unwrap().unwrap();
    }
    db.close();
}
