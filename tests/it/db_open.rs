//! Opening, reading and writing: what every job may rely on.

use parlor::db::{Error, Lane};

use crate::support::each_engine;

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
