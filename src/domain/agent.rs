//! An agent: somebody who answers. Roles, status, and the rules for names and e-mail addresses.

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::ids::AgentId;

/// Somebody who answers, without the password hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// The agent's id.
    pub id: AgentId,
    /// Name, as visitors see it.
    pub name: String,
    /// E-mail address as typed; never shown to visitors.
    pub email: String,
    /// Whether it is a program, which has no address and no password and signs in nowhere.
    pub is_bot: bool,
    /// What the agent may do.
    pub role: Role,
    /// Whether new chats may be assigned.
    pub status: AgentStatus,
    /// Shown to visitors beside the name; may be empty.
    pub job_title: String,
    /// Picture, or `None` for initials.
    pub avatar_url: Option<String>,
    /// How many chats may be assigned at once.
    pub max_chats: i64,
    /// What the agent chose for their own dashboard.
    pub settings: AgentSettings,
    /// Unix ms.
    pub created_at: i64,
    /// Unix ms; set while the agent cannot sign in.
    pub deactivated_at: Option<i64>,
}

/// What an agent may do; each role includes the ones below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Answers chats.
    Agent,
    /// Also changes sites, agents and keys.
    Admin,
    /// Also makes and removes owners.
    Owner,
}

impl Role {
    /// All roles, the highest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Agent];

    /// The word in the database, in forms and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Agent => "agent",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether somebody of this role may change or give the role `other`: only owners touch owners.
    #[must_use]
    pub const fn can_manage(self, other: Self) -> bool {
        match (self, other) {
            (Self::Owner, _) | (Self::Admin, Self::Admin | Self::Agent) => true,
            (Self::Admin, Self::Owner) | (Self::Agent, _) => false,
        }
    }
}

/// Whether new chats may be assigned to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentStatus {
    /// Takes new chats.
    Accepting,
    /// Works on the chats at hand, takes no new ones.
    NotAccepting,
    /// Not at the desk.
    Away,
}

impl AgentStatus {
    /// All statuses, in the order of a menu.
    pub const ALL: [Self; 3] = [Self::Accepting, Self::NotAccepting, Self::Away];

    /// The word in the database and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::NotAccepting => "not_accepting",
            Self::Away => "away",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What an agent chose for their own dashboard; every field has a default, so older rows read well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentSettings {
    /// Whether a new message makes a sound.
    pub sound: bool,
    /// Light, dark, or as the system says.
    pub theme: Theme,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            sound: true,
            theme: Theme::Auto,
        }
    }
}

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// All themes, in the order of a menu.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in forms and in the page's `data-theme`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

/// Longest name of an agent or a site, in characters.
pub const NAME_CHARS: usize = 80;

/// One line of text from a form: trimmed, without NUL and control characters, 1 to `max` characters.
///
/// # Errors
/// [`Refusal::Validation`] of `field`.
pub fn required_line(field: &str, text: &str, max: usize) -> Result<String, Refusal> {
    let line = optional_line(field, text, max)?;
    if line.is_empty() {
        return Err(Refusal::invalid(field, "please fill this in"));
    }
    Ok(line)
}

/// One line of text from a form that may be empty: trimmed, without NUL and control characters.
///
/// # Errors
/// [`Refusal::Validation`] of `field` when it has more than `max` characters.
pub fn optional_line(field: &str, text: &str, max: usize) -> Result<String, Refusal> {
    let cleaned: String = text.chars().filter(|c| !c.is_control()).collect();
    let line = cleaned.trim();
    if line.chars().count() > max {
        return Err(Refusal::invalid(field, format!("at most {max} characters")));
    }
    Ok(line.to_owned())
}

/// A checked e-mail address and its folded form, by which it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    address: String,
    fold: String,
}

impl Email {
    /// Longest address, in characters (RFC 5321).
    const MAX_CHARS: usize = 254;
    /// Longest part before the `@`, in characters (RFC 5321).
    const MAX_LOCAL_CHARS: usize = 64;

    /// Checks the shape only: whether somebody reads the mailbox is found out by writing to it.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `email`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let address = required_line("email", text, Self::MAX_CHARS)?;
        if !has_email_shape(&address) {
            return Err(Refusal::invalid("email", "this is not an e-mail address"));
        }
        let fold = fold_email(&address);
        Ok(Self { address, fold })
    }

    /// The address as it was typed.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address in lower case.
    #[must_use]
    pub fn fold(&self) -> &str {
        &self.fold
    }
}

/// The form under which an address is looked up: trimmed, without control characters, in lower case.
#[must_use]
pub fn fold_email(text: &str) -> String {
    let cleaned: String = text.chars().filter(|c| !c.is_control()).collect();
    cleaned.trim().to_lowercase()
}

fn has_email_shape(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let local_fits = !local.is_empty()
        && local.chars().count() <= Email::MAX_LOCAL_CHARS
        && local
            .chars()
            .all(|c| !c.is_whitespace() && !"<>()[],;:\\\"@".contains(c));
    let domain_fits = domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    local_fits && domain_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_went() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for status in AgentStatus::ALL {
            assert_eq!(AgentStatus::parse(status.as_str()), Some(status));
        }
        for theme in Theme::ALL {
            assert_eq!(Theme::parse(theme.as_str()), Some(theme));
        }
        assert_eq!(Role::parse("Owner"), None);
    }

    #[test]
    fn only_owners_touch_owners_and_agents_touch_nobody() {
        let table = [
            (Role::Owner, [true, true, true]),
            (Role::Admin, [false, true, true]),
            (Role::Agent, [false, false, false]),
        ];
        for (by, may) in table {
            for (other, may) in Role::ALL.into_iter().zip(may) {
                assert_eq!(by.can_manage(other), may, "{by:?} {other:?}");
            }
        }
    }

    #[test]
    fn email_addresses_are_checked_for_shape_only() {
        for good in [
            "a@b",
            "Ada+x@Example.COM",
            "ö@exämple.de",
            "a.b@sub.example.org",
        ] {
            assert_eq!(Email::parse(good).unwrap().fold(), good.to_lowercase());
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "", "a", "@b", "a@", "a@b@c", "a b@c.d", "a@b..c", "a@-b.c", "a@b/c", "<a>@b.c", &long,
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Email::parse(" a@b.c\r\n\0").unwrap().address(), "a@b.c");
    }

    #[test]
    fn lines_lose_control_characters_and_keep_the_rest() {
        assert_eq!(
            required_line("name", " <b>\0A\r\nda</b> ", 20).unwrap(),
            "<b>Ada</b>"
        );
        assert!(required_line("name", " \t\0", 20).is_err());
        assert!(required_line("name", "123456", 5).is_err());
        assert_eq!(optional_line("job_title", "", 5).unwrap(), "");
    }
}
