//! Opening, reading and writing: what every job may rely on.

use std::sync::Arc;

use parlor::clock::Clock;
use parlor::db::{Db, Error, Lane};

use crate::support::{Fresh, each_engine, each_fresh};

#[test]
fn what_was_written_can_be_read() {
    each_engine(|db, clock| {
        let now = clock.now();
        db.write_blocking(Lane::Chat, move |tx| {
            tx.exec(
                "insert into settings (name, value, updated_at) values (?1, ?2, ?3)",
                &["a".into(), r#"{"x": 1}"#.into(), now.into()],
            )
        })
        .unwrap();

        let value = db
            .read_blocking(|tx| {
                tx.one(
                    "select value from settings where name = ?1",
                    &["a".into()],
                    |row| row.text(0),
                )
            })
            .unwrap();

        assert_eq!(value.replace(' ', ""), r#"{"x":1}"#);
    });
}

#[test]
fn a_read_cannot_write() {
    each_engine(|db, _| {
        let outcome = db.read_blocking(|tx| tx.exec("delete from settings", &[]));

        assert!(matches!(outcome, Err(Error::Db(_))), "{outcome:?}");
    });
}

#[test]
fn a_database_is_opened_again_with_its_epoch() {
    each_fresh(|fresh| {
        let clock = Clock::system();
        let first = fresh.open(&clock);
        let epoch = first.epoch().to_owned();
        first.close();

        let second = fresh.open(&clock);

        assert_eq!(second.epoch(), epoch);
        assert_eq!(epoch.len(), 32);
        second.close();
    });
}

#[test]
fn a_second_process_is_kept_out_of_the_directory() {
    let fresh = Fresh::sqlite();
    let clock = Clock::system();
    let first = fresh.open(&clock);

    let second = Db::open(&fresh.options, &clock, Arc::new(|_| ()));

    assert!(
        matches!(&second, Err(Error::Unavailable(why)) if why.contains("another Parlor")),
        "{:?}",
        second.err()
    );
    first.close();
    fresh.open(&clock).close();
}

#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let fresh = Fresh::sqlite();
    let db = fresh.open(&Clock::system());
    let data = fresh.data().unwrap();
    let mode = |name: &str| {
        let path = data.join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };

    let modes = [
        "",
        "parlor.db",
        "parlor.db-wal",
        "parlor.db-shm",
        "parlor.lock",
    ]
    .map(mode);

    assert_eq!(modes, [0o700, 0o600, 0o600, 0o600, 0o600]);
    db.close();
    assert!(!data.join("parlor.db-wal").exists(), "the log is folded in");
}
