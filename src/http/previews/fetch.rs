//! Fetching a page and its image: few redirects, little time, few bytes, no cookies. Blocks.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use encoding_rs::{Encoding, UTF_8};
use image::ImageReader;
use serde_json::{Map, Value};
use ureq::config::Config;
use ureq::http::header;
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};
use url::Url;

use super::PreviewOptions;
use super::guard::Guard;
use crate::domain::link_preview::Head;

/// Redirects followed at most.
const MAX_REDIRECTS: usize = 3;
/// Bytes of a page that are read.
const MAX_PAGE_BYTES: u64 = 512 << 10;
/// Bytes of an image that are read: its size stands near its start.
const MAX_IMAGE_BYTES: u64 = 128 << 10;
/// Bytes in which a page says its encoding.
const ENCODING_BYTES: usize = 1024;
/// Who asks.
const USER_AGENT: &str = concat!("Parlor/", env!("CARGO_PKG_VERSION"), " (link preview)");

/// Fetches pages.
pub(super) struct Fetcher {
    config: Config,
    guard: Guard,
    timeout: Duration,
}

impl Fetcher {
    pub(super) fn new(options: PreviewOptions) -> Self {
        let guard = Guard {
            allow_loopback: options.allow_loopback,
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::WebPki)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .proxy(None)
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .build();
        Self {
            config,
            guard,
            timeout: options.timeout,
        }
    }

    /// What is behind a web address; empty where nothing can be said of it, for whatever reason.
    pub(super) fn info(&self, url: &str) -> Map<String, Value> {
        let until = Instant::now() + self.timeout;
        let mut info = Map::new();
        let Some((at, head)) = Url::parse(url).ok().and_then(|url| self.page(url, until)) else {
            return info;
        };
        if let Some(title) = head.title {
            info.insert("title".into(), title.into());
        }
        if let Some(description) = head.description {
            info.insert("description".into(), description.into());
        }
        let image = head.image.and_then(|image| at.join(&image).ok());
        if let Some((image, size)) = image.and_then(|image| self.image(image, until)) {
            // Published clients put a scheme in front of it, whatever stands there.
            let bare = image
                .as_str()
                .split_once("://")
                .map_or("", |(_, rest)| rest);
            info.insert("image_url".into(), bare.into());
            info.insert("image_original_url".into(), image.as_str().into());
            if let Some((width, height)) = size {
                info.insert("image_width".into(), width.into());
                info.insert("image_height".into(), height.into());
            }
        }
        info
    }

    /// The head of a page, and where it was found in the end.
    fn page(&self, url: Url, until: Instant) -> Option<(Url, Head)> {
        let (at, answer) = self.get(url, "text/html", until)?;
        let kind = content_type(&answer);
        if !kind.starts_with("text/html") {
            return None;
        }
        let bytes = read(answer, MAX_PAGE_BYTES);
        let (html, _, _) = encoding(&kind, &bytes).decode(&bytes);
        Some((at, Head::read(&html)))
    }

    /// An image that can be had, and its size in pixels where that can be told.
    fn image(&self, url: Url, until: Instant) -> Option<(Url, Option<(u32, u32)>)> {
        let (at, answer) = self.get(url, "image/*", until)?;
        let kind = content_type(&answer);
        if !kind.starts_with("image/") || kind.starts_with("image/svg") {
            return None;
        }
        let bytes = read(answer, MAX_IMAGE_BYTES);
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
        Some((at, size))
    }

    /// A successful answer, after at most three redirects, each of which is checked as the first address was.
    fn get(&self, url: Url, accept: &str, until: Instant) -> Option<(Url, Response<Body>)> {
        let mut url = url;
        for _ in 0..=MAX_REDIRECTS {
            url.set_fragment(None);
            let left = until.checked_duration_since(Instant::now())?;
            if !self.guard.permits(&url) {
                return None;
            }
            // One for each request: where it is built with a jar for cookies, it is empty.
            let connector = DefaultConnector::default();
            let agent = Agent::with_parts(self.config.clone(), connector, self.guard);
            let asked = agent
                .get(url.as_str())
                .header(header::ACCEPT, accept)
                .config()
                .timeout_global(Some(left))
                .build()
                .call();
            // Whose fault it is does not matter here: there is nothing to show.
            let answer = asked.ok()?;
            if answer.status() == StatusCode::OK {
                return Some((url, answer));
            }
            if !answer.status().is_redirection() {
                return None;
            }
            let to = answer.headers().get(header::LOCATION)?.to_str().ok()?;
            url = url.join(to).ok()?;
        }
        None
    }
}

fn content_type(answer: &Response<Body>) -> String {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// As much as is allowed and came in time: a head that was cut off may still say enough.
fn read(answer: Response<Body>, at_most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut body = answer.into_body().into_reader().take(at_most);
    match body.read_to_end(&mut bytes) {
        Ok(_) | Err(_) => bytes,
    }
}

/// The encoding that the answer names, or else the page itself.
fn encoding(content_type: &str, bytes: &[u8]) -> &'static Encoding {
    let start = bytes.get(..ENCODING_BYTES).unwrap_or(bytes);
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let named = |text: &str| {
        let (_, name) = text.split_once("charset=")?;
        let name = name.trim_start_matches(['"', '\'']);
        let end = name
            .find(['"', '\'', ';', ' ', '>', '/'])
            .unwrap_or(name.len());
        Encoding::for_label(name.get(..end)?.as_bytes())
    };
    named(content_type)
        .or_else(|| named(&start))
        .unwrap_or(UTF_8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_names_the_encoding_before_the_page_does() {
        let page = b"<head><meta charset=\"windows-1252\"><title>caf\xe9</title>";
        let name = |kind, bytes| encoding(kind, bytes).name();

        assert_eq!(
            name("text/html; charset=\"iso-8859-2\"", page),
            "ISO-8859-2"
        );
        assert_eq!(name("text/html", page), "windows-1252");
        assert_eq!(name("text/html; charset=nonsense", page), "windows-1252");
        assert_eq!(name("text/html", b"<title>"), "UTF-8");
        let (text, _, _) = encoding("text/html", page).decode(page);
        assert_eq!(Head::read(&text).title.as_deref(), Some("café"));
    }
}
