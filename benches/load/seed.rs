//! Data folders filled to a size: visitors, one session each, and their page views, written straight into the file.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::process::{OWNER_PASSWORD, Server};

/// A data folder that holds an owner, a site and so many rows; removed when dropped.
pub(crate) struct Seeded {
    folder: tempfile::TempDir,
}

impl Seeded {
    /// A folder with `visitors` visitors who looked at `activities` pages between them, and a chat for every tenth.
    pub(crate) fn with(visitors: i64, activities: i64) -> anyhow::Result<Self> {
        let seeded = Self {
            folder: tempfile::tempdir()?,
        };
        // The program itself makes the schema, the owner and the site.
        let config = parlor::Config {
            data: seeded.data(),
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            ..parlor::Config::default()
        };
        parlor::App::start(config.with_seed(parlor::config::Seed {
            owner_name: "Olive Owner".into(),
            owner_email: crate::agent::EMAIL.into(),
            owner_password: OWNER_PASSWORD.into(),
            site_name: "Bench".into(),
            site_origins: vec![crate::process::ORIGIN.into()],
        }))?
        .stop();
        if visitors > 0 {
            seeded.fill(visitors, activities)?;
        }
        Ok(seeded)
    }

    /// Starts Parlor on the folder.
    pub(crate) fn serve(&self) -> anyhow::Result<Server> {
        Server::parlor_on(&self.data())
    }

    /// Starts Parlor on the folder, with the key of its site.
    pub(crate) fn serve_site(&self) -> anyhow::Result<(Server, String)> {
        let db = rusqlite::Connection::open(self.database()?)?;
        let key = db.query_row("select key from sites", [], |row| row.get(0))?;
        drop(db);
        Ok((self.serve()?, key))
    }

    /// Lets the owner have any number of chats, and adds so many more like them, with the addresses of [`agent_email`].
    ///
    /// [`agent_email`]: crate::agent::agent_email
    pub(crate) fn add_agents(&self, count: i64) -> anyhow::Result<()> {
        let db = rusqlite::Connection::open(self.database()?)?;
        db.execute("update agents set max_chats = 1000000", [])?;
        let owner: i64 = db.query_row("select id from agents", [], |row| row.get(0))?;
        for n in 1..=count {
            let email = crate::agent::agent_email(n);
            db.execute(
                "insert into agents (id, name, email, email_fold, password_hash, role, max_chats, settings, created_at, updated_at)
                 select id + ?2, name || ' ' || ?2, ?3, ?3, password_hash, role, max_chats, settings, created_at, updated_at
                 from agents where id = ?1",
                rusqlite::params![owner, n, email],
            )?;
            db.execute(
                "insert into agent_sites (agent_id, site_id) select agent_id + ?2, site_id from agent_sites where agent_id = ?1",
                rusqlite::params![owner, n],
            )?;
        }
        Ok(())
    }

    /// The database file.
    pub(crate) fn database(&self) -> anyhow::Result<PathBuf> {
        std::fs::read_dir(self.data())?
            .filter_map(Result::ok)
            .map(|e| e.path())
            .find(|p| p.extension().is_some_and(|e| e == "db" || e == "sqlite"))
            .context("no database file")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn fill(&self, visitors: i64, activities: i64) -> anyhow::Result<()> {
        let db = rusqlite::Connection::open(self.database()?)?;
        db.execute_batch(
            "pragma journal_mode = wal; pragma synchronous = off; pragma foreign_keys = off;",
        )?;
        let site: i64 = db.query_row("select id from sites", [], |r| r.get(0))?;
        let now = jiff::Timestamp::now().as_millisecond();
        let base = now - 30 * 86_400_000;
        let step = 30 * 86_400_000 / visitors.max(1);
        let pages = activities / visitors.max(1);
        let insert = include_str!("seed.sql");
        for statement in insert.split(";\n").filter(|s| !s.trim().is_empty()) {
            let mut statement = db.prepare(statement)?;
            let all: [(&str, i64); 6] = [
                (":site", site),
                (":visitors", visitors),
                (":pages", pages),
                (":base", base),
                (":step", step),
                (":now", now),
            ];
            for (name, value) in all {
                if let Some(at) = statement.parameter_index(name)? {
                    statement.raw_bind_parameter(at, value)?;
                }
            }
            statement.raw_execute()?;
        }
        db.execute_batch("pragma wal_checkpoint(truncate); pragma optimize;")?;
        Ok(())
    }
}
