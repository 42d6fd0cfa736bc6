//! The visitor's own data: profile, session fields, the page they look at.

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::page::web_url;
use crate::http::customer::caller::{Caller, Member};
use crate::http::customer::fields::Fields;
use crate::http::customer::frame::Failure;
use crate::http::customer::profile::{self, ProfileRequest};
use crate::live::{Lossy, Topic};

/// Longest title of a page, in characters.
const MAX_TITLE_CHARS: usize = 1_024;

/// `get_customer`.
pub(super) async fn get(call: Call) -> Result<Answer, Failure> {
    let member = call.member.as_ref().clone();
    let customer = call
        .read(move |tx| profile::with_statistics(tx, &member))
        .await?;
    Ok(Answer::of(customer))
}

/// `update_customer`: what is named changes, the rest stays; session fields are merged.
pub(super) async fn update(call: Call) -> Result<Answer, Failure> {
    let wanted = ProfileRequest::parse(call.fields())?;
    apply(&call, wanted).await
}

/// `set_customer_session_fields`: all session fields at once.
pub(super) async fn set_fields(call: Call) -> Result<Answer, Failure> {
    let wanted = ProfileRequest::parse_fields_only(call.fields())?;
    apply(&call, wanted).await
}

async fn apply(call: &Call, wanted: ProfileRequest) -> Result<Answer, Failure> {
    let (member, now) = (call.member.as_ref().clone(), call.now);
    call.write(move |tx| profile::apply(tx, &member, &wanted, now))
        .await?;
    Ok(Answer::done())
}

/// `update_customer_page`: agents, and the visitor's other connections, see where the visitor is.
pub(super) async fn update_page(call: Call) -> Result<Answer, Failure> {
    let page = Page::parse(call.fields())?;
    page.announce(&call.caller, &call.member, call.now);
    Ok(Answer::done())
}

/// A page that a client says the visitor looks at.
pub(in crate::http::customer) struct Page {
    url: String,
    title: String,
}

impl Page {
    /// Reads `url` and `title`.
    ///
    /// # Errors
    /// A validation refusal that names the field.
    pub(in crate::http::customer) fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let url = fields.text("url", usize::MAX)?;
        Ok(Self {
            url: web_url(&fields.path("url"), url)?,
            title: fields
                .opt_text("title", MAX_TITLE_CHARS)?
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Its address.
    pub(in crate::http::customer) fn url(&self) -> &str {
        &self.url
    }

    /// Tells whoever watches the visitor. It may be lost, and nothing is stored: tracking records pages.
    pub(in crate::http::customer) fn announce(self, caller: &Caller, member: &Member, now: i64) {
        let page = Lossy::Page {
            visitor: member.customer,
            browser: member.bearer.browser,
            url: self.url,
            title: self.title,
            at: now,
        };
        let hub = &caller.state.hub;
        hub.lossy(Topic::Visitors(member.bearer.site), page.clone());
        hub.lossy(Topic::Visitor(member.customer), page);
    }
}
