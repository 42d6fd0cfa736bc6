//! The allocator's setting: the running program has it, under the process number it was started with.

use std::fs;

use crate::support::program::Program;

#[test]
fn the_program_has_its_allocator_set_and_keeps_its_process_number_and_name() {
    let program = Program::ephemeral(&[]);
    let process = format!("/proc/{}", program.pid());

    let environment = fs::read(format!("{process}/environ")).unwrap();
    let name = fs::read_to_string(format!("{process}/comm")).unwrap();

    assert!(
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == b"MIMALLOC_PURGE_DELAY=0")
    );
    assert_eq!(name.trim(), "parlor");
}
