//! Values, rows and snapshots: the same on both engines.

use std::sync::mpsc::channel;

use parlor::db::{Error, Lane, Ty, Value};

use crate::support::each_engine;

#[test]
fn values_come_back_as_they_went_in() {
    each_engine(|db, _| {
        let long = "ü🦀\n'\"\\ ".repeat(500);
        let text = long.clone();
        let (integers, texts) = db
            .write_blocking(Lane::Chat, move |tx| {
                tx.exec(
                    "insert into secrets (name, value, created_at) values (?1, ?2, ?3)",
                    &[(&text).into(), (&[0_u8, 255, 10]).into(), i64::MIN.into()],
                )?;
                let integers = tx.one(
                    "select created_at, cast(?1 as bigint), cast(?2 as bigint) from secrets",
                    &[i64::MAX.into(), Value::Null],
                    |row| Ok((row.i64(0)?, row.i64(1)?, row.opt_i64(2)?)),
                )?;
                let texts = tx.one(
                    "select name, value, cast(?1 as text) from secrets",
                    &[None::<&str>.into()],
                    |row| Ok((row.text(0)?, row.blob(1)?, row.opt_text(2)?)),
                )?;
                Ok((integers, texts))
            })
            .unwrap();

        assert_eq!(integers, (i64::MIN, i64::MAX, None));
        assert_eq!(texts, (long, vec![0, 255, 10], None));
    });
}

#[test]
fn floats_and_integers_fit_a_float_column() {
    each_engine(|db, clock| {
        let now = clock.now();
        let read = db
            .write_blocking(Lane::Chat, move |tx| {
                insert_visitor(tx, now)?;
                for (key, value) in [("a", Value::F64(0.25)), ("b", 3.into()), ("c", Value::Null)] {
                    tx.exec(
                        "insert into visitor_attrs (visitor_id, key, kind, nval, origin, updated_at)
                         values (1, ?1, 'decimal', ?2, 'test', ?3)",
                        &[key.into(), value, now.into()],
                    )?;
                }
                tx.all("select nval from visitor_attrs order by key", &[], |row| {
                    row.opt_f64(0)
                })
            })
            .unwrap();

        assert_eq!(read, [Some(0.25), Some(3.0), None]);
    });
}

fn insert_visitor(tx: &mut dyn parlor::db::Tx, now: i64) -> parlor::db::Result<()> {
    tx.exec(
        "insert into sites (id, key, name, license_id, organization_id, origins, settings, created_at, updated_at)
         values (1, 'k', 'n', 1, 'o', '[]', '{}', ?1, ?1)",
        &[now.into()],
    )?;
    tx.exec(
        "insert into visitors (id, site_id, session_fields, utm, first_seen_at, last_seen_at, updated_at)
         values (1, 1, '[]', '{}', ?1, ?1, ?1)",
        &[now.into()],
    )?;
    Ok(())
}

#[test]
fn json_is_bound_and_read_as_text() {
    each_engine(|db, _| {
        let (whole, inside, number) = db
            .write_blocking(Lane::Chat, |tx| {
                tx.exec(
                    "insert into settings (name, value, updated_at) values ('j', ?1, 0)",
                    &[r#"{"b":[1,"ü"],"a":{"n":7}}"#.into()],
                )?;
                tx.one(
                    "select value, value -> 'b' ->> 1, cast(value -> 'a' ->> 'n' as bigint)
                     from settings where name = 'j'",
                    &[],
                    |row| Ok((row.text(0)?, row.text(1)?, row.i64(2)?)),
                )
            })
            .unwrap();

        let parsed: serde_json::Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(parsed, serde_json::json!({"a": {"n": 7}, "b": [1, "ü"]}));
        assert_eq!((inside.as_str(), number), ("ü", 7));
    });
}

#[test]
fn many_rows_go_in_at_once_and_repeats_are_passed_over() {
    each_engine(|db, _| {
        let cols = [
            ("name", Ty::Text),
            ("value", Ty::Json),
            ("updated_at", Ty::I64),
        ];
        let tail = "on conflict (name) do nothing";
        let counts = db
            .write_blocking(Lane::Tracking, move |tx| {
                let names: Vec<String> = (0..150).map(|n| format!("n{n}")).collect();
                let rows = |from: usize| -> Vec<Value<'_>> {
                    names[from..]
                        .iter()
                        .flat_map(|name| [name.into(), "{}".into(), 5.into()])
                        .collect()
                };
                let second_half = tx.insert_many("settings", &cols, &rows(75), tail)?;
                let all = tx.insert_many("settings", &cols, &rows(0), tail)?;
                let none = tx.insert_many("settings", &cols, &[], tail)?;
                Ok((
                    second_half,
                    all,
                    none,
                    tx.int("select count(*) from settings", &[])?,
                ))
            })
            .unwrap();
        let crooked = db.write_blocking(Lane::Tracking, move |tx| {
            tx.insert_many("settings", &cols, &["a".into()], "")
        });

        assert_eq!(counts, (75, 75, 0, 150));
        assert!(matches!(crooked, Err(Error::Db(_))), "{crooked:?}");
    });
}

#[test]
fn greatest_and_least_pass_over_null() {
    each_engine(|db, _| {
        let found = db
            .read_blocking(|tx| {
                tx.one(
                    "select greatest(?1, ?2, cast(?3 as bigint)), least(?1, ?2), greatest('a', 'b')",
                    &[3.into(), 8.into(), Value::Null],
                    |row| Ok((row.i64(0)?, row.i64(1)?, row.text(2)?)),
                )
            })
            .unwrap();

        assert_eq!(found, (8, 3, "b".to_owned()));
    });
}

#[test]
fn the_wrong_number_or_type_of_arguments_is_refused() {
    each_engine(|db, _| {
        for args in [
            vec![],
            vec![Value::I64(1), Value::I64(2)],
            vec![Value::Blob(b"x")],
        ] {
            let owned: Vec<i64> = args.iter().map(|_| 1).collect();
            let is_blob = matches!(args.first(), Some(Value::Blob(_)));
            let outcome = db.write_blocking(Lane::Chat, move |tx| {
                let args: Vec<Value<'_>> = if is_blob {
                    vec![Value::Blob(b"x")]
                } else {
                    owned.iter().copied().map(Value::I64).collect()
                };
                tx.exec(
                    "insert into leases (name, holder, fence, expires_at) values ('a', 'b', ?1, 0)",
                    &args,
                )
            });

            assert!(matches!(outcome, Err(Error::Db(_))), "{outcome:?}");
        }
    });
}

#[test]
fn a_read_sees_one_snapshot() {
    each_engine(|db, _| {
        let (begun, has_begun) = channel();
        let (written, is_written) = channel::<()>();
        let reading = {
            let db = db.clone();
            std::thread::spawn(move || {
                db.read_blocking(move |tx| {
                    let before = tx.int("select count(*) from settings", &[])?;
                    begun.send(()).unwrap();
                    is_written.recv().unwrap();
                    Ok((before, tx.int("select count(*) from settings", &[])?))
                })
            })
        };
        has_begun.recv().unwrap();
        db.write_blocking(Lane::Chat, |tx| {
            tx.exec(
                "insert into settings (name, value, updated_at) values ('new', '1', 0)",
                &[],
            )
        })
        .unwrap();
        written.send(()).unwrap();

        assert_eq!(reading.join().unwrap().unwrap(), (0, 0));
        let after = db.read_blocking(|tx| tx.int("select count(*) from settings", &[]));
        assert_eq!(after.unwrap(), 1);
    });
}
