//! A ticket: a message left while nobody is there. What it may hold, and when two are the same.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Refusal;
use super::agent::{Email, optional_line};
use super::ids::{AgentId, GroupId, SiteId, TicketId, VisitorId};
use super::page::web_url;

/// Longest text of a ticket, in characters.
pub const TEXT_CHARS: usize = 20_000;
/// Longest name and subject, in characters.
pub const LINE_CHARS: usize = 256;
/// Longest id that a client gives a ticket, in characters.
pub const CLIENT_ID_CHARS: usize = 128;
/// How long the same message from the same sender is one ticket, in milliseconds.
pub const REPEAT_MS: i64 = 60_000;

/// The field under which clients look for errors about who asks.
pub const REQUESTER: &str = "incorrect requester structure";

/// Whether somebody still has to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TicketStatus {
    /// Waits for an answer.
    #[default]
    Open,
    /// Done.
    Closed,
}

impl TicketStatus {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Open, Self::Closed];

    /// The word in the database and in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A stored ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Its site.
    pub site: SiteId,
    /// Small, per site, for people.
    pub number: i64,
    /// The root of the visitor it is linked to.
    pub visitor: Option<VisitorId>,
    /// Whether the visitor sent it under a token of theirs; else the link is only claimed.
    pub is_proven: bool,
    /// The group it was sent to.
    pub group: Option<GroupId>,
    /// Who takes care of it.
    pub agent: Option<AgentId>,
    /// Whether it waits.
    pub status: TicketStatus,
    /// The name given; may be empty.
    pub name: String,
    /// The e-mail address given; may be empty.
    pub email: String,
    /// May be empty.
    pub subject: String,
    /// Every answer with its label.
    pub message: String,
    /// The answers without name, e-mail address and subject; may be empty.
    pub question: String,
    /// The page it was sent from; an http(s) URL or empty.
    pub source_url: String,
    /// The sender's IANA time zone; may be empty.
    pub timezone: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
    /// Unix milliseconds, while closed.
    pub closed_at: Option<i64>,
}

impl Ticket {
    /// What lists call it: the subject, else the beginning of the message.
    #[must_use]
    pub fn title(&self) -> String {
        if !self.subject.is_empty() {
            return self.subject.clone();
        }
        let text = match self.question.trim() {
            "" => self.message.trim(),
            question => question,
        };
        let line: String = text.lines().next().unwrap_or_default().chars().collect();
        match line.char_indices().nth(80) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    /// Who sent it, as they call themselves.
    #[must_use]
    pub fn sender(&self) -> &str {
        [self.name.as_str(), self.email.as_str()]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or("Somebody")
    }
}

/// A ticket as a client sends it: checked, without number and time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTicket {
    client_id: Option<String>,
    group: Option<i64>,
    name: String,
    email: String,
    subject: String,
    message: String,
    question: String,
    source_url: String,
    timezone: String,
}

impl NewTicket {
    /// Reads the body of a request: `ticket_message`, `offline_message`, `requester`, `subject`, `group`, `source`,
    /// `timezone`, and Parlor's own `custom_id`. Other keys are passed over.
    ///
    /// # Errors
    /// [`Refusal::Validation`] that names the field; [`REQUESTER`] for all that is in `requester`.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let question = text(body, "ticket_message", TEXT_CHARS)?;
        let message = match text(body, "offline_message", TEXT_CHARS)? {
            blank if blank.trim().is_empty() => question.clone(),
            message => message,
        };
        if message.trim().is_empty() {
            return Err(Refusal::invalid("ticket_message", "must not be empty"));
        }
        let (name, email) = requester(body)?;
        Ok(Self {
            client_id: client_id(body)?,
            group: match body.get("group").filter(|group| !group.is_null()) {
                None => None,
                Some(group) => Some(
                    group
                        .as_i64()
                        .ok_or_else(|| Refusal::invalid("group", "must be a whole number"))?,
                ),
            },
            name,
            email,
            subject: optional_line("subject", &text(body, "subject", LINE_CHARS)?, LINE_CHARS)?,
            message,
            question,
            source_url: source(body)?,
            timezone: timezone(&text(body, "timezone", 64)?)?,
        })
    }

    /// The sender's own id of it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The number of the group it is sent to.
    #[must_use]
    pub const fn group(&self) -> Option<i64> {
        self.group
    }

    /// The name given; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The e-mail address given; may be empty.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// May be empty.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Every answer with its label; never blank.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The answers without name, e-mail address and subject.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }

    /// The page it was sent from, or empty.
    #[must_use]
    pub fn source_url(&self) -> &str {
        &self.source_url
    }

    /// The sender's IANA time zone, or empty.
    #[must_use]
    pub fn timezone(&self) -> &str {
        &self.timezone
    }

    /// What is the same for the same message from the same sender. The page and the time zone do not count.
    #[must_use]
    pub fn content_hash(&self, sender: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        let group = self.group.map(|group| group.to_string());
        for part in [
            sender,
            group.as_deref().unwrap_or_default(),
            &self.name,
            &self.email,
            &self.subject,
            &self.message,
            &self.question,
        ] {
            // With its length, so that no two lists of parts run into one text.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }

    /// The text by which it is found: e-mail, subject and name, in lower case.
    #[must_use]
    pub fn search_text(&self) -> String {
        [&self.email, &self.subject, &self.name]
            .map(|text| text.to_lowercase())
            .join("\n")
    }
}

fn requester(body: &Map<String, Value>) -> Result<(String, String), Refusal> {
    let Some(requester) = body.get("requester").filter(|value| !value.is_null()) else {
        return Ok((String::new(), String::new()));
    };
    let map = requester
        .as_object()
        .ok_or_else(|| Refusal::invalid(REQUESTER, "requester must be an object"))?;
    let within = |refusal: Refusal| {
        if let Refusal::Validation { field, reason } = refusal {
            return Refusal::invalid(REQUESTER, format!("requester.{field} {reason}"));
        }
        refusal
    };
    let name = text(map, "name", LINE_CHARS).map_err(within)?;
    let name = optional_line("name", &name, LINE_CHARS).map_err(within)?;
    let mail = text(map, "mail", LINE_CHARS).map_err(within)?;
    if mail.trim().is_empty() {
        return Ok((name, String::new()));
    }
    let email = Email::parse(&mail)
        .map_err(|_| Refusal::invalid(REQUESTER, "requester.mail must be an e-mail address"))?;
    Ok((name, email.address().to_owned()))
}

fn client_id(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let id = text(body, "custom_id", CLIENT_ID_CHARS)?;
    match (body.contains_key("custom_id"), id.is_empty()) {
        (true, true) if !body["custom_id"].is_null() => {
            Err(Refusal::invalid("custom_id", "must not be empty"))
        }
        (_, is_empty) => Ok((!is_empty).then_some(id)),
    }
}

/// The page it was sent from. Not worth losing a message for: an address that is none is left out.
fn source(body: &Map<String, Value>) -> Result<String, Refusal> {
    let Some(source) = body.get("source").filter(|source| !source.is_null()) else {
        return Ok(String::new());
    };
    let map = source
        .as_object()
        .ok_or_else(|| Refusal::invalid("source", "must be an object"))?;
    let Some(url) = map.get("url").filter(|url| !url.is_null()) else {
        return Ok(String::new());
    };
    let url = url
        .as_str()
        .ok_or_else(|| Refusal::invalid("source.url", "must be a string"))?;
    Ok(web_url("source.url", url).unwrap_or_default())
}

/// The name of an IANA time zone as the database spells it; empty stays empty.
///
/// # Errors
/// [`Refusal::Validation`] of `timezone`.
pub fn timezone(name: &str) -> Result<String, Refusal> {
    if name.is_empty() {
        return Ok(String::new());
    }
    let zone = TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| Refusal::invalid("timezone", "must be an IANA time zone"))?;
    Ok(zone.iana_name().unwrap_or("UTC").to_owned())
}

/// A moment, Unix milliseconds, in an IANA time zone, with the zone's name: `Fri 20 Nov 2026, 14:05 (Europe/Berlin)`.
///
/// `None` where the zone is not known.
#[must_use]
pub fn local_time(zone: &str, at: i64) -> Option<String> {
    let known: TimeZone = TimeZoneDatabase::bundled().get(zone).ok()?;
    let at = jiff::Timestamp::from_millisecond(at).ok()?.to_zoned(known);
    Some(format!("{} ({zone})", at.strftime("%a %-d %b %Y, %H:%M")))
}

/// Text without NUL; absent and null are empty.
fn text(map: &Map<String, Value>, name: &str, max_chars: usize) -> Result<String, Refusal> {
    let Some(value) = map.get(name).filter(|value| !value.is_null()) else {
        return Ok(String::new());
    };
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::invalid(name, "must be a string"))?;
    if text.chars().count() > max_chars {
        let reason = format!("must have at most {max_chars} characters");
        return Err(Refusal::invalid(name, reason));
    }
    Ok(text.replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: &Value) -> Result<NewTicket, Refusal> {
        NewTicket::parse(body.as_object().unwrap())
    }

    #[test]
    fn each_field_that_does_not_fit_is_named() {
        let with = |name: &str, value: Value| json!({"ticket_message": "Hello", name: value});
        let cases = [
            (json!({}), "ticket_message: must not be empty"),
            (
                json!({"ticket_message": 1}),
                "ticket_message: must be a string",
            ),
            (
                json!({"offline_message": "x".repeat(20_001)}),
                "offline_message: must have at most 20000 characters",
            ),
            (
                with("requester", json!([])),
                "incorrect requester structure: requester must be an object",
            ),
            (
                with("requester", json!({"mail": "nobody"})),
                "incorrect requester structure: requester.mail must be an e-mail address",
            ),
            (
                with("requester", json!({"mail": 7})),
                "incorrect requester structure: requester.mail must be a string",
            ),
            (
                with("requester", json!({"name": "x".repeat(257)})),
                "incorrect requester structure: requester.name must have at most 256 characters",
            ),
            (with("group", json!("1")), "group: must be a whole number"),
            (with("source", json!("x")), "source: must be an object"),
            (
                with("source", json!({"url": 1})),
                "source.url: must be a string",
            ),
            (
                with("timezone", json!("Mars/Olympus")),
                "timezone: must be an IANA time zone",
            ),
            (
                with("timezone", json!("../etc/passwd")),
                "timezone: must be an IANA time zone",
            ),
            (with("custom_id", json!("")), "custom_id: must not be empty"),
            (with("custom_id", json!(7)), "custom_id: must be a string"),
            (with("subject", json!({})), "subject: must be a string"),
        ];
        for (body, message) in cases {
            assert_eq!(
                parsed(&body).unwrap_err().to_string(),
                message,
                "{body:.80}"
            );
        }
    }

    #[test]
    fn a_ticket_needs_no_more_than_a_text() {
        let ticket = parsed(&json!({
            "ticket_message": "Where is it?", "offline_message": "", "requester": {"mail": ""},
            "source": {"url": "javascript:alert(1)"}, "group": null, "custom_id": null,
        }))
        .unwrap();

        assert_eq!(ticket.message(), "Where is it?");
        assert_eq!((ticket.email(), ticket.source_url()), ("", ""));
        assert_eq!(ticket.client_id(), None);
    }

    #[test]
    fn a_zone_is_kept_as_the_database_spells_it() {
        assert_eq!(timezone("europe/berlin").unwrap(), "Europe/Berlin");
        assert_eq!(
            local_time("Europe/Berlin", 1_795_172_700_000).as_deref(),
            Some("Fri 20 Nov 2026, 12:05 (Europe/Berlin)")
        );
        assert_eq!(local_time("Mars/Olympus", 0), None);
    }

    #[test]
    fn the_same_message_of_another_sender_is_another() {
        let ticket = |body| parsed(&body).unwrap();
        let one = ticket(json!({"ticket_message": "Hi", "timezone": "UTC"}));
        let same = ticket(json!({"ticket_message": "Hi", "source": {"url": "https://a.example/"}}));
        let other = ticket(json!({"ticket_message": "Hi", "subject": "Hi"}));

        assert_eq!(one.content_hash("1"), same.content_hash("1"));
        assert_ne!(one.content_hash("1"), one.content_hash("2"));
        assert_ne!(one.content_hash("1"), other.content_hash("1"));
    }
}
