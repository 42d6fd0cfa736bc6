//! The executable: an allocator, the command line, an exit code.

use std::process::ExitCode;

/// Gives memory back after many sockets have closed, which the system's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    parlor::cli::run()
}
