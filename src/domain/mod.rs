//! Types and rules: no I/O, no async, no clock. Everyone may use this module; it uses nobody.

pub mod agent;
pub mod colour;
pub mod hint;
pub mod ids;
pub mod origin;
pub mod refusal;
pub mod site;

pub use hint::Hint;
pub use refusal::Refusal;
