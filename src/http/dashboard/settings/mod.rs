//! Settings: a list of pages by noun, one form a page.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod bans;
pub(crate) mod canned_replies;
pub(crate) mod form_draft;
pub(crate) mod form_editor;
pub(crate) mod forms;
pub(crate) mod greeting_form;
pub(crate) mod greetings;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod keys;
pub(crate) mod new_agent;
pub(crate) mod new_key;
pub(crate) mod own_logins;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod site;
pub(crate) mod site_form;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use serde::Deserialize;

use super::page::see_other;
use super::session::Signed;
use crate::domain::agent::Role;
use crate::http::state::State;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings").get(first));
    site::routes(cfg);
    agents::routes(cfg);
    new_agent::routes(cfg);
    agent::routes(cfg);
    bans::routes(cfg);
    forms::routes(cfg);
    form_editor::routes(cfg);
    groups::routes(cfg);
    group::routes(cfg);
    new_key::routes(cfg);
    keys::routes(cfg);
    canned_replies::routes(cfg);
    greetings::routes(cfg);
    profile::routes(cfg);
    password::routes(cfg);
    own_logins::routes(cfg);
}

/// The list of pages: which one is open, and which ones this agent may see.
#[derive(Clone, Debug)]
pub(crate) struct Nav {
    open: &'static str,
    is_admin: bool,
}

impl Nav {
    /// The list with this page open.
    pub(crate) fn new(signed: &Signed, open: &'static str) -> Self {
        Self {
            open,
            is_admin: signed.role() >= Role::Admin,
        }
    }

    /// True for the open page; templates cannot compare `&&str`.
    fn is_open(&self, page: &str) -> bool {
        self.open == page
    }
}

/// What a page says after something was saved; the query carries a key, never a text.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Saved {
    #[serde(default)]
    done: String,
}

impl Saved {
    /// The words for it.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match self.done.as_str() {
            "saved" => Some("Saved."),
            "deleted" => Some("Deleted."),
            "lifted" => Some("The ban was lifted."),
            "revoked" => Some("The key was revoked."),
            "added" => Some("The agent was added and can log in now."),
            "role" => Some("The role was changed. Their logins have ended."),
            "deactivated" => Some("Access was taken away. Their logins have ended."),
            "reactivated" => Some("Access was given back."),
            "password" => Some("Your password was changed. Your other logins have ended."),
            "ended" => Some("Logged out there."),
            _ => None,
        }
    }
}

/// Everybody has a profile; the site is for those who may change it.
async fn first(state: Data<State>, signed: Signed) -> HttpResponse {
    if signed.role() >= Role::Admin {
        see_other(&state, "/settings/site")
    } else {
        see_other(&state, "/settings/profile")
    }
}
