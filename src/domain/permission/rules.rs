//! The rules themselves: who knows of an object, and who may do each action to it. Asked by `authorize` alone.

use super::{Action, Object, Scope, Subject};
use crate::domain::agent::Role;
use crate::domain::ids::SiteId;

/// Whether the subject may know that the object exists.
pub(super) fn knows(subject: &Subject, object: Object<'_>) -> bool {
    match subject {
        Subject::Visitor { site, .. } if site_of(object) != Some(*site) => false,
        Subject::Visitor {
            visitor,
            browser,
            signed,
            ..
        } => match object {
            // An unproven claim opens no chat of another browser.
            Object::Chat(chat) if *signed => chat.root == *visitor,
            Object::Chat(chat) => chat.browser == *browser,
            Object::Visitor { root, .. } => root == *visitor,
            Object::Site(_) => true,
            Object::Agent { .. } | Object::Instance => false,
        },
        Subject::Agent { sites, .. } => match object {
            Object::Agent { .. } => true,
            Object::Chat(_) | Object::Site(_) | Object::Visitor { .. } => {
                site_of(object).is_some_and(|site| sites.contains(&site))
            }
            Object::Instance => false,
        },
        Subject::ApiKey { site, agent, .. } => match object {
            Object::Agent { agent: other, .. } => *agent == Some(other),
            Object::Chat(_) | Object::Site(_) | Object::Visitor { .. } | Object::Instance => {
                site_of(object) == Some(*site)
            }
        },
        Subject::Setup => matches!(object, Object::Instance),
        Subject::System => true,
        Subject::Nobody => false,
    }
}

const fn site_of(object: Object<'_>) -> Option<SiteId> {
    match object {
        Object::Chat(chat) => Some(chat.site),
        Object::Site(site) | Object::Visitor { site, .. } => Some(site),
        Object::Agent { .. } | Object::Instance => None,
    }
}

/// Whether a subject that knows the object may do this to it. No wildcard arm: a new action does not compile until
/// somebody has decided who may do it.
pub(super) fn may(subject: &Subject, action: Action, object: Object<'_>) -> bool {
    let is_visitor = matches!(subject, Subject::Visitor { .. });
    let is_system = *subject == Subject::System;
    let on_chat = matches!(object, Object::Chat(_));
    let on_site = matches!(object, Object::Site(_));
    let on_visitor = matches!(object, Object::Visitor { .. });
    let is_admin = is_system || role_of(subject) >= Some(Role::Admin);
    let is_agent = matches!(subject, Subject::Agent { .. })
        || key_scope(action).is_some_and(|s| holds(subject, s));
    match action {
        Action::StartChat | Action::AnswerGreeting => on_visitor && is_visitor,
        Action::ReadChat | Action::SendEvent | Action::OpenThread | Action::CloseThread => {
            on_chat && (is_visitor || is_agent || is_system)
        }
        Action::MarkSeen | Action::Type => on_chat && (is_visitor || is_agent),
        Action::ChangeProperties => on_chat && (is_visitor || is_agent || is_system),
        Action::ReadNotes | Action::AssignChat => on_chat && (is_agent || is_system),
        Action::SendNote | Action::EditEvent => on_chat && is_agent,
        Action::ReadGroups | Action::ReadForms => on_site && (is_visitor || is_agent || is_system),
        Action::Upload => on_site && (is_visitor || is_agent),
        // Anybody may leave a ticket: the endpoint that needs no token asks as Parlor itself.
        Action::SendTicket => on_site && (is_visitor || is_agent || is_system),
        Action::ReadInbox
        | Action::ReadVisitors
        | Action::ReadSite
        | Action::ReadAgents
        | Action::ReadTickets
        | Action::ReadCannedReplies => on_site && (is_agent || is_system),
        Action::ChangeTicket => on_site && is_agent,
        Action::ReadVisitor | Action::UpdateVisitor => {
            on_visitor && (is_visitor || is_agent || is_system)
        }
        Action::BanVisitor | Action::SendGreeting => on_visitor && (is_agent || is_system),
        Action::DeleteVisitor => on_visitor && is_admin,
        Action::Track => on_site && (is_visitor || is_system || holds(subject, Scope::WebTracking)),
        Action::ConfigureChat => on_site && (is_admin || holds(subject, Scope::WriteSettings)),
        Action::ChangeSite | Action::ManageKeys => on_site && is_admin,
        Action::ManageAgent => manages(subject, object),
        Action::ChangeOwnAccount => is_self(subject, object),
        Action::SetOwnStatus => {
            is_self(subject, object) || (is_own_key(subject, object) && is_agent)
        }
        Action::SetUp => matches!(object, Object::Instance) && *subject == Subject::Setup,
    }
}

/// The scope by which a key may do what an agent does; `None` for what no key may do so.
const fn key_scope(action: Action) -> Option<Scope> {
    match action {
        Action::ReadChat
        | Action::ReadNotes
        | Action::ReadGroups
        | Action::ReadInbox
        | Action::ReadSite
        | Action::ReadAgents
        | Action::ReadForms
        | Action::ReadTickets
        | Action::ReadCannedReplies => Some(Scope::ReadChats),
        Action::SendEvent
        | Action::SendNote
        | Action::EditEvent
        | Action::OpenThread
        | Action::CloseThread
        | Action::MarkSeen
        | Action::Type
        | Action::ChangeProperties
        | Action::AssignChat
        | Action::Upload
        | Action::SendTicket
        | Action::ChangeTicket
        | Action::SetOwnStatus => Some(Scope::WriteChats),
        Action::ReadVisitors | Action::ReadVisitor => Some(Scope::ReadVisitors),
        Action::UpdateVisitor | Action::BanVisitor | Action::SendGreeting => {
            Some(Scope::WriteVisitors)
        }
        Action::StartChat
        | Action::DeleteVisitor
        | Action::Track
        | Action::ChangeSite
        | Action::ManageKeys
        | Action::ManageAgent
        | Action::ChangeOwnAccount
        | Action::SetUp
        | Action::AnswerGreeting
        | Action::ConfigureChat => None,
    }
}

const fn role_of(subject: &Subject) -> Option<Role> {
    match subject {
        Subject::Agent { role, .. } => Some(*role),
        Subject::Visitor { .. }
        | Subject::ApiKey { .. }
        | Subject::Setup
        | Subject::System
        | Subject::Nobody => None,
    }
}

fn holds(subject: &Subject, scope: Scope) -> bool {
    matches!(subject, Subject::ApiKey { scopes, .. } if scopes.contains(&scope))
}

fn manages(subject: &Subject, object: Object<'_>) -> bool {
    match (subject, object) {
        (Subject::Agent { role, .. }, Object::Agent { role: other, .. }) => role.can_manage(other),
        (Subject::System, Object::Agent { .. }) => true,
        _ => false,
    }
}

fn is_self(subject: &Subject, object: Object<'_>) -> bool {
    matches!((subject, object), (Subject::Agent { agent: a, .. }, Object::Agent { agent: b, .. }) if *a == b)
}

/// Whether the object is the agent that a key acts as.
fn is_own_key(subject: &Subject, object: Object<'_>) -> bool {
    matches!((subject, object), (Subject::ApiKey { agent: Some(a), .. }, Object::Agent { agent: b, .. }) if *a == b)
}
