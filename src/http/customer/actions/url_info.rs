//! What is behind an address, for a client that shows a preview.

use super::{Answer, Call};
use crate::domain::page::web_url;
use crate::http::customer::frame::Failure;
use crate::http::previews;

/// `get_url_info`: title, description and image of a page; the address alone where the site shows no previews.
pub(super) async fn get(call: Call) -> Result<Answer, Failure> {
    let asked = call.fields().text("url", usize::MAX)?;
    let url = web_url("url", asked)?;
    let (caller, asked) = (&call.caller, asked.to_owned());
    let mut payload = if caller.site.settings.link_previews {
        caller.state.limits.preview(call.member.customer)?;
        previews::info(&caller.state, &url).await?
    } else {
        serde_json::Map::new()
    };
    payload.insert("url".into(), asked.into());
    Ok(Answer::of(payload.into()))
}
