//! Which groups answer, and who of one would.

use serde_json::{Map, Value, json};

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::frame::Failure;
use crate::store::{agents, groups, routing};

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

/// `get_predicted_agent`: who would get a chat of this visitor in a group, theirs where none is named.
pub(super) async fn predicted_agent(call: Call) -> Result<Answer, Failure> {
    let named = call.fields().opt_int("group_id", i64::MIN, i64::MAX)?;
    let number = named.unwrap_or(call.member.group);
    let (subject, site, now) = (call.member.subject.clone(), call.caller.site.id, call.now);
    let predicted = call
        .read(move |tx| {
            let permit = authorize(&subject, Action::ReadGroups, Object::Site(site))?;
            let predicted = routing::predict(tx, &permit, number, now)?;
            let agent = agents::get(tx, predicted.agent.agent)?;
            Ok((agent.ok_or(Refusal::GroupUnavailable)?, predicted))
        })
        .await?;
    let (agent, predicted) = predicted;
    let drawn = json!({
        "id": agent.id,
        "type": "agent",
        "name": agent.name,
        "avatar": agent.avatar_url.unwrap_or_default(),
        "job_title": agent.job_title,
        "is_bot": predicted.agent.is_bot,
    });
    Ok(Answer::of(if call.caller.version.nests_predicted_agent() {
        json!({"agent": drawn, "queue": predicted.others_wait})
    } else {
        drawn
    }))
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
