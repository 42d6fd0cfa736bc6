//! The guard of fetches: which addresses are gone to, by name and, once it is resolved, by number.
//!
//! The number that was checked is the one that is connected to; each redirect is checked anew.

use std::net::{IpAddr, SocketAddr};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use url::{Host, Url};

use crate::domain::address::is_global;

/// Resolves names, and drops every address that is not of the internet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    pub(super) allow_loopback: bool,
}

impl Guard {
    /// Whether a URL may be asked for at all: http on 80 or https on 443, and nobody's password.
    pub(super) fn permits(&self, url: &Url) -> bool {
        let is_web = match url.scheme() {
            "http" | "https" => url.username().is_empty() && url.password().is_none(),
            _ => false,
        };
        let is_usual_port = matches!(url.port_or_known_default(), Some(80 | 443));
        is_web && (is_usual_port || self.allow_loopback && is_loopback(url))
    }

    fn admits(&self, address: IpAddr) -> bool {
        is_global(address) || self.allow_loopback && address.to_canonical().is_loopback()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found
            .iter()
            .filter(|address: &&SocketAddr| self.admits(address.ip()))
        {
            kept.push(*address);
        }
        if kept.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Guard = Guard {
        allow_loopback: false,
    };
    const TEST: Guard = Guard {
        allow_loopback: true,
    };

    #[test]
    fn only_web_pages_on_their_usual_ports_are_asked_for() {
        for (url, strict, test) in [
            ("http://a.example/", true, true),
            ("https://a.example/", true, true),
            ("https://a.example:80/", true, true),
            ("http://a.example:8080/", false, false),
            ("http://a.example:22/", false, false),
            ("ftp://a.example/", false, false),
            ("file:///etc/passwd", false, false),
            ("http://user@a.example/", false, false),
            ("http://:secret@a.example/", false, false),
            ("http://127.0.0.1:8080/", false, true),
            ("http://[::1]:8080/", false, true),
            ("http://localhost:8080/", false, true),
            ("http://10.0.0.1:8080/", false, false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(STRICT.permits(&url), strict, "{url}");
            assert_eq!(TEST.permits(&url), test, "{url}");
        }
    }

    fn resolves(guard: &Guard, url: &str) -> bool {
        // In the form in which it is asked for: odd spellings of a number are gone then.
        let uri = Url::parse(url).unwrap().as_str().parse().unwrap();
        let config = Config::default();
        let timeout = NextTimeout {
            after: ureq::unversioned::transport::time::Duration::NotHappening,
            reason: ureq::Timeout::Global,
            ..NextTimeout::default()
        };
        guard.resolve(&uri, &config, timeout).is_ok()
    }

    #[test]
    fn a_name_or_number_of_an_inner_network_leads_nowhere() {
        for url in [
            "http://localhost/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://2130706433/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::7f00:1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://[fd00::1]/",
        ] {
            assert!(!resolves(&STRICT, url), "{url}");
        }
        assert!(resolves(&STRICT, "http://8.8.8.8/"));
        assert!(resolves(&TEST, "http://localhost/"));
        assert!(resolves(&TEST, "http://[::ffff:127.0.0.1]/"));
        assert!(!resolves(&TEST, "http://10.0.0.1/"));
        assert!(!resolves(&TEST, "http://169.254.169.254/"));
    }
}
