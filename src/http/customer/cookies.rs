//! The two identity cookies of the token endpoint: who the browser is, and the secret that proves it.
//!
//! The id alone is worth nothing: agents and other chat users see it. Only the secret opens anything.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// Names the visitor.
const ID: &str = "__lc_cid";

/// The visitor's secret.
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

/// Both cookies, or `None`: one without the other is no identity.
pub(super) fn presented(req: &HttpRequest) -> Option<Presented> {
    Some(Presented {
        id: req.cookie(ID)?.value().to_owned(),
        secret: req.cookie(SECRET)?.value().to_owned(),
    })
}

/// The `Set-Cookie` headers that keep an identity.
pub(super) fn of(id: &str, secret: &str) -> [String; 2] {
    [(ID, id), (SECRET, secret)].map(|(name, value)| {
        let cookie = Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(true)
            .same_site(SameSite::None)
            .max_age(KEPT)
            .finish();
        // Keeps the cookie in browsers that drop third-party cookies, in one jar for each embedding site. The cookie crate
        // of the framework does not know this attribute.
        format!("{cookie}; Partitioned")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_cookies_survive_in_a_foreign_page_and_scripts_cannot_read_them() {
        let [id, secret] = of("7", "s");

        assert!(id.starts_with("__lc_cid=7; "), "{id}");
        assert!(secret.starts_with("__lc_cst=s; "), "{secret}");
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
    fn half_an_identity_is_none() {
        let half = TestRequest::default()
            .cookie(Cookie::new(ID, "7"))
            .to_http_request();
        let whole = TestRequest::default()
            .cookie(Cookie::new(ID, "7"))
            .cookie(Cookie::new(SECRET, "s"))
            .to_http_request();

        assert!(presented(&half).is_none());
        assert_eq!(presented(&whole).map(|p| p.secret), Some("s".into()));
    }
}
