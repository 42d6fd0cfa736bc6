//! `parlor serve`: runs until it is told to stop.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::config::{Config, Options, Seed};
use crate::token::Token;

/// A stop that takes longer than this is cut, so that the process has ended 5 s after the signal.
const STOP_AT_LATEST: Duration = Duration::from_millis(4_700);
/// What a second signal ends the process with, as a shell would report it.
const INTERRUPTED: i32 = 130;

/// Flags of `serve` alone.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Serve {
    /// For end-to-end tests: keep everything in a temporary folder, make an owner and a site, print one JSON line
    #[arg(long)]
    ephemeral: bool,
    /// Owner's e-mail address [default: owner@example.com]
    #[arg(long, requires = "ephemeral", value_name = "EMAIL")]
    owner_email: Option<String>,
    /// Owner's password [default: random, and told in the JSON line]
    #[arg(long, requires = "ephemeral", value_name = "PASSWORD")]
    owner_password: Option<String>,
    /// Owner's name [default: Olive Owner]
    #[arg(long, requires = "ephemeral", value_name = "NAME")]
    owner_name: Option<String>,
    /// Site's name [default: Test site]
    #[arg(long, requires = "ephemeral", value_name = "NAME")]
    site_name: Option<String>,
    /// Origin that may load the widget; may be repeated
    #[arg(long, requires = "ephemeral", value_name = "ORIGIN")]
    site_origin: Vec<String>,
}

impl Serve {
    pub(super) fn run(self, options: Options) -> anyhow::Result<()> {
        let config = self.config(options)?;
        super::log::install(config.log_format);
        let mut signals = Signals::install()?;
        let (is_ephemeral, seed) = (config.ephemeral, config.seed.clone());
        let app = App::start(config)?;
        match seed {
            Some(seed) if is_ephemeral => self.say_ready(&app, &seed)?,
            _ => say_where(&app)?,
        }
        signals.wait();
        tracing::info!("stopping");
        signals.watch_the_stop()?;
        app.stop();
        Ok(())
    }

    fn config(&self, options: Options) -> anyhow::Result<Config> {
        if !self.ephemeral {
            return Ok(options.resolve(Config::default())?);
        }
        let config = options.resolve(Config::ephemeral())?;
        if config.database.is_some() {
            bail!("--ephemeral keeps its own database, so --database has no place beside it");
        }
        Ok(config.with_seed(self.seed()))
    }

    fn seed(&self) -> Seed {
        let or = |given: &Option<String>, default: &str| {
            given.clone().unwrap_or_else(|| default.to_owned())
        };
        Seed {
            owner_name: or(&self.owner_name, "Olive Owner"),
            owner_email: or(&self.owner_email, "owner@example.com"),
            owner_password: self
                .owner_password
                .clone()
                .unwrap_or_else(|| Token::random().as_str().to_owned()),
            site_name: or(&self.site_name, "Test site"),
            site_origins: self.site_origin.clone(),
        }
    }

    /// The one line for the program that started us: everything it needs, nothing else on stdout.
    fn say_ready(&self, app: &App, seed: &Seed) -> anyhow::Result<()> {
        let seeded = app.seeded().context("no owner and site were made")?;
        let mut line = serde_json::json!({
            "url": app.url(),
            "site_key": seeded.site_key,
            "api_key": seeded.api_key,
            "owner_email": seeded.owner_email,
            "data": app.data(),
            "pid": std::process::id(),
        });
        if self.owner_password.is_none() {
            line["owner_password"] = seed.owner_password.clone().into();
        }
        super::say(&line.to_string())
    }
}

fn say_where(app: &App) -> anyhow::Result<()> {
    let url = app.url();
    let mut said = format!(
        "Parlor serves on http://{}\n  Dashboard  {url}/\n",
        app.address()
    );
    let mut when = "";
    if let Some(link) = app.setup_link() {
        said.push_str(&format!(
            "  Set-up     {link}  (works once, within a day)\n"
        ));
        when = "  (once it is set up)";
    }
    said.push_str(&format!("  Demo shop  {url}/demo{when}\n"));
    if app.state().config.database.is_none() {
        said.push_str(&format!("  Data       {}\n", app.data().display()));
    }
    super::say(said.trim_end())
}

/// SIGTERM and SIGINT, caught from the start, so that none is lost while the database opens.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime to wait for signals")?;
        let entered = runtime.enter();
        let terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        drop(entered);
        Ok(Self {
            runtime,
            terminate,
            interrupt,
        })
    }

    fn wait(&mut self) {
        let (terminate, interrupt) = (&mut self.terminate, &mut self.interrupt);
        self.runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }

    /// From here on a second signal ends the process at once, and so does a stop that hangs.
    fn watch_the_stop(mut self) -> anyhow::Result<()> {
        let watch = move || {
            let deadline = std::time::Instant::now() + STOP_AT_LATEST;
            let (terminate, interrupt) = (&mut self.terminate, &mut self.interrupt);
            let was_signal = self.runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => true,
                    _ = interrupt.recv() => true,
                    () = tokio::time::sleep_until(deadline.into()) => false,
                }
            });
            // What is committed is on disk either way; this is as safe as a power cut, which has to be safe.
            if was_signal {
                std::process::exit(INTERRUPTED);
            }
            tracing::warn!(
                "the stop took too long and was cut; everything acknowledged is on disk"
            );
            std::process::exit(0);
        };
        std::thread::Builder::new()
            .name("parlor-stop".into())
            .spawn(watch)
            .context("no thread to watch the stop")?;
        Ok(())
    }
}
