//! Migrations: one folder, one text for both engines, forward only, each in a transaction of its own.
//!
//! A released file is never edited: its checksum is in every database that ran it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::error::{Error, Result};
use super::tx::{Dialect, Tx};

/// One step of the schema; the two texts differ only for full-text search.
#[derive(Clone, Debug)]
pub struct Migration {
    /// 1, 2, 3 … without gaps: the number in the file's name.
    pub version: i64,
    /// The file's name without the number.
    pub name: &'static str,
    /// The text for SQLite, with tokens.
    pub sqlite: &'static str,
    /// The text for PostgreSQL, with tokens.
    pub postgres: &'static str,
}

/// A migration whose one text serves both engines.
macro_rules! both {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/", $file)),
            postgres: include_str!(concat!("../../migrations/", $file)),
        }
    };
}

/// All migrations of this version of Parlor, in order.
pub const MIGRATIONS: &[Migration] = &[
    both!(1, "start", "0001_start.sql"),
    both!(2, "chat_engine", "0002_chat_engine.sql"),
];

/// What a migration needs of an engine beyond [`Tx`].
pub(super) trait Ground {
    /// Runs statements outside of any transaction; used to make the record and its lock row.
    fn script(&mut self, sql: &str) -> Result<()>;

    /// Runs `work` in one writing transaction that commits on `Ok`.
    fn transact(&mut self, work: &mut dyn FnMut(&mut dyn Scripted) -> Result<()>) -> Result<()>;
}

/// A transaction that also takes a text of many statements.
pub(super) trait Scripted {
    fn tx(&mut self) -> &mut dyn Tx;
    fn script(&mut self, sql: &str) -> Result<()>;
}

const RECORD: &str = "
create table if not exists migrations (
  version     {id}   not null primary key,
  name        {text} not null,
  checksum    {text} not null,
  program     {text} not null,
  applied_at  {i64}  not null
) {strict};
create table if not exists migration_lock (
  id          {id}   not null primary key
) {strict};
insert into migration_lock (id) values (1) on conflict (id) do nothing;
";

/// How often the record is tried: two nodes that boot together can collide in its first CREATE.
const RECORD_TRIES: u32 = 5;

/// Brings the schema up to the last of `migrations`; returns the versions it applied.
pub(super) fn run(
    ground: &mut dyn Ground,
    dialect: Dialect,
    migrations: &[Migration],
    now: i64,
) -> Result<Vec<i64>> {
    let record = fill_tokens(RECORD, dialect);
    let mut tries = 1;
    while let Err(error) = ground.script(&record) {
        if tries == RECORD_TRIES || dialect == Dialect::Sqlite {
            return Err(error);
        }
        tries += 1;
    }
    let mut applied = Vec::new();
    loop {
        let mut step = None;
        ground.transact(&mut |scripted| {
            step = next(scripted, dialect, migrations, now)?;
            Ok(())
        })?;
        match step {
            Some(version) => applied.push(version),
            None => return Ok(applied),
        }
    }
}

/// Checks the record and applies the first migration that is missing from it.
fn next(
    scripted: &mut dyn Scripted,
    dialect: Dialect,
    migrations: &[Migration],
    now: i64,
) -> Result<Option<i64>> {
    let lock = format!(
        "select id from migration_lock where id = 1{}",
        dialect.for_update()
    );
    scripted.tx().int(&lock, &[])?;
    let done = scripted.tx().all(
        "select version, checksum, program from migrations order by version",
        &[],
        |row| Ok((row.i64(0)?, row.text(1)?, row.text(2)?)),
    )?;
    check(&done, migrations)?;
    let Some(step) = migrations.get(done.len()) else {
        return Ok(None);
    };
    let text = step.text(dialect);
    scripted.script(&text)?;
    scripted.tx().exec(
        "insert into migrations (version, name, checksum, program, applied_at)
         values (?1, ?2, ?3, ?4, ?5)",
        &[
            step.version.into(),
            step.name.into(),
            (&step.checksum()).into(),
            env!("CARGO_PKG_VERSION").into(),
            now.into(),
        ],
    )?;
    Ok(Some(step.version))
}

/// The record must be a beginning of what this program knows.
fn check(done: &[(i64, String, String)], migrations: &[Migration]) -> Result<()> {
    if let Some((version, _, program)) = done.get(migrations.len()) {
        return Err(Error::Unavailable(format!(
            "this database was made by Parlor {program} (schema {version}, at least), and this is Parlor {} \
             (schema {}): start Parlor {program} or newer, or restore a backup made before the upgrade",
            env!("CARGO_PKG_VERSION"),
            migrations.len(),
        )));
    }
    for ((version, checksum, program), known) in done.iter().zip(migrations) {
        if *version != known.version || *checksum != known.checksum() {
            return Err(Error::Unavailable(format!(
                "migration {version} of this database was made by Parlor {program} from another text than \
                 Parlor {} has: this is not a released version, or the database is not Parlor's",
                env!("CARGO_PKG_VERSION"),
            )));
        }
    }
    Ok(())
}

impl Migration {
    /// What runs on the engine.
    #[must_use]
    pub fn text(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => fill_tokens(self.sqlite, dialect),
            Dialect::Postgres => fill_tokens(self.postgres, dialect),
        }
    }

    /// SHA-256 of both texts, in hexadecimal: the same on both engines.
    #[must_use]
    pub fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.sqlite);
        hash.update([0]);
        hash.update(self.postgres);
        hex(&hash.finalize())
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

const TOKENS: [(&str, &str, &str); 7] = [
    ("{id}", "integer", "bigint"),
    ("{i64}", "integer", "bigint"),
    ("{f64}", "real", "double precision"),
    ("{text}", "text", "text collate \"C\""),
    ("{blob}", "blob", "bytea"),
    ("{json}", "text", "jsonb"),
    ("{strict}", "strict", ""),
];

fn fill_tokens(text: &str, dialect: Dialect) -> String {
    TOKENS
        .iter()
        .fold(text.to_owned(), |text, (token, sqlite, postgres)| {
            let word = match dialect {
                Dialect::Sqlite => sqlite,
                Dialect::Postgres => postgres,
            };
            text.replace(token, word)
        })
}
