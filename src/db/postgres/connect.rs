//! Reaching the server: the words of the URL, TLS, and what is checked once before anything is trusted to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

use crate::db::error::{Error, Result};

/// How long a server may take to answer a connection attempt, if the URL does not say.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// An idle connection is probed after this long.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Bytes sent and not confirmed for this long mean that the connection is lost.
const UNCONFIRMED: Duration = Duration::from_secs(15);
/// The oldest server Parlor is tested with: 15.
const OLDEST_SERVER: i64 = 150_000;

/// Where the server is, and how to speak to it.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Server {
    /// Reads the URL; the words that are ours are taken out of it.
    pub(super) fn from_url(url: &str) -> Result<Self> {
        let (head, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let (mut schema, mut ssl, mut root) = (None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "schema" => schema = Some(value.into_owned()),
                "sslmode" => ssl = Some(value.into_owned()),
                "sslrootcert" => root = Some(PathBuf::from(value.as_ref())),
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        // The parser reads a plus as a plus.
        let rest = rest.finish().replace('+', "%20");
        let mut config: Config = format!("{head}?{rest}")
            .parse()
            .map_err(|e| Error::Unavailable(format!("the database URL does not parse: {e}")))?;
        if let Some(schema) = schema {
            let options = search_path(&schema, config.get_options())?;
            config.options(&options);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_PATIENCE);
        }
        config
            .keepalives_idle(KEEPALIVE)
            .tcp_user_timeout(UNCONFIRMED)
            .application_name("parlor");
        let tls = match ssl.as_deref() {
            None | Some("disable" | "allow" | "prefer") => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            Some("require" | "verify-ca" | "verify-full") => {
                config.ssl_mode(SslMode::Require);
                Some(MakeRustlsConnect::new(tls(root)?))
            }
            Some(other) => {
                return Err(Error::Unavailable(format!("sslmode={other} is not known")));
            }
        };
        Ok(Self { config, tls })
    }

    /// A new connection. Never call this on an async thread: the driver panics there.
    pub(super) fn connect(&self) -> Result<Client> {
        let client = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        client.map_err(|e| Error::Unavailable(format!("PostgreSQL: {}", reason(&e))))
    }
}

/// The innermost cause: the driver's own text only says that something failed.
fn reason(e: &postgres::Error) -> String {
    let mut cause: &dyn std::error::Error = e;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The start-up option that puts everything into one schema; it is no session `set`, so poolers keep it.
fn search_path(schema: &str, before: Option<&str>) -> Result<String> {
    let is_plain = schema
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if schema.is_empty() || !is_plain {
        return Err(Error::Unavailable(
            "schema= takes small letters, digits and underscores".into(),
        ));
    }
    Ok(format!("{} -c search_path={schema}", before.unwrap_or("")))
}

/// Every mode that asks for TLS verifies the certificate: an unverified one protects from nobody.
fn tls(root: Option<PathBuf>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = root {
        let unreadable = |e: &dyn std::fmt::Display| {
            Error::Unavailable(format!("sslrootcert {}: {e}", file.display()))
        };
        for cert in CertificateDer::pem_file_iter(&file).map_err(|e| unreadable(&e))? {
            let cert = cert.map_err(|e| unreadable(&e))?;
            roots.add(cert).map_err(|e| unreadable(&e))?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Unavailable(format!("TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Refuses a server that is too old, or that answers a commit before it is on disk.
pub(super) fn check(client: &mut Client) -> Result<()> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::bigint, current_setting('synchronous_commit'), \
             current_setting('server_version')",
            &[],
        )
        .map_err(|e| Error::Unavailable(format!("PostgreSQL: {}", reason(&e))))?;
    let (number, commit, name): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
    if number < OLDEST_SERVER {
        return Err(Error::Unavailable(format!(
            "PostgreSQL {name} is too old: Parlor needs 15 or newer"
        )));
    }
    if !matches!(commit.as_str(), "on" | "remote_apply") {
        return Err(Error::Unavailable(format!(
            "synchronous_commit is {commit}: an answer of Parlor means on disk, so set it to on (or remote_apply) \
             for this database or role"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_words_are_taken_out_of_the_url() {
        let server = Server::from_url("postgres://u:p@h/db?schema=t_1&connect_timeout=3").unwrap();

        assert_eq!(server.config.get_options(), Some(" -c search_path=t_1"));
        assert_eq!(
            server.config.get_connect_timeout(),
            Some(&Duration::from_secs(3))
        );
        assert!(server.tls.is_none());
    }

    #[test]
    fn tls_is_used_when_asked_for() {
        let server = Server::from_url("postgresql://u@h/db?sslmode=require").unwrap();

        assert_eq!(server.config.get_ssl_mode(), SslMode::Require);
        assert!(server.tls.is_some());
    }

    #[test]
    fn a_url_that_cannot_be_meant_is_refused() {
        for url in [
            "postgres://h/db?schema=a;drop",
            "postgres://h/db?schema=",
            "postgres://h/db?sslmode=perhaps",
            "postgres://h/db?nonsense=1",
            "postgres://h/db?sslmode=require&sslrootcert=/nowhere.pem",
        ] {
            assert!(
                matches!(Server::from_url(url), Err(Error::Unavailable(_))),
                "{url}"
            );
        }
    }
}
