//! The writer: batches, savepoints, lanes, hints, and what a bad job may not spoil.

use std::sync::{Arc, Mutex, OnceLock};

use futures_util::FutureExt as _;
use parlor::clock::Clock;
use parlor::db::{Db, Error, Lane, Result, Tx};
use parlor::domain::Hint;
use parlor::domain::ids::{ChatId, SiteId};

use crate::support::{Fresh, Held, ON_PURPOSE, each_engine, each_fresh, until};

/// Stores a setting; every test of jobs uses the same small table.
fn set(tx: &mut dyn Tx, name: &str) -> Result<u64> {
    tx.exec(
        "insert into settings (name, value, updated_at) values (?1, '1', 0)",
        &[name.into()],
    )
}

fn names(db: &Db) -> Vec<String> {
    db.read_blocking(|tx| {
        tx.all("select name from settings order by name", &[], |row| {
            row.text(0)
        })
    })
    .unwrap()
}

fn hint(seq: i64) -> Hint {
    Hint::ChatAdvanced {
        site: SiteId(1),
        chat: ChatId(1),
        seq,
    }
}

/// Opens with a list of the hints that were published.
fn with_hints(fresh: &Fresh) -> (Db, Arc<Mutex<Vec<Hint>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let publish = {
        let seen = Arc::clone(&seen);
        Arc::new(move |hints: &[Hint]| seen.lock().unwrap().extend_from_slice(hints))
    };
    let db = Db::open(&fresh.options, &Clock::system(), publish).unwrap();
    (db, seen)
}

/// Queues a write without waiting for its answer.
fn queue(
    db: &Db,
    lane: Lane,
    work: impl FnMut(&mut dyn Tx) -> Result<u64> + Send + 'static,
) -> std::pin::Pin<Box<dyn Future<Output = Result<u64>>>> {
    let db = db.clone();
    let mut answer = Box::pin(async move { db.write(lane, work).await });
    match answer.as_mut().now_or_never() {
        None => answer,
        Some(at_once) => Box::pin(std::future::ready(at_once)),
    }
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(answer)
}

#[test]
fn a_failing_job_spoils_nothing_but_itself() {
    each_fresh(|fresh| {
        let (db, hints) = with_hints(fresh);
        let good = db.write_blocking(Lane::Chat, |tx| {
            tx.emit(hint(1))?;
            set(tx, "good")
        });
        let bad = db.write_blocking(Lane::Chat, |tx| {
            tx.emit(hint(2))?;
            set(tx, "half")?;
            Err::<(), _>(Error::NotFound)
        });
        let unique = db.write_blocking(Lane::Chat, |tx| set(tx, "good"));

        assert!(good.is_ok());
        assert!(matches!(bad, Err(Error::NotFound)));
        assert!(matches!(unique, Err(Error::Unique(_))), "{unique:?}");
        assert_eq!(names(&db), ["good"]);
        assert_eq!(*hints.lock().unwrap(), [hint(1)]);
        db.close();
    });
}

#[test]
fn an_error_that_a_job_swallows_undoes_it_all_the_same() {
    each_engine(|db, _| {
        let outcome = db.write_blocking(Lane::Chat, |tx| {
            set(tx, "before")?;
            let twice = set(tx, "before");
            assert!(matches!(twice, Err(Error::Unique(_))));
            let after = set(tx, "after");
            assert!(matches!(after, Err(Error::Poisoned)));
            Ok(())
        });

        assert!(matches!(outcome, Err(Error::Poisoned)), "{outcome:?}");
        assert!(names(db).is_empty());
    });
}

#[test]
fn a_panic_in_a_job_is_its_callers_error_only() {
    each_engine(|db, _| {
        let outcome: Result<()> = db.write_blocking(Lane::Chat, |tx| {
            set(tx, "half")?;
            panic!("a job panics, on purpose");
        });
        let next = db.write_blocking(Lane::Chat, |tx| set(tx, "next"));

        assert!(matches!(outcome, Err(Error::Panicked)), "{outcome:?}");
        assert!(next.is_ok());
        assert_eq!(names(db), ["next"]);
        assert_eq!(db.stats().panics, 1);
    });
}

#[test]
fn jobs_that_wait_share_one_commit_and_fail_alone() {
    let fresh = Fresh::sqlite();
    let (db, hints) = with_hints(&fresh);
    let held = Held::new(&db);
    let mut answers = Vec::new();
    for n in 0..20 {
        answers.push(queue(&db, Lane::Chat, move |tx| {
            tx.emit(hint(n))?;
            set(tx, &format!("{n:02}"))?;
            match n {
                3 => Err(Error::NotFound),
                5 => panic!("a job panics, on purpose"),
                7 => set(tx, "00"),
                _ => Ok(0),
            }
        }));
    }
    let before = db.stats().commits;

    held.release();
    let outcomes: Vec<_> = answers.into_iter().map(wait).collect();

    let failed = [3, 5, 7];
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), failed.contains(&n), "{n}: {outcome:?}");
    }
    assert!(matches!(outcomes[5], Err(Error::Panicked)));
    assert!(matches!(outcomes[7], Err(Error::Unique(_))));
    assert_eq!(names(&db).len(), 17);
    assert_eq!(hints.lock().unwrap().len(), 17);
    let stats = db.stats();
    assert_eq!(stats.commits - before, 2, "the held job, and the batch");
    assert_eq!(stats.largest_batch, 17);
    assert_eq!(stats.failed_jobs, 3);
    db.close();
}

#[test]
fn a_transaction_that_sqlite_took_back_is_answered_with_errors() {
    let fresh = Fresh::sqlite();
    let (db, hints) = with_hints(&fresh);
    let held = Held::new(&db);
    let first = queue(&db, Lane::Chat, |tx| {
        tx.emit(hint(1))?;
        set(tx, "first")
    });
    let second = queue(&db, Lane::Chat, |tx| {
        set(tx, "second")?;
        // What a full disk or an I/O error can do: the transaction is gone, and the savepoints with it.
        tx.exec(&format!("rollback {ON_PURPOSE}"), &[])
    });
    let third = queue(&db, Lane::Chat, |tx| set(tx, "third"));

    held.release();

    assert!(wait(first).is_err());
    assert!(wait(second).is_err());
    assert!(wait(third).is_ok(), "it had not begun");
    assert_eq!(names(&db), ["third"]);
    assert!(hints.lock().unwrap().is_empty());
    db.close();
}

#[test]
fn chat_goes_first_and_full_lanes_refuse_at_once() {
    let fresh = Fresh::sqlite();
    let (db, hints) = with_hints(&fresh);
    let held = Held::new(&db);
    let one = |n: i64| move |tx: &mut dyn Tx| tx.emit(hint(n)).map(|()| 0);
    let mut answers = Vec::new();
    let mut tracking = 0;
    while let answer = queue(&db, Lane::Tracking, one(2))
        && db.stats().tracking_refused == 0
    {
        tracking += 1;
        answers.push(answer);
    }
    for _ in 0..8192 {
        answers.push(queue(&db, Lane::Chat, one(1)));
    }
    assert_eq!(
        db.stats().chat_refused,
        0,
        "a flood of tracking costs no chat"
    );
    let refused = wait(queue(&db, Lane::Chat, one(1)));
    assert!(matches!(refused, Err(Error::QueueFull)), "{refused:?}");
    let stats = db.stats();
    assert_eq!(
        (stats.chat_waiting, stats.tracking_waiting),
        (8192, tracking)
    );

    held.release();
    let failed = answers.into_iter().map(wait).filter(Result::is_err).count();

    assert_eq!(failed, 0);
    let hints = hints.lock().unwrap();
    assert_eq!(hints.len() as u64, 8192 + tracking);
    assert!(hints[..8192].iter().all(|h| *h == hint(1)), "chat first");
    db.close();
}

#[test]
fn a_hint_leaves_when_its_change_can_be_read_and_before_the_answer() {
    each_fresh(|fresh| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let cell: Arc<OnceLock<Db>> = Arc::default();
        let publish = {
            let (seen, cell) = (Arc::clone(&seen), Arc::clone(&cell));
            Arc::new(move |hints: &[Hint]| {
                assert_eq!(hints, [hint(9)]);
                let found = names(cell.get().unwrap());
                seen.lock().unwrap().push(found);
            })
        };
        let db = Db::open(&fresh.options, &Clock::system(), publish).unwrap();
        cell.set(db.clone())
            .unwrap_or_else(|_| unreachable!("set once"));

        db.write_blocking(Lane::Chat, |tx| {
            tx.emit(hint(9))?;
            set(tx, "told")
        })
        .unwrap();

        assert_eq!(*seen.lock().unwrap(), [["told"]]);
        db.close();
    });
}

#[test]
fn closing_finishes_what_waits_and_refuses_what_comes() {
    let fresh = Fresh::sqlite();
    let db = fresh.open(&Clock::system());
    let held = Held::new(&db);
    let answers: Vec<_> = (0..100)
        .map(|n| queue(&db, Lane::Tracking, move |tx| set(tx, &n.to_string())))
        .collect();
    let closing = {
        let db = db.clone();
        std::thread::spawn(move || db.close())
    };
    until("new jobs are refused", || {
        let late = wait(db.read(|_| Ok(())));
        matches!(late, Err(Error::Unavailable(_)))
    });

    held.release();
    closing.join().unwrap();

    assert!(answers.into_iter().map(wait).all(|answer| answer.is_ok()));
    let again = fresh.open(&Clock::system());
    assert_eq!(names(&again).len(), 100);
    again.close();
}

#[test]
fn a_node_without_a_number_makes_no_ids() {
    each_engine(|db, clock| {
        let now = clock.now();
        let make = move |tx: &mut dyn Tx| {
            let id = tx.new_id(now);
            set(tx, &id.to_string()).map(|_| id)
        };
        let first = db.write_blocking(Lane::Chat, make).unwrap();
        db.set_node(None);
        let refused = db.write_blocking(Lane::Chat, make);
        db.set_node(Some(5));
        let last = db.write_blocking(Lane::Chat, make).unwrap();

        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert_eq!((last >> 12) & 1023, 5);
        assert_eq!((first >> 12) & 1023, 0);
        assert_eq!(names(db).len(), 2);
    });
}
