//! The example of docs/embedding.md does what the page says.

#[path = "../../examples/embedding.rs"]
mod example;

#[test]
fn the_example_runs() {
    crate::support::lint::watch();
    example::main().unwrap();
}
