//! One endpoint as a value: the router and the description of the API are made from the same table, so neither can
//! know of one that the other does not.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::Method;
use serde_json::Value;

use super::call::{Answer, Call};
use crate::domain::permission::Scope;
use crate::http::error::ApiError;

/// The type of an upload's body.
pub(super) const MULTIPART: &str = "multipart/form-data";

/// What a handler gives back.
pub(super) type Handled = Pin<Box<dyn Future<Output = Result<Answer, ApiError>>>>;

/// One method of one path.
pub(super) struct Endpoint {
    /// The name of the operation, unique in the API.
    pub(super) id: &'static str,
    pub(super) verb: Verb,
    /// Below [`super::PREFIX`], with its parameters in braces.
    pub(super) path: &'static str,
    /// The heading it stands under.
    pub(super) tag: &'static str,
    /// One line in the imperative.
    pub(super) summary: &'static str,
    /// What the key must be good for.
    pub(super) scope: Scope,
    /// Whether it writes in the name of the agent of the key.
    pub(super) needs_agent: bool,
    pub(super) query: &'static [Param],
    /// The schema of the body; `None` where there is none.
    pub(super) body: Option<fn() -> Value>,
    /// The type of the body: JSON, or [`MULTIPART`], which the handler reads itself.
    pub(super) content_type: &'static str,
    /// The schema of the answer; `None` is 204 without a body.
    pub(super) answer: Option<fn() -> Value>,
    /// Codes of errors beyond those that every endpoint has.
    pub(super) errors: &'static [&'static str],
    pub(super) handler: fn(Call) -> Handled,
}

/// The methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// In lower case, as descriptions name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// One parameter of a query.
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) schema: fn() -> Value,
}

impl Endpoint {
    /// Most fields of an endpoint that only reads.
    pub(super) const READ: Self = Self {
        id: "",
        verb: Verb::Get,
        path: "",
        tag: "",
        summary: "",
        scope: Scope::ReadChats,
        needs_agent: false,
        query: &[],
        body: None,
        content_type: "application/json",
        answer: None,
        errors: &[],
        handler: |_| Box::pin(async { Ok(Answer::done()) }),
    };

    /// Most fields of an endpoint that writes into a chat.
    pub(super) const WRITE: Self = Self {
        verb: Verb::Post,
        scope: Scope::WriteChats,
        needs_agent: true,
        ..Self::READ
    };

    /// Most fields of an endpoint that changes settings.
    pub(super) const CONFIGURE: Self = Self {
        verb: Verb::Post,
        scope: Scope::WriteSettings,
        ..Self::READ
    };

    /// The names in braces of the path.
    pub(super) fn path_params(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}
