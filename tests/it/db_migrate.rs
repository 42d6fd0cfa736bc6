//! Migrations: the same schema on both engines, once, and never from a text or a program that does not fit.

use std::collections::BTreeSet;
use std::sync::Arc;

use parlor::clock::Clock;
use parlor::db::{Db, Dialect, Error, Lane, MIGRATIONS};

use crate::support::{Fresh, ON_PURPOSE, each_engine, each_fresh};

#[test]
fn both_engines_have_the_same_columns_keys_and_indexes() {
    let Some(postgres) = Fresh::postgres() else {
        return;
    };
    let clock = Clock::system();
    let fresh = Fresh::sqlite();
    let (sqlite, postgres) = (fresh.open(&clock), postgres.open(&clock));

    let (ours, theirs) = (schema(&sqlite), schema(&postgres));

    let only_here: Vec<_> = ours.difference(&theirs).collect();
    let only_there: Vec<_> = theirs.difference(&ours).collect();
    assert!(
        only_here.is_empty() && only_there.is_empty(),
        "only on SQLite: {only_here:#?}\nonly on PostgreSQL: {only_there:#?}"
    );
    assert!(
        ours.len() > 200,
        "the dump holds the schema: {}",
        ours.len()
    );
    sqlite.close();
    postgres.close();
}

/// One line for each column and each index, in words of neither engine.
fn schema(db: &Db) -> BTreeSet<String> {
    let (columns, indexes) = match db.dialect() {
        Dialect::Sqlite => (SQLITE_COLUMNS, SQLITE_INDEXES),
        Dialect::Postgres => (POSTGRES_COLUMNS, POSTGRES_INDEXES),
    };
    [columns, indexes]
        .into_iter()
        .flat_map(|sql| {
            db.read_blocking(move |tx| {
                tx.all(&format!("{sql} {ON_PURPOSE}"), &[], |row| {
                    Ok(normal(&row.text(0)?))
                })
            })
            .unwrap()
        })
        .collect()
}

fn normal(line: &str) -> String {
    let mut line = line.to_lowercase();
    for (theirs, ours) in [
        ("bigint", "integer"),
        ("double precision", "real"),
        ("bytea", "blob"),
        ("jsonb", "text"),
        ("::text", ""),
        ("::bigint", ""),
        // PostgreSQL prints what it parsed.
        ("((", "("),
        ("))", ")"),
        ("(ended_at is null)", "ended_at is null"),
        ("(", ""),
        (")", ""),
    ] {
        line = line.replace(theirs, ours);
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

const SQLITE_COLUMNS: &str = "
select 'column ' || t.name || '.' || c.name || ' ' || c.type
       || case when c.\"notnull\" = 1 then ' not null' else '' end
       || case when c.dflt_value is null then '' else ' default ' || c.dflt_value end
from sqlite_schema t, pragma_table_info(t.name) c
where t.type = 'table'";

const POSTGRES_COLUMNS: &str = "
select 'column ' || table_name || '.' || column_name || ' ' || data_type
       || case when is_nullable = 'NO' then ' not null' else '' end
       || case when column_default is null then '' else ' default ' || column_default end
from information_schema.columns
where table_schema = current_schema()";

const SQLITE_INDEXES: &str = "
select 'index ' || t.name || ' (' || (
         select group_concat(i.name, ', ') from (select name from pragma_index_info(l.name) order by seqno) i
       ) || ')'
       || case when l.\"unique\" = 1 then ' unique' else '' end
       || case when l.partial = 1 then ' where ' || substr(x.sql, instr(x.sql, ' where ') + 7) else '' end
from sqlite_schema t, pragma_index_list(t.name) l
left join sqlite_schema x on x.name = l.name
where t.type = 'table'
union
select 'index ' || t.name || ' (' || c.name || ') unique'
from sqlite_schema t, pragma_table_info(t.name) c
where t.type = 'table'
  and c.pk = 1
  and c.type = 'INTEGER'
  and (select count(*) from pragma_table_info(t.name) k where k.pk > 0) = 1";

const POSTGRES_INDEXES: &str = "
select 'index ' || t.relname || ' (' || (
         select string_agg(a.attname, ', ' order by k.n)
         from unnest(i.indkey) with ordinality k (attnum, n)
         join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
       ) || ')'
       || case when i.indisunique then ' unique' else '' end
       || case when i.indpred is null then '' else ' where ' || pg_get_expr(i.indpred, i.indrelid) end
from pg_index i
join pg_class t on t.oid = i.indrelid
join pg_namespace n on n.oid = t.relnamespace
where n.nspname = current_schema()";

#[test]
fn every_file_in_the_folder_is_known() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut on_disk: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    on_disk.sort();
    on_disk.dedup();

    let known: Vec<String> = MIGRATIONS
        .iter()
        .map(|m| format!("{:04}_{}", m.version, m.name))
        .collect();

    assert_eq!(on_disk, known);
    assert!((1..).zip(MIGRATIONS).all(|(n, m)| m.version == n));
}

#[test]
fn the_record_says_what_ran() {
    each_engine(|db, _| {
        let record = db
            .read_blocking(|tx| {
                tx.all(
                    "select version, name, checksum, program from migrations order by version",
                    &[],
                    |row| Ok((row.i64(0)?, row.text(1)?, row.text(2)?, row.text(3)?)),
                )
            })
            .unwrap();

        let expected: Vec<_> = MIGRATIONS
            .iter()
            .map(|m| {
                let program = env!("CARGO_PKG_VERSION").to_owned();
                (m.version, m.name.to_owned(), m.checksum(), program)
            })
            .collect();
        assert_eq!(record, expected);
    });
}

#[test]
fn a_database_of_a_newer_program_is_refused_with_both_versions() {
    each_fresh(|fresh| {
        let clock = Clock::system();
        let db = fresh.open(&clock);
        db.write_blocking(Lane::Chat, |tx| {
            tx.exec(
                "insert into migrations (version, name, checksum, program, applied_at)
                 values (?1, 'later', 'x', '9.8.7', 0)",
                &[(MIGRATIONS.len() as i64 + 1).into()],
            )
        })
        .unwrap();
        db.close();

        let outcome = Db::open(&fresh.options, &clock, Arc::new(|_| ()));

        let Err(Error::Unavailable(why)) = outcome else {
            panic!("it opened, or failed otherwise: {:?}", outcome.err());
        };
        assert!(
            why.contains("9.8.7") && why.contains(env!("CARGO_PKG_VERSION")),
            "{why}"
        );
        assert!(why.contains("restore a backup"), "{why}");
    });
}

#[test]
fn a_migration_that_was_edited_is_refused() {
    each_fresh(|fresh| {
        let clock = Clock::system();
        let db = fresh.open(&clock);
        db.write_blocking(Lane::Chat, |tx| {
            tx.exec(
                "update migrations set checksum = 'another' where version = 1",
                &[],
            )
        })
        .unwrap();
        db.close();

        let outcome = Db::open(&fresh.options, &clock, Arc::new(|_| ()));

        assert!(
            matches!(&outcome, Err(Error::Unavailable(why)) if why.contains("another text")),
            "{:?}",
            outcome.err()
        );
    });
}

#[test]
fn nodes_that_boot_together_migrate_once() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let clock = Clock::system();
    let open = || Db::open(&fresh.options, &clock, Arc::new(|_| ()));

    let nodes: Vec<Db> = std::thread::scope(|scope| {
        let booting: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
        booting
            .into_iter()
            .map(|node| node.join().unwrap().unwrap())
            .collect()
    });

    assert!(nodes.iter().all(|node| node.epoch() == nodes[0].epoch()));
    nodes.iter().for_each(Db::close);
}
