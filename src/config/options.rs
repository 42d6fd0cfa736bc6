//! The options as they are written: flags, `PARLOR_*` and the file, all still text.

use std::path::{Path, PathBuf};

use super::{Config, Problem, Problems};

/// Flags of every command. A flag wins over its variable, which wins over the file, which wins over the default.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// TOML file with any of these options under their names, such as `listen = "0.0.0.0:8080"`
    #[arg(long, global = true, env = "PARLOR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(
        long,
        global = true,
        env = "PARLOR_LISTEN",
        value_name = "ADDRESS:PORT"
    )]
    pub listen: Option<String>,

    /// Folder in which everything is kept [default: ./parlor-data]
    #[arg(long, global = true, env = "PARLOR_DATA", value_name = "FOLDER")]
    pub data: Option<String>,

    /// Folder of uploaded files; several nodes on one database need a folder they share [default: files in the data folder]
    #[arg(long, global = true, env = "PARLOR_FILES", value_name = "FOLDER")]
    pub files: Option<String>,

    /// PostgreSQL to use instead of the SQLite file in the data folder, as <postgres://user:password@host/name>
    #[arg(
        long,
        global = true,
        env = "PARLOR_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database: Option<String>,

    /// Cache PostgreSQL statements: on, or off for a pooler that cannot keep them [default: on]
    #[arg(
        long,
        global = true,
        env = "PARLOR_STATEMENT_CACHE",
        value_name = "on|off"
    )]
    pub statement_cache: Option<String>,

    /// Where browsers reach this server, such as <https://chat.example.com>
    #[arg(long, global = true, env = "PARLOR_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Proxy whose X-Forwarded-For, -Proto and -Host are believed; may be repeated
    #[arg(
        long,
        global = true,
        env = "PARLOR_TRUSTED_PROXY",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub trusted_proxy: Vec<String>,

    /// Path under which everything is served, such as /chat
    #[arg(long, global = true, env = "PARLOR_BASE_PATH", value_name = "PATH")]
    pub base_path: Option<String>,

    /// How log lines look: human or json [default: human]
    #[arg(long, global = true, env = "PARLOR_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,

    /// Network that may read /metrics besides this machine; may be repeated
    #[arg(
        long,
        global = true,
        env = "PARLOR_METRICS_FROM",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub metrics_from: Vec<String>,

    /// Open WebSockets one address may have [default: 20]
    #[arg(
        long,
        global = true,
        env = "PARLOR_SOCKETS_PER_ADDRESS",
        value_name = "COUNT"
    )]
    pub sockets_per_address: Option<String>,

    /// Open WebSockets one visitor may have, over all their browsers [default: 20]
    #[arg(
        long,
        global = true,
        env = "PARLOR_SOCKETS_PER_VISITOR",
        value_name = "COUNT"
    )]
    pub sockets_per_visitor: Option<String>,

    /// Requests one address may send to public routes in a second [default: 100]
    #[arg(
        long,
        global = true,
        env = "PARLOR_REQUESTS_PER_ADDRESS",
        value_name = "COUNT"
    )]
    pub requests_per_address: Option<String>,

    /// Open WebSockets of this process [default: 20000]
    #[arg(long, global = true, env = "PARLOR_MAX_SOCKETS", value_name = "COUNT")]
    pub max_sockets: Option<String>,

    /// Fetch previews from this machine too, on any port: on or off; for tests alone [default: off]
    #[arg(
        long,
        global = true,
        hide = true,
        env = "PARLOR_ALLOW_LOOPBACK_PREVIEWS",
        value_name = "on|off"
    )]
    pub allow_loopback_previews: Option<String>,

    /// HTTP worker threads [default: one a core]
    #[arg(long, global = true, env = "PARLOR_WORKERS", value_name = "COUNT")]
    pub workers: Option<String>,
}

impl Options {
    /// Reads the file, if one is named, fills what neither flag nor variable said, and checks everything; what nobody
    /// said is as in `default`.
    ///
    /// # Errors
    /// [`Problems`] with all that is wrong in the file and in the values.
    pub fn resolve(mut self, default: Config) -> Result<Config, Problems> {
        let mut problems = Vec::new();
        if let Some(path) = self.config.clone() {
            self.fill_from_file(&path, &mut problems);
        }
        match Config::from_options(&self, default) {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(Problems(problems)),
            Err(Problems(more)) => {
                problems.extend(more);
                Err(Problems(problems))
            }
        }
    }

    fn fill_from_file(&mut self, path: &Path, problems: &mut Vec<Problem>) {
        let table = std::fs::read_to_string(path)
            .map_err(|e| format!("{} cannot be read: {e}", path.display()))
            .and_then(|text| {
                text.parse::<toml::Table>()
                    .map_err(|e| format!("{} is not TOML: {}", path.display(), e.message()))
            });
        match table {
            Ok(table) => {
                for (key, value) in &table {
                    if let Err(reason) = self.fill(key, value) {
                        let option = format!("{} ({})", key.replace('_', "-"), path.display());
                        problems.push(Problem::new(option, reason));
                    }
                }
            }
            Err(reason) => problems.push(Problem::new("config", reason)),
        }
    }

    /// Takes one key of the file, unless a flag or variable has said it. Dashes and underscores are the same.
    fn fill(&mut self, key: &str, value: &toml::Value) -> Result<(), String> {
        let single = match key.replace('-', "_").as_str() {
            "listen" => &mut self.listen,
            "data" => &mut self.data,
            "files" => &mut self.files,
            "database" => &mut self.database,
            "statement_cache" => &mut self.statement_cache,
            "public_url" => &mut self.public_url,
            "base_path" => &mut self.base_path,
            "log_format" => &mut self.log_format,
            "sockets_per_address" => &mut self.sockets_per_address,
            "sockets_per_visitor" => &mut self.sockets_per_visitor,
            "requests_per_address" => &mut self.requests_per_address,
            "max_sockets" => &mut self.max_sockets,
            "allow_loopback_previews" => &mut self.allow_loopback_previews,
            "workers" => &mut self.workers,
            "trusted_proxy" => return fill_list(&mut self.trusted_proxy, value),
            "metrics_from" => return fill_list(&mut self.metrics_from, value),
            _ => return Err("is not an option of Parlor".into()),
        };
        let text = scalar(value)?;
        if single.as_deref().is_none_or(str::is_empty) {
            *single = Some(text);
        }
        Ok(())
    }
}

fn fill_list(list: &mut Vec<String>, value: &toml::Value) -> Result<(), String> {
    let texts = match value.as_array() {
        Some(items) => items.iter().map(scalar).collect::<Result<_, _>>()?,
        None => vec![scalar(value)?],
    };
    if list.iter().all(String::is_empty) {
        *list = texts;
    }
    Ok(())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "everything but these three is refused"
)]
fn scalar(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(switch) => Ok(switch.to_string()),
        other => Err(format!(
            "must be a text or a number, not a {}",
            other.type_str()
        )),
    }
}
