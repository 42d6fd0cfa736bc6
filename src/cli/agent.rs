//! `parlor agent`: who answers, from the command line. Passwords come from the terminal or stdin, never from arguments.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};

use crate::config::Config;
use crate::control::{AgentRow, Ask, Reply};
use crate::domain::agent::Email;
use crate::domain::password::NewPassword;
use crate::http::dashboard::password;

/// What can be done with agents.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Agent {
    /// Add an agent; the password is read from the terminal or stdin
    Add {
        /// E-mail address the agent signs in with
        email: String,
        /// Name, as visitors see it
        #[arg(long)]
        name: String,
        /// owner, admin or agent
        #[arg(long, default_value = "agent")]
        role: String,
    },
    /// Give an agent another password, read from the terminal or stdin; all their logins end
    ResetPassword {
        /// E-mail address the agent signs in with
        email: String,
    },
    /// List all agents
    List,
}

impl Agent {
    pub(super) fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Add { email, name, role } => {
                let password_hash = read_password(&email, &name)?;
                let said = format!("{name} can sign in now.");
                let add = Ask::AddAgent {
                    name,
                    email,
                    role,
                    password_hash,
                };
                super::desk::ask(config, &add)?;
                super::say(&said)
            }
            Self::ResetPassword { email } => {
                let password_hash = read_password(&email, "")?;
                let said =
                    format!("The password of {email} is changed, and all their logins have ended.");
                let reset = Ask::ResetPassword {
                    email,
                    password_hash,
                };
                super::desk::ask(config, &reset)?;
                super::say(&said)
            }
            Self::List => {
                if let Reply::Agents { agents } = super::desk::ask(config, &Ask::ListAgents)? {
                    list(&agents)?;
                }
                Ok(())
            }
        }
    }
}

fn list(agents: &[AgentRow]) -> anyhow::Result<()> {
    if agents.is_empty() {
        return super::say("There are no agents yet. `parlor setup-link` makes the first.");
    }
    let width = agents.iter().map(|agent| agent.email.chars().count()).max();
    for agent in agents {
        let state = if agent.is_active {
            ""
        } else {
            "  (deactivated)"
        };
        super::say(&format!(
            "{:width$}  {:5}  {}{state}",
            agent.email,
            agent.role,
            agent.name,
            width = width.unwrap_or_default(),
        ))?;
    }
    Ok(())
}

/// Reads a password, twice from a terminal, and hashes it here: it goes nowhere in clear.
fn read_password(email: &str, name: &str) -> anyhow::Result<String> {
    let email = Email::parse(email)?;
    let typed = if std::io::stdin().is_terminal() {
        let first = prompt("Password: ")?;
        if prompt("Again: ")? != first {
            bail!("the two are not the same");
        }
        first
    } else {
        read_line()?
    };
    let known: Vec<&str> = [email.address(), name]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    let new = NewPassword::parse(&typed, &known)?;
    password::hash_blocking(&new).map_err(anyhow::Error::msg)
}

fn prompt(words: &str) -> anyhow::Result<String> {
    let mut out = std::io::stderr();
    write!(out, "{words}")?;
    out.flush()?;
    let hidden = Echo::off();
    let line = read_line();
    drop(hidden);
    writeln!(out)?;
    line
}

fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    let bytes = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("no password could be read")?;
    if bytes == 0 {
        bail!("no password was given: type it, or pipe it in");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal's echo, off for as long as this lives.
struct Echo;

impl Echo {
    fn off() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// Asks the terminal by `stty`, which every Unix has; without it the password is typed visibly.
fn stty(mode: &str) {
    let done = std::process::Command::new("stty").arg(mode).status();
    if !done.is_ok_and(|status| status.success()) {
        tracing::debug!(mode, "the terminal's echo could not be switched");
    }
}
