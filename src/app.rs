//! The composition root: the only file that knows everyone. Opens the database, starts the server, stops both in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;

use crate::blobs::BlobDirectory;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::socket::ControlSocket;
use crate::control::{self, Ask, Reply};
use crate::db::{Db, DbOptions, Dialect, Lane};
use crate::error::StartError;
use crate::http::server;
use crate::http::state::{State, StateParts};
use crate::live::dispatch;
use crate::scheduler::{self, NodeKeeper, Router, Waker, remove_strays};
use crate::store::agent_connections;

mod seed;

pub use seed::Seeded;

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
    thread: Option<ServerThread>,
    scheduler: Option<scheduler::Running>,
    router: Option<Router>,
    control: Option<ControlSocket>,
    seeded: Option<Seeded>,
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
        let blobs = BlobDirectory::new(files_folder(&config, folder.path()));
        let state = Data::new(State::from(StateParts {
            db,
            blobs: Arc::new(blobs),
            clock,
            config: Arc::new(config),
        }));
        listener.attach(&state);
        let parts =
            Parts::start(&state, &listener, folder.path()).inspect_err(|_| state.db.close())?;
        Ok(Self {
            address: parts.address,
            server: parts.server,
            thread: Some(parts.thread),
            scheduler: Some(parts.scheduler),
            router: Some(parts.router),
            control: parts.control,
            seeded: parts.seeded,
            state,
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
        url(&self.state.config, self.address)
    }

    /// A new one-time link for the first set-up; `None` once there is an owner, or while the database refuses writes.
    #[must_use]
    pub fn setup_link(&self) -> Option<String> {
        let now = self.state.clock.now();
        match control::answer(&self.state.db, &self.url(), now, Ask::SetupLink) {
            Reply::SetupLink { url } => Some(url),
            Reply::Done | Reply::Agents { .. } | Reply::Found { .. } | Reply::Refused { .. } => {
                None
            }
        }
    }

    /// What was made of the configuration's seed.
    #[must_use]
    pub const fn seeded(&self) -> Option<&Seeded> {
        self.seeded.as_ref()
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
        drop(self.control.take());
        drop(self.scheduler.take());
        drop(self.router.take());
        self.state.db.close();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.drain();
    }
}

/// What runs on threads of its own once the database is open.
struct Parts {
    scheduler: scheduler::Running,
    router: Router,
    seeded: Option<Seeded>,
    control: Option<ControlSocket>,
    thread: ServerThread,
    server: ServerHandle,
    address: SocketAddr,
}

impl Parts {
    /// The node's number comes first, since nothing can be written without; the server last, when all is ready.
    fn start(state: &Data<State>, listener: &Listener, folder: &Path) -> Result<Self, StartError> {
        let node = claim_node(&state.db)?;
        let seeded = state
            .config
            .seed
            .as_ref()
            .map(|seed| seed::plant(&state.db, seed, state.clock.now()))
            .transpose()?;
        let own = state.clone();
        let scheduler = scheduler::start(&state.db, &state.clock, node, move || {
            own.limits.retain_recent();
            if let Err(error) = remove_strays(&own.db, &*own.blobs, own.clock.now()) {
                // They are still listed, so the next minute tries again.
                tracing::warn!(%error, "files that nobody names could not be removed");
            }
        })
        .map_err(|source| StartError::System {
            what: "a thread for the scheduler",
            source,
        })?;
        let router =
            Router::start(&state.db, &state.clock).map_err(|source| StartError::System {
                what: "a thread for the router",
                source,
            })?;
        listener.wake(router.waker());
        let (thread, server, address) = run_server(state.clone())?;
        let control = open_control(state, folder, address);
        Ok(Self {
            scheduler,
            router,
            seeded,
            control,
            thread,
            server,
            address,
        })
    }
}

/// The socket by which the command line asks this server. On PostgreSQL the command line asks the database itself.
fn open_control(state: &Data<State>, folder: &Path, address: SocketAddr) -> Option<ControlSocket> {
    if state.db.dialect() == Dialect::Postgres {
        return None;
    }
    let state = state.clone();
    let opened = ControlSocket::open(folder, move |ask| {
        control::answer(
            &state.db,
            &url(&state.config, address),
            state.clock.now(),
            ask,
        )
    });
    opened
        .inspect_err(|error| {
            tracing::warn!(%error, "no control socket: stop the server before you use other commands");
        })
        .ok()
}

/// Where browsers reach a Parlor with this configuration and address.
pub(crate) fn url(config: &Config, address: SocketAddr) -> String {
    config.public_url.as_ref().map_or_else(
        || format!("http://{address}{}", config.base_path),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    )
}

/// On SQLite this process is the only node, number 0, and nobody's dashboard is open yet. On PostgreSQL it takes a number.
pub(crate) fn claim_node(db: &Db) -> Result<Option<NodeKeeper>, StartError> {
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
struct Listener {
    state: Arc<OnceLock<Weak<State>>>,
    router: Arc<OnceLock<Waker>>,
}

impl Listener {
    fn publish(&self) -> crate::db::Publish {
        let to = self.clone();
        Arc::new(move |hints| {
            if let Some(router) = to.router.get() {
                router.hear(hints);
            }
            if let Some(state) = to.state.get().and_then(Weak::upgrade) {
                state.hear(hints);
            }
        })
    }

    fn attach(&self, state: &Data<State>) {
        let state = Arc::downgrade(&state.clone().into_inner());
        // Attached once, right after the state was made.
        drop(self.state.set(state));
    }

    fn wake(&self, router: Waker) {
        // Started once, right before the server.
        drop(self.router.set(router));
    }
}

pub(crate) fn db_options(config: &Config, folder: &Path) -> DbOptions {
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

/// Where the contents of files lie: where the configuration says, or beside everything else.
fn files_folder(config: &Config, folder: &Path) -> PathBuf {
    config
        .files
        .clone()
        .filter(|_| !config.ephemeral)
        .unwrap_or_else(|| folder.join("files"))
}

/// Waits until `is_done` says so, or `at_most` has passed.
fn wait_until(at_most: Duration, is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() && start.elapsed() < at_most {
        std::thread::sleep(LOOK_AGAIN);
    }
}

type ServerThread = JoinHandle<std::io::Result<()>>;

/// Runs the server on a thread of its own, with a runtime of its own, so that the caller's does not matter.
fn run_server(state: Data<State>) -> Result<(ServerThread, ServerHandle, SocketAddr), StartError> {
    let listen = state.config.listen;
    let (tell, told) = mpsc::sync_channel(1);
    let run = move || {
        actix_web::rt::System::new().block_on(async move {
            let dispatcher = actix_web::rt::spawn(dispatch::run(
                Arc::clone(&state.hub),
                state.db.clone(),
                state.stop.clone(),
            ));
            match server::bind(state) {
                Ok((server, address)) => {
                    // The starter waits for this message, so it cannot be gone.
                    drop(tell.send(Ok((server.handle(), address))));
                    let ended = server.await;
                    dispatcher.abort();
                    ended
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
            use std::os::unix::fs::PermissionsExt;
            return tempfile::Builder::new()
                .prefix("parlor-")
                .permissions(std::fs::Permissions::from_mode(0o700))
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
