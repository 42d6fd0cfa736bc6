//! The command line: one file a command. Prints for people; errors go to stderr with their whole chain.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Options};

mod agent;
mod check;
mod desk;
mod log;
mod serve;
mod setup_link;

/// Live chat and visitor tracking for any website, in one executable.
#[derive(Debug, Parser)]
#[command(name = "parlor", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; what `parlor` alone does, too
    Serve(serve::Serve),
    /// Print a new one-time link for the first set-up; the server may be running
    SetupLink,
    /// Add and list agents, reset their passwords; the server may be running
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Check configuration and database, and say what was found; the server may be running
    Check,
}

/// Reads the command line of this process and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let command = cli
        .command
        .unwrap_or(Command::Serve(serve::Serve::default()));
    let done = command.run(cli.options);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self, options: Options) -> anyhow::Result<()> {
        match self {
            Self::Serve(serve) => serve.run(options),
            Self::SetupLink => setup_link::run(&options.resolve(Config::default())?),
            Self::Agent(agent) => agent.run(&options.resolve(Config::default())?),
            Self::Check => check::run(&options.resolve(Config::default())?),
        }
    }
}

/// A line on stdout, at once.
fn say(line: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// The error and its causes on stderr; nothing can be done if that is closed.
fn say_error(error: &anyhow::Error) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "parlor: {error:#}"));
}
