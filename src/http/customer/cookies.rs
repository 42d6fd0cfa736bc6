//! The two identity cookies of the token endpoint: who the browser is, and the secret that proves it.
//!
//! The id alone is worth nothing: agents and other chat users see it. Only the secret opens anything.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// Names the visitor; the site follows.
const ID: &str = "__lc_cid";

/// The visitor's secret; the site follows.
const SECRET: &str = "__lc_cst";

/// How long the browser keeps them, renewed at each call.
const KEPT: Duration = Duration::days(2 * 365);

/// What a browser brought along.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Presented {
    /// The visitor's id, as text.
    pub(super) id: String,
    /// The secret, as text.
    pub(super) secret: String,
}

/// The names of the two cookies of one site, or of one group that has identities of its own: two sites behind one host
/// name do not share a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Jar(String);

impl Jar {
    /// The jar of a site, or of one of its groups.
    pub(super) fn of(license_id: i64, group: Option<i64>) -> Self {
        Self(match group {
            None => format!("_{license_id}"),
            Some(group) => format!("_{license_id}_g{group}"),
        })
    }

    /// Both cookies, or `None`: one without the other is no identity.
    pub(super) fn presented(&self, req: &HttpRequest) -> Option<Presented> {
        let value = |name: &str| {
            let cookie = req.cookie(&format!("{name}{}", self.0))?;
            Some(cookie.value().to_owned())
        };
        Some(Presented {
            id: value(ID)?,
            secret: value(SECRET)?,
        })
    }

    /// The `Set-Cookie` headers that keep an identity.
    pub(super) fn set(&self, id: &str, secret: &str) -> [String; 2] {
        [(ID, id), (SECRET, secret)].map(|(name, value)| {
            let cookie = Cookie::build(format!("{name}{}", self.0), value)
                .path("/")
                .http_only(true)
                .secure(true)
                .same_site(SameSite::None)
                .max_age(KEPT)
                .finish();
            // Keeps the cookie in browsers that drop third-party cookies, in one jar for each embedding site. The cookie
            // crate of the framework does not know this attribute.
            format!("{cookie}; Partitioned")
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_cookies_survive_in_a_foreign_page_and_scripts_cannot_read_them() {
        let [id, secret] = Jar::of(9, None).set("7", "s");

        assert!(id.starts_with("__lc_cid_9=7; "), "{id}");
        assert!(secret.starts_with("__lc_cst_9=s; "), "{secret}");
        for part in [
            "HttpOnly",
            "SameSite=None",
            "Secure",
            "Partitioned",
            "Path=/",
            "Max-Age=63072000",
        ] {
            assert!(id.contains(part) && secret.contains(part), "{part}: {id}");
        }
    }

    #[test]
    fn half_an_identity_is_none_and_so_is_that_of_another_site_or_group() {
        let half = TestRequest::default()
            .cookie(Cookie::new("__lc_cid_9", "7"))
            .to_http_request();
        let whole = TestRequest::default()
            .cookie(Cookie::new("__lc_cid_9", "7"))
            .cookie(Cookie::new("__lc_cst_9", "s"))
            .to_http_request();

        let jar = Jar::of(9, None);
        assert!(jar.presented(&half).is_none());
        assert_eq!(jar.presented(&whole).map(|p| p.secret), Some("s".into()));
        assert!(Jar::of(8, None).presented(&whole).is_none());
        assert!(Jar::of(9, Some(0)).presented(&whole).is_none());
    }
}
