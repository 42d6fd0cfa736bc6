//! Who may call the visitor API: pages of the site's listed origins, and our own demo. Never reflects an origin.
//!
//! Credentials are allowed across origins for the chat protocol of stock clients alone; elsewhere a visitor is a token in
//! the body and not a cookie.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::error::ApiError;
use super::extract::{header_text, own_origin};
use super::state::State;
use crate::domain::ids::SiteId;
use crate::domain::site::Site;

/// Refused origins remembered per site.
const REFUSED_PER_SITE: usize = 16;
/// Longer origins are not remembered: no host name is that long.
const REFUSED_MAX_BYTES: usize = 280;
/// How long a browser may keep the answer to a preflight.
const PREFLIGHT_AGE_S: &str = "7200";

/// Where the page that calls us stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageOrigin {
    /// An origin that may call: listed by the site, or our own.
    Allowed(HeaderValue),
    /// No `Origin` header: not a browser, or a plain GET of our own page.
    Absent,
}

/// Whether the site lists this origin. `https://*.example.com` stands for exactly one label in place of `*`.
#[must_use]
pub fn allowed_origin(site: &Site, origin: &str) -> bool {
    site.origins
        .iter()
        .any(|listed| matches_origin(listed, origin))
}

fn matches_origin(listed: &str, origin: &str) -> bool {
    let Some((scheme, rest)) = listed.split_once("://*.") else {
        return listed.eq_ignore_ascii_case(origin);
    };
    let Some((origin_scheme, host)) = origin.split_once("://") else {
        return false;
    };
    host.split_once('.').is_some_and(|(label, host)| {
        !label.is_empty()
            && host.eq_ignore_ascii_case(rest)
            && origin_scheme.eq_ignore_ascii_case(scheme)
    })
}

/// Checks the `Origin` of a request to the visitor API of `site`, and remembers it where it is refused.
///
/// # Errors
/// [`ApiError::origin_not_allowed`] for every origin that is neither listed nor our own, `null` and doubled headers included.
pub fn check_origin(state: &State, site: &Site, req: &HttpRequest) -> Result<PageOrigin, ApiError> {
    let Some(value) = req.headers().get(header::ORIGIN) else {
        return Ok(PageOrigin::Absent);
    };
    let origin =
        header_text(req.headers(), &header::ORIGIN).ok_or_else(ApiError::origin_not_allowed)?;
    let is_own =
        || own_origin(&state.config, req).is_some_and(|own| own.eq_ignore_ascii_case(origin));
    if allowed_origin(site, origin) || is_own() {
        return Ok(PageOrigin::Allowed(value.clone()));
    }
    state
        .refused_origins
        .remember(site.id, origin, state.clock.now());
    Err(ApiError::origin_not_allowed())
}

/// Where a request stands that names no site yet, or cannot: its origin may read why if any site lists it.
///
/// # Errors
/// Any [`crate::db::Error`].
pub async fn any_origin(state: &State, req: &HttpRequest) -> crate::db::Result<PageOrigin> {
    let (Some(value), Some(origin)) = (
        req.headers().get(header::ORIGIN),
        header_text(req.headers(), &header::ORIGIN),
    ) else {
        return Ok(PageOrigin::Absent);
    };
    let is_own = own_origin(&state.config, req).is_some_and(|own| own.eq_ignore_ascii_case(origin));
    let is_listed = |site: &Site| allowed_origin(site, origin);
    if is_own || state.sites.all().await?.iter().any(is_listed) {
        return Ok(PageOrigin::Allowed(value.clone()));
    }
    Ok(PageOrigin::Absent)
}

/// An error that came before the site was known, readable by the pages of all sites.
pub async fn early_refusal(state: &State, req: &HttpRequest, error: ApiError) -> HttpResponse {
    // Without the list of sites no page can be let in; the error itself still goes out.
    let origin = any_origin(state, req).await.unwrap_or(PageOrigin::Absent);
    with_cors(Err(error), &origin)
}

/// Lets the page read the answer: names its origin, never a wildcard, never credentials.
pub fn add_cors(answer: &mut HttpResponse, origin: &PageOrigin) {
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let PageOrigin::Allowed(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After"),
        );
    }
}

/// The same for a page that calls with its cookies, as stock clients do: they reach only what the chat protocol has, where
/// a cookie buys nothing but a token for that site.
#[must_use]
pub fn with_credentials(mut answer: HttpResponse, origin: &PageOrigin) -> HttpResponse {
    add_cors(&mut answer, origin);
    if matches!(origin, PageOrigin::Allowed(_)) {
        answer.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    answer
}

/// An answer or an error as the page's browser lets the page read it.
#[must_use]
pub fn with_cors(answer: Result<HttpResponse, ApiError>, origin: &PageOrigin) -> HttpResponse {
    let mut answer = answer.unwrap_or_else(|error| error.error_response());
    add_cors(&mut answer, origin);
    answer
}

/// The answer to a preflight: 204 with the methods this address takes.
#[must_use]
pub fn preflight(origin: &PageOrigin, methods: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Authorization, X-API-Key",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S))
        .finish();
    add_cors(&mut answer, origin);
    answer
}

/// An origin that was turned away, offered for listing under Settings → Site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `scheme://host[:port]`, http or https.
    pub origin: String,
    /// When it last tried, in Unix milliseconds.
    pub at: i64,
}

/// The latest refused origins of each site, in memory only: at most 16 a site, the newest kept.
#[derive(Debug, Default)]
pub struct RefusedOrigins(Mutex<HashMap<SiteId, VecDeque<Refused>>>);

impl RefusedOrigins {
    /// Remembers an origin as the newest. What no page can have as its origin is passed over.
    pub fn remember(&self, site: SiteId, origin: &str, now: i64) {
        if origin.len() > REFUSED_MAX_BYTES || !is_page_origin(origin) {
            return;
        }
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = sites.entry(site).or_default();
        refused.retain(|known| known.origin != origin);
        refused.truncate(REFUSED_PER_SITE - 1);
        refused.push_front(Refused {
            origin: origin.to_owned(),
            at: now,
        });
    }

    /// The refused origins of a site that it still does not list, the newest first.
    #[must_use]
    pub fn of(&self, site: &Site) -> Vec<Refused> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites
            .get(&site.id)
            .into_iter()
            .flatten()
            .filter(|refused| !allowed_origin(site, &refused.origin))
            .cloned()
            .collect()
    }
}

fn is_page_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::SiteSettings;

    fn site(origins: &[&str]) -> Site {
        Site {
            id: SiteId(1),
            key: "key".into(),
            name: "Shop".into(),
            license_id: 1,
            organization_id: String::new(),
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            settings: SiteSettings::default(),
            updated_at: 0,
        }
    }

    #[test]
    fn an_origin_is_listed_exactly_or_by_its_left_most_label() {
        let site = site(&[
            "https://shop.example",
            "https://*.example.org",
            "http://localhost:3000",
        ]);
        let cases = [
            ("https://shop.example", true),
            ("https://SHOP.example", true),
            ("http://shop.example", false),
            ("https://shop.example:8443", false),
            ("https://shop.example.evil", false),
            ("https://a.example.org", true),
            ("https://a.b.example.org", false),
            ("https://example.org", false),
            ("https://.example.org", false),
            ("https://evilexample.org", false),
            ("http://a.example.org", false),
            ("http://localhost:3000", true),
            ("null", false),
            ("", false),
        ];
        for (origin, expected) in cases {
            assert_eq!(allowed_origin(&site, origin), expected, "{origin}");
        }
    }

    #[test]
    fn sixteen_refused_origins_are_remembered_until_they_are_listed() {
        let refused = RefusedOrigins::default();

        for n in 0..20 {
            refused.remember(SiteId(1), &format!("https://{n}.example"), n);
        }
        refused.remember(SiteId(1), "https://7.example", 99);
        for junk in [
            "null",
            "https://x.example/path",
            "javascript:alert(1)",
            "file://",
        ] {
            refused.remember(SiteId(1), junk, 100);
        }

        let of_site = refused.of(&site(&["https://19.example"]));
        assert_eq!(of_site.len(), REFUSED_PER_SITE - 1, "one is listed by now");
        assert_eq!(of_site[0].origin, "https://7.example");
        assert_eq!(of_site[0].at, 99);
        assert_eq!(of_site[1].origin, "https://18.example");
    }
}
