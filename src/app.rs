//! The composition root: the only file that knows everyone. Opens the database, starts the server, stops both in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbOptions, Dialect, Lane};
use crate::error::StartError;
use crate::http::server;
use crate::http::state::{State, StateParts};
use crate::scheduler::{self, NodeKeeper};
use crate::store::agent_connections;

/// How long requests that were being answered when a stop began may take to end.
const REQUESTS_END: Duration = Duration::from_secs(2);
/// How long sockets may take to say goodbye.
const SOCKETS_END: Duration = Duration::from_millis(1200);
/// How often a stop looks whether it can go on.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// What a worker may need to put the last answer on the wire.
const LAST_BYTES: Duration = Duration::from_millis(25);

/// A running Parlor, which stops when dropped. Many may run in one process.
pub struct App {
    address: SocketAddr,
    state: Data<State>,
    server: ServerHandle,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    scheduler: Option<scheduler::Running>,
    /// Where everything is kept.
    folder: Folder,
}

impl App {
    /// Starts a Parlor and returns once it answers requests. Blocks; not for an async thread.
    ///
    /// # Errors
    /// [`StartError`] in words for the person at the terminal; nothing keeps running then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let folder = Folder::open(&config)?;
        let clock = Clock::system();
        let listener = Listener::default();
        let db = Db::open(
            &db_options(&config, folder.path()),
            &clock,
            listener.publish(),
        )?;
        let state = Data::new(State::from(StateParts {
            db,
            clock,
            config: Arc::new(config),
        }));
        listener.attach(&state);
        let started = start_parts(&state);
        let (scheduler, (thread, server, address)) = started.inspect_err(|_| state.db.close())?;
        Ok(Self {
            address,
            state,
            server,
            thread: Some(thread),
            scheduler: Some(scheduler),
            folder,
        })
    }

    /// The address it listens on, with the port it was given.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached: the public URL, or else its address; base path included, no trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        let config = &self.state.config;
        config.public_url.as_ref().map_or_else(
            || format!("http://{}{}", self.address, config.base_path),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        )
    }

    /// Its clock, which tests turn.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// Its database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.state.db
    }

    /// What its handlers share.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The folder in which it keeps everything.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Stops in order: refuses new work, ends what is under way, closes sockets with 1012, closes the database.
    /// Takes 4 s at most; dropping the value does the same.
    pub fn stop(self) {
        drop(self);
    }

    fn drain(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.state.drain();
        // The future only reports that it is done; the command is under way already.
        drop(self.server.pause());
        wait_until(REQUESTS_END, || self.state.in_flight() == 0);
        self.state.stop.cancel();
        wait_until(SOCKETS_END, || self.state.limits.open_sockets() == 0);
        std::thread::sleep(LAST_BYTES);
        // Not graceful: what is left are idle connections, and peers that do not read.
        drop(self.server.stop(false));
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the HTTP server ended with an error"),
            Err(_) => tracing::error!("the HTTP server panicked"),
        }
        drop(self.scheduler.take());
        self.state.db.close();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.drain();
    }
}

/// What runs on threads of its own once the database is open: the scheduler first, since it gives the node its number.
fn start_parts(state: &Data<State>) -> Result<(scheduler::Running, Running), StartError> {
    let node = claim_node(&state.db)?;
    let limits = state.clone();
    let scheduler = scheduler::start(&state.db, &state.clock, node, move || {
        limits.limits.retain_recent();
    })
    .map_err(|source| StartError::System {
        what: "a thread for the scheduler",
        source,
    })?;
    Ok((scheduler, run_server(state.clone())?))
}

/// On SQLite this process is the only node, number 0, and nobody's dashboard is open yet. On PostgreSQL it takes a number.
fn claim_node(db: &Db) -> Result<Option<NodeKeeper>, StartError> {
    match db.dialect() {
        Dialect::Sqlite => {
            db.write_blocking(Lane::Admin, |tx| agent_connections::clear_node(tx, 0))?;
            Ok(None)
        }
        Dialect::Postgres => Ok(Some(NodeKeeper::take(db)?)),
    }
}

/// Where hints go: the state, once it is there. It holds the database, so the way back must not hold it.
#[derive(Clone, Default)]
struct Listener(Arc<OnceLock<Weak<State>>>);

impl Listener {
    fn publish(&self) -> crate::db::Publish {
        let to = self.clone();
        Arc::new(move |hints| {
            if let Some(state) = to.0.get().and_then(Weak::upgrade) {
                state.hear(hints);
            }
        })
    }

    fn attach(&self, state: &Data<State>) {
        let state = Arc::downgrade(&state.clone().into_inner());
        // Attached once, right after the state was made.
        drop(self.0.set(state));
    }
}

fn db_options(config: &Config, folder: &Path) -> DbOptions {
    let options = config.database.as_ref().map_or_else(
        || DbOptions::sqlite(folder),
        |url| DbOptions::postgres(url.expose()),
    );
    DbOptions {
        // Several processes may share a server, so each has to take a number first.
        node: config.database.is_none().then_some(0),
        statement_cache: config.statement_cache,
        ..options
    }
}

/// Waits until `is_done` says so, or `at_most` has passed.
fn wait_until(at_most: Duration, is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() && start.elapsed() < at_most {
        std::thread::sleep(LOOK_AGAIN);
    }
}

type Running = (JoinHandle<std::io::Result<()>>, ServerHandle, SocketAddr);

/// Runs the server on a thread of its own, with a runtime of its own, so that the caller's does not matter.
fn run_server(state: Data<State>) -> Result<Running, StartError> {
    let listen = state.config.listen;
    let (tell, told) = mpsc::sync_channel(1);
    let run = move || {
        actix_web::rt::System::new().block_on(async move {
            match server::bind(state) {
                Ok((server, address)) => {
                    // The starter waits for this message, so it cannot be gone.
                    drop(tell.send(Ok((server.handle(), address))));
                    server.await
                }
                Err(error) => {
                    drop(tell.send(Err(error)));
                    Ok(())
                }
            }
        })
    };
    let thread = std::thread::Builder::new()
        .name("parlor-http".into())
        .spawn(run)
        .map_err(|source| StartError::System {
            what: "a thread for the HTTP server",
            source,
        })?;
    match told.recv() {
        Ok(Ok((handle, address))) => Ok((thread, handle, address)),
        Ok(Err(source)) => Err(StartError::Listen {
            address: listen,
            source,
        }),
        Err(_) => Err(StartError::System {
            what: "a runtime for the HTTP server",
            source: std::io::Error::other("the thread ended"),
        }),
    }
}

/// The data folder: the configured one, or a temporary one that goes with the app.
enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn open(config: &Config) -> Result<Self, StartError> {
        if config.ephemeral {
            return tempfile::Builder::new()
                .prefix("parlor-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|source| StartError::TemporaryFolder {
                    path: std::env::temp_dir(),
                    source,
                });
        }
        Ok(Self::Kept(config.data.clone()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
