//! What `/track` answers.

use serde::Serialize;

use super::Read;
use super::greeting::ShownGreeting;
use super::widget_config::WidgetConfig;
use crate::domain::Refusal;
use crate::domain::ids::VisitorId;
use crate::store::batches::{CallResult, Recorded};

/// The body of a 200.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    results: Vec<OneResult>,
    /// The token to use from now on, where it is another than the one sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visitor: Option<VisitorId>,
    /// Whether this browser is tracked.
    tracking: bool,
    /// The greeting that is open in this browser, null where none is; absent where the site has none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) greeting: Option<Option<ShownGreeting>>,
    /// Milliseconds after which one may be due on this page: the widget asks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) greeting_after_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<WidgetConfig<'a>>,
}

#[derive(Serialize)]
struct OneResult {
    id: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<CallError>,
}

#[derive(Serialize)]
struct CallError {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Answer<'_> {
    pub(super) const fn new() -> Self {
        Self {
            results: Vec::new(),
            token: None,
            visitor: None,
            tracking: true,
            greeting: None,
            greeting_after_ms: None,
            config: None,
        }
    }

    /// What became of each call, in the order they came, and who the browser is now.
    pub(super) fn fill(&mut self, read: Vec<Read>, recorded: Option<Recorded>) {
        let mut stored = Vec::new().into_iter();
        if let Some(recorded) = recorded {
            stored = recorded.results.into_iter();
            self.token = recorded.token.map(|token| token.as_str().to_owned());
            self.visitor = Some(recorded.visitor);
        }
        self.results = read
            .into_iter()
            .map(|call| match call {
                Ok(id) => OneResult::new(id, stored.next().unwrap_or(CallResult::Stored)),
                Err(refused) => OneResult::new(refused.id, CallResult::Refused(refused.why)),
            })
            .collect();
    }

    /// The browser asked not to be tracked: every call says so.
    pub(super) fn refuse_all(&mut self, read: Vec<Read>) {
        self.tracking = false;
        self.results = read
            .into_iter()
            .map(|call| OneResult {
                id: call.unwrap_or_else(|refused| refused.id),
                ok: false,
                duplicate: None,
                error: Some(CallError {
                    code: "not_tracked",
                    message: "this browser asks not to be tracked".into(),
                    field: None,
                }),
            })
            .collect();
    }
}

impl OneResult {
    fn new(id: String, result: CallResult) -> Self {
        let (duplicate, error) = match result {
            CallResult::Stored => (Some(false), None),
            CallResult::Known => (Some(true), None),
            CallResult::Refused(why) => (None, Some(CallError::from(why))),
        };
        Self {
            id,
            ok: error.is_none(),
            duplicate,
            error,
        }
    }
}

impl From<Refusal> for CallError {
    fn from(why: Refusal) -> Self {
        let (code, text) = (why.code(), why.to_string());
        let (message, field) = match why {
            Refusal::Validation { field, reason } => (reason, Some(field)),
            Refusal::NotFound(_)
            | Refusal::NotAllowed
            | Refusal::Authentication
            | Refusal::ChatAlreadyActive
            | Refusal::ChatInactive
            | Refusal::ChatLimitReached
            | Refusal::CustomIdReused
            | Refusal::GroupNotFound
            | Refusal::GroupsOffline
            | Refusal::GroupOffline
            | Refusal::GroupUnavailable
            | Refusal::GreetingNotFound
            | Refusal::LimitReached(_)
            | Refusal::UsersLimitReached
            | Refusal::SessionFieldsLimitReached
            | Refusal::Banned
            | Refusal::Conflict(_) => (text, None),
        };
        Self {
            code,
            message,
            field,
        }
    }
}
