//! A site to track on, and browsers that send batches straight to the store.

use std::sync::Arc;

use parlor::clock::Clock;
use parlor::db::{Db, Error, Lane, Result, Tx, Value};
use parlor::domain::activity::Call;
use parlor::domain::context::Context;
use parlor::domain::ids::VisitorId;
use parlor::domain::site::{Site, SiteSettings};
use parlor::store::batches::{Batch, CallResult, Recorded, record};
use parlor::store::sites;
use parlor::token::Token;
use serde_json::value::RawValue;

pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 24 * 60 * MINUTE;

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// One site on one database.
pub struct World<'a> {
    pub db: &'a Db,
    pub clock: &'a Clock,
    pub site: Arc<Site>,
}

impl<'a> World<'a> {
    pub fn new(db: &'a Db, clock: &'a Clock) -> Self {
        Self::with(db, clock, SiteSettings::default())
    }

    pub fn with(db: &'a Db, clock: &'a Clock, settings: SiteSettings) -> Self {
        let now = clock.now();
        let site = db
            .write_blocking(Lane::Chat, move |tx| {
                let new = sites::NewSite {
                    name: "Shop",
                    origins: &["https://shop.example".to_owned()],
                    settings: &settings,
                };
                sites::create(tx, &new, now)
            })
            .unwrap();
        Self {
            db,
            clock,
            site: Arc::new(site),
        }
    }

    /// Writes in one transaction.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.db.write_blocking(Lane::Tracking, work)
    }

    /// The integer a query answers.
    pub fn int(&self, sql: &'static str, args: &[i64]) -> i64 {
        let args = args.to_vec();
        self.db
            .read_blocking(move |tx| {
                let args: Vec<Value<'_>> = args.iter().map(|n| Value::I64(*n)).collect();
                tx.int(sql, &args)
            })
            .unwrap()
    }

    /// The text a query answers.
    pub fn text(&self, sql: &'static str, id: i64) -> Option<String> {
        self.db
            .read_blocking(move |tx| tx.one(sql, &[id.into()], |row| row.opt_text(0)))
            .unwrap()
    }

    /// The id behind a query's first column, as it was stored.
    pub fn activities(&self) -> i64 {
        self.int(
            "select count(*) from activities where kind in ('page_view', 'custom')",
            &[],
        )
    }
}

/// A browser that holds a token.
#[derive(Clone)]
pub struct Browser {
    pub token: Token,
    pub user_agent: String,
}

impl Browser {
    pub fn new() -> Self {
        Self {
            token: Token::random(),
            user_agent: FIREFOX.into(),
        }
    }

    /// The batch of these calls, each a JSON object; their times are those of the world's clock unless they say.
    pub fn batch(&self, world: &World<'_>, calls: &[String]) -> Batch {
        Batch {
            site: Arc::clone(&world.site),
            token: Some(self.token.clone()),
            sent_at: Some(0),
            context: Context {
                user_agent: self.user_agent.clone(),
                ip: "192.0.2.0".into(),
                language: "de".into(),
                ..Context::default()
            },
            calls: calls
                .iter()
                .map(|text| {
                    let raw = RawValue::from_string(text.clone()).unwrap();
                    Call::parse(&raw).unwrap_or_else(|refused| panic!("{text}: {refused:?}"))
                })
                .collect(),
        }
    }

    pub fn try_send(&self, world: &World<'_>, calls: &[String]) -> Result<Recorded> {
        send(world, self.batch(world, calls))
    }

    pub fn send(&self, world: &World<'_>, calls: &[String]) -> Recorded {
        self.try_send(world, calls).unwrap()
    }

    /// Sends, and goes on with the token of the answer.
    pub fn move_on(&mut self, world: &World<'_>, calls: &[String]) -> VisitorId {
        let recorded = self.send(world, calls);
        if let Some(token) = recorded.token {
            self.token = token;
        }
        recorded.visitor
    }
}

/// Sends a batch as the handler does: again when a user id was taken at the same moment.
pub fn send(world: &World<'_>, batch: Batch) -> Result<Recorded> {
    let now = world.clock.now();
    let batch = Arc::new(batch);
    loop {
        let again = Arc::clone(&batch);
        match world.write(move |tx| record(tx, &again, now)) {
            Err(Error::Unique(_)) => {}
            other => return other,
        }
    }
}

pub fn page(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","call":"page","at":0,"url":"https://shop.example/{id}","title":"{id}"}}"#
    )
}

/// A page that was opened so long before it was sent.
pub fn page_before(id: &str, before_ms: i64) -> String {
    format!(
        r#"{{"id":"{id}","call":"page","at":-{before_ms},"url":"https://shop.example/{id}","title":"{id}"}}"#
    )
}

pub fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","call":"event","at":0,"name":"signup","properties":{{"a":[1]}}}}"#)
}

pub fn identify(id: &str, user_id: &str, new_token: &Token) -> String {
    format!(
        r#"{{"id":"{id}","call":"identify","at":0,"user_id":"{user_id}","name":"Name of {user_id}","new_token":"{}"}}"#,
        new_token.as_str()
    )
}

pub fn reset(id: &str, new_token: &Token) -> String {
    format!(
        r#"{{"id":"{id}","call":"reset","at":0,"new_token":"{}"}}"#,
        new_token.as_str()
    )
}

pub fn seen(id: &str, page: &str) -> String {
    format!(r#"{{"id":"{id}","call":"seen","at":0,"page":"{page}"}}"#)
}

pub fn leave(id: &str, page: &str) -> String {
    format!(r#"{{"id":"{id}","call":"leave","at":0,"page":"{page}"}}"#)
}

/// That every call had this result.
pub fn all(recorded: &Recorded, want: &CallResult) -> bool {
    recorded.results.iter().all(|result| result == want)
}

/// The root a visitor was merged into, or 0.
pub fn merged_into(world: &World<'_>, id: VisitorId) -> i64 {
    world.int(
        "select coalesce(merged_into, 0) from visitors where id = ?1",
        &[id.0],
    )
}
