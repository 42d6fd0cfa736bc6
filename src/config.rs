//! What a Parlor can be told: one struct, filled from flags, `PARLOR_*`, a TOML file and defaults, in that order.
//!
//! Every option is read as text first and checked afterwards, so that all problems are named at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use url::Url;

use crate::http::customer::SocketTiming;
use crate::http::previews::PreviewOptions;

mod options;

pub use options::Options;

/// Where a Parlor listens when nothing is said.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The checked configuration of one Parlor.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the database and everything else that is kept; made with mode 0700.
    pub data: PathBuf,
    /// Folder of uploaded files; `files` in `data` where nothing is said. Several nodes need one that they share.
    pub files: Option<PathBuf>,
    /// PostgreSQL to use in place of the SQLite file in `data`.
    pub database: Option<DatabaseUrl>,
    /// Whether PostgreSQL statements are cached; off for poolers that cannot keep prepared statements.
    pub statement_cache: bool,
    /// Where browsers reach this Parlor, without a trailing slash; what links are made of.
    pub public_url: Option<Url>,
    /// Proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Path under which everything is served: empty, or `/name` without a trailing slash.
    pub base_path: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Networks that may read `/metrics` besides this machine.
    pub metrics_from: Vec<IpNet>,
    /// Open WebSockets one client address may have.
    pub sockets_per_address: u32,
    /// Open WebSockets of one visitor, over all their browsers.
    pub sockets_per_visitor: u32,
    /// Requests one client address may send to public routes in a second, on average.
    pub requests_per_address: u32,
    /// Open WebSockets of this process.
    pub max_sockets: u32,
    /// The times of a chat socket; only tests change them.
    pub socket_timing: SocketTiming,
    /// How previews of addresses are fetched; only tests change it.
    pub previews: PreviewOptions,
    /// HTTP worker threads.
    pub workers: usize,
    /// Keeps everything in a temporary folder, which is removed at the end; `data` is not used.
    pub ephemeral: bool,
    /// An owner and a site to make at the start of an empty database.
    pub seed: Option<Seed>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            data: PathBuf::from("./parlor-data"),
            files: None,
            database: None,
            statement_cache: true,
            public_url: None,
            trusted_proxies: Vec::new(),
            base_path: String::new(),
            log_format: LogFormat::default(),
            metrics_from: Vec::new(),
            sockets_per_address: 20,
            sockets_per_visitor: 20,
            requests_per_address: 100,
            max_sockets: 20_000,
            socket_timing: SocketTiming::default(),
            previews: PreviewOptions::default(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            ephemeral: false,
            seed: None,
        }
    }
}

impl Config {
    /// A Parlor for one test: a free port of this machine, and a temporary folder that goes with it.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            ephemeral: true,
            workers: 1,
            // A test suite is one address with many visitors.
            sockets_per_address: 10_000,
            sockets_per_visitor: 10_000,
            requests_per_address: 1_000_000,
            ..Self::default()
        }
    }

    /// The same configuration with an owner and a site that are made at the start.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// Checks options that have been merged already; what they do not say is as in `default`.
    ///
    /// # Errors
    /// [`Problems`] with everything that is wrong, not only the first.
    pub fn from_options(options: &Options, default: Self) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut take = Taker {
            problems: &mut problems,
        };
        let config = Self {
            listen: take.value("listen", &options.listen, parse_listen, default.listen),
            data: take.value("data", &options.data, parse_path, default.data),
            files: take.value("files", &options.files, parse_folder, default.files),
            database: take.value("database", &options.database, parse_database, None),
            statement_cache: take.value(
                "statement-cache",
                &options.statement_cache,
                parse_switch,
                true,
            ),
            public_url: take.value("public-url", &options.public_url, parse_public_url, None),
            trusted_proxies: take.list("trusted-proxy", &options.trusted_proxy),
            base_path: take.value("base-path", &options.base_path, parse_base_path, "".into()),
            log_format: take.value(
                "log-format",
                &options.log_format,
                str::parse,
                default.log_format,
            ),
            metrics_from: take.list("metrics-from", &options.metrics_from),
            sockets_per_address: take.count(
                "sockets-per-address",
                &options.sockets_per_address,
                default.sockets_per_address,
            ),
            sockets_per_visitor: take.count(
                "sockets-per-visitor",
                &options.sockets_per_visitor,
                default.sockets_per_visitor,
            ),
            requests_per_address: take.count(
                "requests-per-address",
                &options.requests_per_address,
                default.requests_per_address,
            ),
            max_sockets: take.count("max-sockets", &options.max_sockets, default.max_sockets),
            socket_timing: default.socket_timing,
            previews: take.previews(options, default.previews),
            workers: take.value("workers", &options.workers, parse_workers, default.workers),
            ephemeral: default.ephemeral,
            seed: default.seed,
        };
        let config = config.agree_on_base_path(options.base_path.is_some(), &mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(problems))
        }
    }

    /// The public URL may carry the base path; said twice, both have to say the same.
    fn agree_on_base_path(mut self, is_given: bool, problems: &mut Vec<Problem>) -> Self {
        let Some(url) = self.public_url.as_mut() else {
            return self;
        };
        let path = url.path().trim_end_matches('/').to_owned();
        if path.is_empty() {
            url.set_path(&self.base_path);
        } else if !is_given {
            match parse_base_path(&path) {
                Ok(path) => self.base_path = path,
                Err(reason) => problems.push(Problem::new("public-url", reason)),
            }
        } else if path != self.base_path {
            problems.push(Problem::new(
                "public-url",
                format!(
                    "has the path {path}, but --base-path says {}",
                    self.base_path
                ),
            ));
        }
        self
    }

    /// `scheme://host[:port]` under which browsers reach this Parlor, where it is configured.
    #[must_use]
    pub fn public_origin(&self) -> Option<String> {
        self.public_url
            .as_ref()
            .map(|url| url.origin().ascii_serialization())
    }

    /// Whether browsers reach this Parlor by https, as far as the configuration says.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https")
    }

    /// Whether `address` is one of the proxies whose headers are believed.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies
            .iter()
            .any(|net| net.contains(&address))
    }
}

/// A PostgreSQL URL; never shown with its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole URL, password included, for the driver only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        // Not read as a web address: `postgres://name@/base?host=/run/postgresql` has no host and is good.
        if is_postgres {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a URL that starts with postgres:// or postgresql://; without it Parlor keeps its own SQLite file".into())
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("must be human or json".into()),
        }
    }
}

/// An owner and a site to begin with, for end-to-end tests and demonstrations.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed {
    /// Name of the owner, as visitors see it.
    pub owner_name: String,
    /// E-mail address the owner signs in with.
    pub owner_email: String,
    /// Password of the owner, at least 10 characters.
    pub owner_password: String,
    /// Name of the site.
    pub site_name: String,
    /// Origins that may load the widget, besides the demo's own.
    pub site_origins: Vec<String>,
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("site_name", &self.site_name)
            .field("site_origins", &self.site_origins)
            .finish_non_exhaustive()
    }
}

/// One option that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option's name as a flag, without the dashes.
    pub option: String,
    /// What is wrong with it, without secrets.
    pub reason: String,
}

impl Problem {
    fn new(option: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            option: option.into(),
            reason: reason.into(),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.option, problem.reason)?;
        }
        Ok(())
    }
}

/// Takes options one by one and remembers what was wrong with each.
struct Taker<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Taker<'_> {
    fn value<T, E: fmt::Display>(
        &mut self,
        name: &str,
        text: &Option<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
        default: T,
    ) -> T {
        let Some(text) = text
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        else {
            return default;
        };
        match parse(text) {
            Ok(value) => value,
            Err(reason) => {
                self.problems.push(Problem::new(name, reason.to_string()));
                default
            }
        }
    }

    fn count(&mut self, name: &str, text: &Option<String>, default: u32) -> u32 {
        self.value(name, text, parse_count, default)
    }

    fn previews(&mut self, options: &Options, default: PreviewOptions) -> PreviewOptions {
        PreviewOptions {
            allow_loopback: self.value(
                "allow-loopback-previews",
                &options.allow_loopback_previews,
                parse_switch,
                default.allow_loopback,
            ),
            ..default
        }
    }

    fn list(&mut self, name: &str, texts: &[String]) -> Vec<IpNet> {
        let mut out = Vec::new();
        for text in texts
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
        {
            match parse_network(text) {
                Ok(network) => out.push(network),
                Err(reason) => self.problems.push(Problem::new(name, reason)),
            }
        }
        out
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let text = text.strip_prefix("localhost:").map_or_else(
        || text.to_owned(),
        |port| format!("{}:{port}", Ipv4Addr::LOCALHOST),
    );
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080")
}

#[expect(clippy::unnecessary_wraps, reason = "has the shape of its neighbours")]
fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    Ok(Path::new(text).to_path_buf())
}

#[expect(clippy::unnecessary_wraps, reason = "has the shape of its neighbours")]
fn parse_folder(text: &str) -> Result<Option<PathBuf>, &'static str> {
    Ok(Some(PathBuf::from(text)))
}

fn parse_database(text: &str) -> Result<Option<DatabaseUrl>, String> {
    text.parse().map(Some)
}

fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("must be on or off"),
    }
}

fn parse_public_url(text: &str) -> Result<Option<Url>, &'static str> {
    const SHAPE: &str =
        "must be an http or https URL with a host and no query, such as https://chat.example.com";
    let mut url = Url::parse(text).map_err(|_| SHAPE)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return Err(SHAPE);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Some(url))
}

/// A base path goes into routes, templates and scripts, so only plain characters are taken.
fn parse_base_path(text: &str) -> Result<String, &'static str> {
    let path = text.trim_matches('/');
    let is_plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    if path.is_empty() {
        Ok(String::new())
    } else if path.split('/').all(is_plain) {
        Ok(format!("/{path}"))
    } else {
        Err("must be a path of letters, digits and -_.~, such as /chat")
    }
}

fn parse_count(text: &str) -> Result<u32, &'static str> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("must be a whole number from 1 up"),
    }
}

fn parse_workers(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(count) if (1..=256).contains(&count) => Ok(count),
        _ => Err("must be a whole number from 1 to 256"),
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is not a network such as 10.0.0.0/8 or an IP address"))
}
