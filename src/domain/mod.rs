//! Types and rules: no I/O, no async, no clock. Everyone may use this module; it uses nobody.

pub mod activity;
pub mod agent;
pub mod attribute;
pub mod colour;
pub mod context;
pub mod hint;
pub mod identity;
pub mod ids;
pub mod json;
pub mod origin;
pub mod page;
pub mod refusal;
pub mod session;
pub mod site;
pub mod user_agent;
pub mod visitor;
pub mod visitor_token;

pub use hint::Hint;
pub use refusal::Refusal;
