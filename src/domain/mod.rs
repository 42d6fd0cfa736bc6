//! Types and rules: no I/O, no async, no clock. Everyone may use this module; it uses nobody.

pub mod activity;
pub mod agent;
pub mod attribute;
pub mod chat;
mod checked;
pub mod colour;
pub mod context;
pub mod event;
mod event_kind;
pub mod file;
pub mod file_body;
pub mod form;
pub mod form_answers;
pub mod hint;
pub mod hours;
pub mod identity;
pub mod ids;
pub mod json;
mod new_event;
pub mod origin;
pub mod page;
pub mod password;
pub mod permission;
pub mod properties;
pub mod rating;
pub mod refusal;
pub mod rich_message;
pub mod routing;
pub mod session;
pub mod site;
pub mod thread;
pub mod ticket;
pub mod user_agent;
pub mod visitor;

pub use hint::Hint;
pub use refusal::Refusal;
