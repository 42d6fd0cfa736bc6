//! Plain HTML forms: reading the fields of a post, and the errors that stand beside them.

use std::collections::HashMap;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use url::form_urlencoded;

use super::page::sentence;
use crate::domain::Refusal;
use crate::http::error::ApiError;
use crate::http::extract::{header_text, read_body};

/// The largest form, in bytes: the settings of a site with a long list of origins fit many times.
const FORM_BYTES: usize = 64 * 1024;

/// The fields of a posted form; the last one wins where a name comes twice. NUL is stripped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(HashMap<String, String>);

impl Fields {
    fn parse(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), value.replace('\0', "")));
        Self(pairs.collect())
    }

    /// The field as it was typed; empty where it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// True for a checked box.
    pub(crate) fn is_checked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl FromRequest for Fields {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = header_text(req.headers(), &header::CONTENT_TYPE).is_some_and(|text| {
            let kind = text.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let payload = payload.take();
        Box::pin(async move {
            if !is_form {
                return Err(ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "malformed",
                    "this address takes a form and nothing else",
                ));
            }
            Ok(Self::parse(&read_body(payload, FORM_BYTES).await?))
        })
    }
}

/// What is wrong with a form, by the name of the field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors(Vec<(String, String)>);

impl Errors {
    /// True when nothing is wrong.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first error of a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, text)| text.as_str())
    }

    /// Notes an error of a field, as a sentence.
    pub(crate) fn add(&mut self, field: impl Into<String>, text: &str) {
        self.0.push((field.into(), sentence(text)));
    }

    /// Moves the errors of one field to another: two forms of a page may ask for the same thing.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        for (name, _) in &mut self.0 {
            if name == from {
                to.clone_into(name);
            }
        }
    }

    /// The value, or `None` and its error noted: a form names all its errors at once.
    pub(crate) fn check<T>(&mut self, parsed: Result<T, Refusal>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(Refusal::Validation { field, reason }) => {
                self.add(field, &reason);
                None
            }
            Err(other) => {
                self.add("form", &other.to_string());
                None
            }
        }
    }
}

impl From<Refusal> for Errors {
    fn from(refusal: Refusal) -> Self {
        let mut errors = Self::default();
        errors.check::<()>(Err(refusal));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_text_without_nul_and_absent_ones_are_empty() {
        let fields = Fields::parse(b"name=Ada+%3Cb%3E%00&a=1&a=2&%ff=x&on");

        assert_eq!(fields.get("name"), "Ada <b>");
        assert_eq!(fields.get("a"), "2");
        assert_eq!(fields.get("gone"), "");
        assert!(fields.is_checked("on"));
        assert!(!fields.is_checked("gone"));
    }

    #[test]
    fn errors_stand_beside_their_field() {
        let mut errors = Errors::default();

        assert_eq!(errors.check(Ok(7)), Some(7));
        assert_eq!(
            errors.check::<()>(Err(Refusal::invalid("name", "too long"))),
            None
        );
        assert_eq!(errors.check::<()>(Err(Refusal::NotAllowed)), None);

        assert_eq!(errors.of("name"), Some("Too long."));
        assert_eq!(errors.of("form"), Some("Not allowed."));
        assert_eq!(errors.of("email"), None);
    }
}
