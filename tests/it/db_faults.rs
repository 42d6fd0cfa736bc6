//! Faults: a full disk, a commit that fails, a damaged file, a read without end.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor::clock::Clock;
use parlor::db::{Db, Error, Health, Lane, Result, Tx};

use crate::support::{Fresh, ON_PURPOSE, each_fresh, until};

/// Reasons of fail stops, in place of the end of this process.
fn record_fail_stops(fresh: &mut Fresh) -> Arc<Mutex<Vec<String>>> {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&reasons);
    fresh.options.fail_stop = Arc::new(move |why| list.lock().unwrap().push(why.to_owned()));
    reasons
}

fn fill(tx: &mut dyn Tx, name: &str) -> Result<u64> {
    let text = format!("\"{}\"", "x".repeat(64 * 1024));
    tx.exec(
        "insert into settings (name, value, updated_at) values (?1, ?2, 0)",
        &[name.into(), (&text).into()],
    )
}

/// SQLite's own limit of the file stands in for the end of the disk.
fn limit_pages(db: &Db, pages: u32) {
    db.write_blocking(Lane::Admin, move |tx| {
        tx.int(
            &format!("pragma max_page_count = {pages} {ON_PURPOSE}"),
            &[],
        )
    })
    .unwrap();
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers() {
    let mut fresh = Fresh::sqlite();
    let fail_stops = record_fail_stops(&mut fresh);
    let db = fresh.open(&Clock::system());
    limit_pages(&db, 400);

    let mut stored = 0;
    let refused = loop {
        let name = format!("{stored:03}");
        match db.write_blocking(Lane::Chat, move |tx| fill(tx, &name)) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };

    assert!(matches!(refused, Error::DiskFull), "{refused}");
    assert!(matches!(db.health(), Health::ReadOnly(_)));
    let later = db.write_blocking(Lane::Chat, |tx| fill(tx, "later"));
    assert!(matches!(later, Err(Error::DiskFull)), "{later:?}");
    assert!(db.stats().chat_refused >= 1);
    let readable = db
        .read_blocking(|tx| tx.int("select count(*) from settings", &[]))
        .unwrap();
    assert_eq!(readable, stored);
    // Somebody can still log in and make room.
    db.write_blocking(Lane::Admin, |tx| {
        tx.exec("delete from settings where name = '000'", &[])
    })
    .unwrap();

    limit_pages(&db, 100_000);
    until("writes are taken again", || db.health() == Health::Ready);

    db.write_blocking(Lane::Chat, |tx| fill(tx, "after"))
        .unwrap();
    let after = db
        .read_blocking(|tx| tx.int("select count(*) from settings", &[]))
        .unwrap();
    assert_eq!(after, stored);
    assert!(fail_stops.lock().unwrap().is_empty());
    assert!(fresh.data().unwrap().join("parlor.reserve").exists());
    db.close();
}

#[test]
fn a_commit_that_fails_stops_the_database() {
    let mut fresh = Fresh::sqlite();
    let fail_stops = record_fail_stops(&mut fresh);
    let db = fresh.open(&Clock::system());

    let outcome = db.write_blocking(Lane::Chat, |tx| {
        // The rule is only looked at by COMMIT, which then fails.
        tx.exec(&format!("pragma defer_foreign_keys = on {ON_PURPOSE}"), &[])?;
        fill(tx, "lost")?;
        tx.exec(
            "insert into inbox_heads (site_id, last_seq) values (77, 0)",
            &[],
        )
    });

    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    until("the database has stopped", || {
        !fail_stops.lock().unwrap().is_empty()
    });
    assert_eq!(fail_stops.lock().unwrap().len(), 1);
    assert!(matches!(db.health(), Health::Down(_)));
    let later = db.write_blocking(Lane::Chat, |tx| fill(tx, "later"));
    assert!(matches!(later, Err(Error::Unavailable(_))), "{later:?}");
    db.close();

    let again = fresh.open(&Clock::system());
    let left = again.read_blocking(|tx| tx.int("select count(*) from settings", &[]));
    assert_eq!(left.unwrap(), 0);
    again.close();
}

#[test]
fn a_damaged_file_stops_the_database() {
    let mut fresh = Fresh::sqlite();
    let fail_stops = record_fail_stops(&mut fresh);
    let db = fresh.open(&Clock::system());
    let page = db
        .read_blocking(|tx| {
            tx.int(
                &format!("select rootpage from sqlite_schema where name = 'settings' {ON_PURPOSE}"),
                &[],
            )
        })
        .unwrap();
    db.close();
    damage(&fresh.data().unwrap(), page);

    let db = fresh.open(&Clock::system());
    let outcome = db.write_blocking(Lane::Chat, |tx| fill(tx, "x"));

    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    until("the database has stopped", || {
        !fail_stops.lock().unwrap().is_empty()
    });
    assert!(matches!(db.health(), Health::Down(_)));
    db.close();
}

#[test]
fn a_read_without_end_is_cut() {
    each_fresh(|fresh| {
        let mut options = fresh.options.clone();
        options.read_limit = Duration::from_millis(50);
        let db = Db::open(&options, &Clock::system(), Arc::new(|_| ())).unwrap();

        let outcome = db.read_blocking(|tx| {
            tx.int(
                "with recursive n (x) as (select 1 union all select x + 1 from n where x > 0)
                 select count(*) from n where x < 0",
                &[],
            )
        });

        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert_eq!(
            db.read_blocking(|tx| tx.int("select 1", &[])).unwrap_or(1),
            1
        );
        db.close();
    });
}

#[test]
fn a_damaged_file_is_found_after_a_crash() {
    let fresh = Fresh::sqlite();
    let db = fresh.open(&Clock::system());
    let page = db.read_blocking(|tx| {
        tx.int(
            &format!("select rootpage from sqlite_schema where name = 'settings' {ON_PURPOSE}"),
            &[],
        )
    });
    db.close();
    let data = fresh.data().unwrap();
    damage(&data, page.unwrap());
    // A log that is left over is the mark of a process that did not end cleanly.
    std::fs::write(data.join("parlor.db-wal"), b"cut short").unwrap();

    let outcome = Db::open(&fresh.options, &Clock::system(), Arc::new(|_| ()));

    assert!(
        matches!(&outcome, Err(Error::Unavailable(why)) if why.contains("damaged")),
        "{:?}",
        outcome.err()
    );
}

/// Overwrites a page of the closed database.
fn damage(data: &Path, page: i64) {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(data.join("parlor.db"))
        .unwrap();
    let at = (u64::try_from(page).unwrap() - 1) * 4096;
    file.write_all_at(&[0xa5; 4096], at).unwrap();
}
