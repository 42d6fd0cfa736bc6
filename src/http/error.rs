//! The one error of the HTTP ways in, and its one shape on the wire.
//!
//! `{"error":{"code","message","field"?,"retry_after"?},"request_id"?}`. A 5xx names nothing of its cause: the cause
//! is logged here, once, beside the same request id.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::db;
use crate::domain::Refusal;

tokio::task_local! {
    /// The id of the request that the current task answers.
    static REQUEST_ID: RequestId;
}

/// Seconds a client should wait before it repeats what a busy or stopping server refused.
const RETRY_AFTER_S: u32 = 1;

/// The number of a request in the log and in error bodies: unique in one process, says nothing of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u64);

impl RequestId {
    /// The id of the request being answered, if any.
    #[must_use]
    pub fn current() -> Option<Self> {
        REQUEST_ID.try_with(|id| *id).ok()
    }

    /// Runs a request under this id.
    pub(crate) async fn scope<F: Future>(self, answer: F) -> F::Output {
        REQUEST_ID.scope(self, answer).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An answer that says no, in words for the client.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    field: Option<String>,
    retry_after_s: Option<u32>,
    /// Whether the body names the request, whatever the status.
    names_request: bool,
    /// What the log says of it; never sent.
    cause: Option<String>,
}

impl ApiError {
    /// An error with a status, a code for programs and a message for people.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            field: None,
            retry_after_s: None,
            names_request: false,
            cause: None,
        }
    }

    /// Whether an upload was refused for what was sent, so that another file may be taken.
    pub(crate) fn is_of_the_file(&self) -> bool {
        matches!(self.code(), "validation" | "too_large" | "malformed")
    }

    /// The same error, naming the field it is about.
    #[must_use]
    pub fn with_field(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }

    /// The same error, naming the request in its body, for programs whose authors ask for help.
    #[must_use]
    pub fn naming_request(self) -> Self {
        Self {
            names_request: true,
            ..self
        }
    }

    /// The same error in other words.
    #[must_use]
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// The same error, with the seconds after which a repeat makes sense.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    /// 400: the body or frame cannot be read at all.
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// 400: a field does not fit.
    pub fn validation(field: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation", message).with_field(field)
    }

    /// 401: the token, key or login is missing, wrong or has ended.
    #[must_use]
    pub fn authentication() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication",
            "authentication failed",
        )
    }

    /// 403: the caller is known but may not do this.
    #[must_use]
    pub fn not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, "authorization", "not allowed")
    }

    /// 403: the page's origin is not on the site's list.
    #[must_use]
    pub fn origin_not_allowed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "this origin is not on the site's list; add it under Settings → Site",
        )
    }

    /// 404: there is no such thing, or it is not the caller's.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 404: no site has this key.
    #[must_use]
    pub fn site_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "site_not_found",
            "no site has this key",
        )
    }

    /// 413: more bytes than this route takes.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than {limit_bytes} bytes"),
        )
    }

    /// 408: the body did not arrive in time.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the body did not arrive in time",
        )
    }

    /// 429: a rate limit is used up for `retry_after_s` seconds.
    #[must_use]
    pub fn too_many_requests(retry_after_s: u32) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "too many requests; try again later",
        )
        .with_retry_after(retry_after_s)
    }

    /// 503: cannot be done now, and a repeat may succeed; `cause` goes to the log only.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "not available right now; try again",
            )
            .with_retry_after(RETRY_AFTER_S)
        }
    }

    /// 500: a fault of ours; `cause` goes to the log only.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong here; the request id finds it in the log",
            )
        }
    }

    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Seconds after which a repeat makes sense.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s
    }

    fn log(&self) {
        if let Some(cause) = &self.cause {
            let request_id = RequestId::current().map(|id| id.to_string());
            if self.status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(request_id, cause, "a request failed");
            } else {
                tracing::warn!(request_id, cause, "a request was turned away");
            }
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

#[derive(Serialize)]
struct Body<'a> {
    error: BodyError<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Serialize)]
struct BodyError<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        let request_id = (self.names_request || self.status.is_server_error())
            .then(RequestId::current)
            .flatten();
        answer.json(Body {
            error: BodyError {
                code: &self.code,
                message: &self.message,
                field: self.field.as_deref(),
                retry_after: self.retry_after_s,
            },
            request_id: request_id.map(|id| id.to_string()),
        })
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::Validation { .. }
            | Refusal::GroupNotFound
            | Refusal::SessionFieldsLimitReached => StatusCode::BAD_REQUEST,
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::NotAllowed | Refusal::Banned => StatusCode::FORBIDDEN,
            Refusal::Authentication => StatusCode::UNAUTHORIZED,
            Refusal::ChatAlreadyActive
            | Refusal::ChatInactive
            | Refusal::ChatLimitReached
            | Refusal::CustomIdReused
            | Refusal::GroupsOffline
            | Refusal::GroupOffline
            | Refusal::GroupUnavailable
            | Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::LimitReached(_) | Refusal::UsersLimitReached => StatusCode::TOO_MANY_REQUESTS,
            Refusal::GreetingNotFound => StatusCode::NOT_FOUND,
        };
        let error = Self::new(status, refusal.code(), refusal.to_string());
        if let Refusal::Validation { field, reason } = refusal {
            return Self {
                message: reason.into(),
                ..error.with_field(field)
            };
        }
        error
    }
}

impl From<db::Error> for ApiError {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Refused(refusal) => refusal.into(),
            db::Error::NotFound => Self::not_found("not found"),
            db::Error::DiskFull => Self {
                status: StatusCode::INSUFFICIENT_STORAGE,
                ..Self::unavailable("the disk is full")
            },
            db::Error::Retry(_)
            | db::Error::QueueFull
            | db::Error::Unavailable(_)
            | db::Error::CommitUnknown => Self::unavailable(error.to_string()),
            db::Error::Unique(_) | db::Error::Poisoned | db::Error::Panicked | db::Error::Db(_) => {
                Self::internal(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_error_has_its_status() {
        let cases = [
            (db::Error::QueueFull, 503, "unavailable"),
            (db::Error::DiskFull, 507, "unavailable"),
            (db::Error::CommitUnknown, 503, "unavailable"),
            (db::Error::NotFound, 404, "not_found"),
            (db::Error::Panicked, 500, "internal"),
            (db::Error::Db("secret".into()), 500, "internal"),
            (
                Refusal::invalid("name", "is empty").into(),
                400,
                "validation",
            ),
        ];

        for (error, status, code) in cases {
            let answer = ApiError::from(error);

            assert_eq!(answer.status_code().as_u16(), status, "{answer}");
            assert_eq!(answer.code(), code);
            assert_eq!(answer.retry_after_s().is_some(), status >= 503, "{answer}");
            assert!(!answer.to_string().contains("secret"));
        }
    }
}
