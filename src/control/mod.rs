//! What an administrator at the machine may ask: by the command line, of the running server or of its database.
//!
//! One process writes an SQLite file, so while a server runs the command line asks it through `socket`; otherwise it
//! opens the database itself. The answers are made by the same function either way.

pub mod socket;

use serde::{Deserialize, Serialize};

use crate::db::{self, Db, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Email, NAME_CHARS, Role, fold_email, required_line};
use crate::store::agents::{self, NewAgent};
use crate::store::integrity::{self, Findings};
use crate::store::{setup, sites};
use crate::token::Token;

/// A question or order of an administrator. Passwords come hashed: the clear text stays in the asking process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// A new one-time link for the first set-up.
    SetupLink,
    /// A new agent, who answers on all sites.
    AddAgent {
        /// Name, as visitors see it.
        name: String,
        /// What the agent signs in with.
        email: String,
        /// `owner`, `admin` or `agent`.
        role: String,
        /// The argon2 text of the password.
        password_hash: String,
    },
    /// Another password for an agent; all their logins end.
    ResetPassword {
        /// What the agent signs in with.
        email: String,
        /// The argon2 text of the password.
        password_hash: String,
    },
    /// All agents.
    ListAgents,
    /// Whether the database is in order.
    Check,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The link, good for a day and for one use.
    SetupLink {
        /// Where it leads.
        url: String,
    },
    /// It is done.
    Done,
    /// All agents, the oldest first.
    Agents {
        /// One row each.
        agents: Vec<AgentRow>,
    },
    /// What a check found.
    Found {
        /// The findings.
        findings: Findings,
    },
    /// It was refused or went wrong.
    Refused {
        /// Why, for the person at the terminal.
        reason: String,
    },
}

/// An agent in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    /// What the agent signs in with.
    pub email: String,
    /// Name, as visitors see it.
    pub name: String,
    /// `owner`, `admin` or `agent`.
    pub role: String,
    /// False for those who cannot sign in any more.
    pub is_active: bool,
}

/// Does what is asked. `url` is where browsers reach this Parlor; `now` is Unix milliseconds. Blocks.
#[must_use]
pub fn answer(db: &Db, url: &str, now: i64, ask: Ask) -> Reply {
    let done = match ask {
        Ask::SetupLink => setup_link(db, url, now),
        Ask::AddAgent {
            name,
            email,
            role,
            password_hash,
        } => add_agent(db, now, &[name, email, role, password_hash]),
        Ask::ResetPassword {
            email,
            password_hash,
        } => reset_password(db, now, email, password_hash),
        Ask::ListAgents => list_agents(db),
        Ask::Check => check(db),
    };
    done.unwrap_or_else(|error| {
        let reason = if let db::Error::Refused(refusal) = error {
            refusal.to_string()
        } else {
            error.to_string()
        };
        Reply::Refused { reason }
    })
}

fn setup_link(db: &Db, url: &str, now: i64) -> db::Result<Reply> {
    let token = Token::random();
    let hash = token.hash();
    db.write_blocking(Lane::Admin, move |tx| setup::issue_link(tx, &hash, now))?;
    Ok(Reply::SetupLink {
        url: format!("{url}/setup?token={}", token.as_str()),
    })
}

fn add_agent(db: &Db, now: i64, fields: &[String; 4]) -> db::Result<Reply> {
    let [name, email, role, password_hash] = fields.clone();
    let name = required_line("name", &name, NAME_CHARS)?;
    let email = Email::parse(&email)?;
    let role = Role::parse(&role)
        .ok_or_else(|| Refusal::invalid("role", "must be owner, admin or agent"))?;
    db.write_blocking(Lane::Admin, move |tx| {
        let sites: Vec<_> = sites::all(tx)?.into_iter().map(|site| site.id).collect();
        if sites.is_empty() {
            return Err(Refusal::Conflict("there is no site yet; use the setup link first").into());
        }
        let new = NewAgent {
            name: &name,
            email: &email,
            password_hash: &password_hash,
            role,
        };
        agents::create(tx, &new, &sites, now).map(drop)
    })?;
    Ok(Reply::Done)
}

fn reset_password(db: &Db, now: i64, email: String, password_hash: String) -> db::Result<Reply> {
    let fold = fold_email(&email);
    db.write_blocking(Lane::Admin, move |tx| {
        let agent = agents::by_email(tx, &fold)?.ok_or(Refusal::NotFound("the agent was"))?;
        agents::set_password(tx, agent.id, &password_hash, None, now)
    })?;
    Ok(Reply::Done)
}

fn list_agents(db: &Db) -> db::Result<Reply> {
    let agents = db.read_blocking(agents::all)?;
    let row = |agent: crate::domain::agent::Agent| AgentRow {
        email: agent.email,
        name: agent.name,
        role: agent.role.as_str().to_owned(),
        is_active: agent.deactivated_at.is_none(),
    };
    Ok(Reply::Agents {
        agents: agents.into_iter().map(row).collect(),
    })
}

fn check(db: &Db) -> db::Result<Reply> {
    let findings = db.read_blocking(|tx: &mut dyn Tx| integrity::find(tx))?;
    Ok(Reply::Found { findings })
}
