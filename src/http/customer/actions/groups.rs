//! Which groups answer.

use serde_json::{Map, Value, json};

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::frame::Failure;
use crate::store::groups;

/// Most groups that one request can name.
const MAX_GROUPS: usize = 100;

/// `list_group_statuses`: of all groups or of those named; unknown ones are left out.
pub(super) async fn list_statuses(call: Call) -> Result<Answer, Failure> {
    let wanted = parse(&call)?;
    let (subject, site, now) = (call.member.subject.clone(), call.caller.site.id, call.now);
    let statuses = call
        .read(move |tx| {
            let permit = authorize(&subject, Action::ReadGroups, Object::Site(site))?;
            groups::statuses(tx, &permit, now)
        })
        .await?;
    let listed: Map<String, Value> = statuses
        .into_iter()
        .filter(|(number, _)| wanted.as_ref().is_none_or(|list| list.contains(number)))
        .map(|(number, status)| (number.to_string(), status.as_str().into()))
        .collect();
    Ok(Answer::of(json!({"groups_status": listed})))
}

/// The groups named; `None` is all.
fn parse(call: &Call) -> Result<Option<Vec<i64>>, Refusal> {
    let fields = call.fields();
    if fields.flag("all")? {
        return Ok(None);
    }
    let listed = fields
        .opt_list("group_ids", MAX_GROUPS)?
        .ok_or_else(|| fields.invalid("group_ids", "is required unless all is true"))?;
    let numbers: Option<Vec<i64>> = listed.iter().map(Value::as_i64).collect();
    numbers
        .map(Some)
        .ok_or_else(|| fields.invalid("group_ids", "must be a list of whole numbers"))
}
