//! The one rule against forged requests: an unsafe method has to come from a page of our own.
//!
//! It sits round all dashboard routes, login, logout and set-up included, so that no route can forget it.

use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use crate::http::error::ApiError;
use crate::http::extract::{header_text, own_origin, state};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses unsafe methods that did not come from our own pages, with 403.
pub(crate) async fn guard<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_safe = matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe && !is_own(req.request())? {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "This request did not come from a page of this Parlor. If you are behind a proxy, \
             set the public URL to the address in your browser.",
        )
        .into());
    }
    next.call(req).await
}

fn is_own(req: &HttpRequest) -> Result<bool, ApiError> {
    let origin = own_origin(&state(req)?.config, req);
    Ok(is_from_own_page(req.headers(), origin.as_deref()))
}

/// The rule itself: `Sec-Fetch-Site` decides where it is sent, `Origin` where it is not, and neither means no.
pub(crate) fn is_from_own_page(headers: &HeaderMap, own_origin: Option<&str>) -> bool {
    if headers.contains_key(&SEC_FETCH_SITE) {
        return header_text(headers, &SEC_FETCH_SITE) == Some("same-origin");
    }
    match (header_text(headers, &header::ORIGIN), own_origin) {
        (Some(origin), Some(own)) => origin == own,
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_our_own_pages_may_post() {
        const OWN: &str = "https://chat.example";
        let table: [(&[&str], &[&str], bool); 14] = [
            (&["same-origin"], &[], true),
            (&["same-origin"], &["https://evil.example"], true),
            (&["same-site"], &[OWN], false),
            (&["cross-site"], &[OWN], false),
            (&["none"], &[OWN], false),
            (&["Same-Origin"], &[OWN], false),
            (&[""], &[OWN], false),
            (&["same-origin", "cross-site"], &[OWN], false),
            (&[], &[OWN], true),
            (&[], &["http://chat.example"], false),
            (&[], &["https://chat.example:8443"], false),
            (&[], &["null"], false),
            (&[], &[OWN, "https://evil.example"], false),
            (&[], &[], false),
        ];
        for (fetch_site, origin, may) in table {
            let mut headers = HeaderMap::new();
            for value in fetch_site {
                headers.append(SEC_FETCH_SITE, HeaderValue::from_str(value).unwrap());
            }
            for value in origin {
                headers.append(header::ORIGIN, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(
                is_from_own_page(&headers, Some(OWN)),
                may,
                "{fetch_site:?} {origin:?}"
            );
            assert!(fetch_site == ["same-origin"] || !is_from_own_page(&headers, None));
        }
    }
}
