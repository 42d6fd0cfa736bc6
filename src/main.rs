//! The executable: an allocator and its setting, the command line, an exit code.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Freed pages go back to the system at once. With any delay they go back at a thread's next allocation, which for an
/// idle thread is never: ten thousand closed sockets would leave 240 MiB behind in place of 32.
const PURGE_AT_ONCE: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

fn main() -> ExitCode {
    set_the_allocator();
    parlor::cli::run()
}

/// The allocator reads its settings from the environment before `main`, so Parlor starts itself once more with them.
///
/// Whoever sets the variable keeps what they set. Where the second start fails, the first goes on without the setting.
fn set_the_allocator() {
    let (name, value) = PURGE_AT_ONCE;
    if std::env::var_os(name).is_some() {
        return;
    }
    if let Ok(path) = std::env::current_exe() {
        let mut args = std::env::args_os();
        let mut again = Command::new(path);
        again.env(name, value);
        if let Some(own_name) = args.next() {
            again.arg0(own_name);
        }
        // Returns only if it fails.
        let _ = again.args(args).exec();
    }
}
