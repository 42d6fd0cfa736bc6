//! A visitor: one profile, the name agents see for it, and what a change to it may hold.

use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use super::ids::{SiteId, VisitorId};
use super::user_agent::Device;

/// What is known about who a visitor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitorKind {
    /// A browser that was seen.
    #[default]
    Anonymous,
    /// Has started a chat.
    Lead,
    /// Was identified by the site's owner.
    User,
}

impl VisitorKind {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Lead => "lead",
            Self::User => "user",
        }
    }

    /// The kind of this word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "anonymous" => Some(Self::Anonymous),
            "lead" => Some(Self::Lead),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}

/// One profile as its own row holds it; what was merged into it is not added in.
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    /// The visitor's id.
    pub id: VisitorId,
    /// The site it visits.
    pub site: SiteId,
    /// What is known about who it is.
    pub kind: VisitorKind,
    /// The root it was merged into.
    pub merged_into: Option<VisitorId>,
    /// The site's own id of this person.
    pub user_id: Option<String>,
    /// Whether `user_id` was proven.
    pub is_verified: bool,
    /// The user id an unproven claim named.
    pub claimed_user_id: Option<String>,
    /// The e-mail an unproven claim named.
    pub claimed_email: Option<String>,
    /// Name, as given.
    pub name: Option<String>,
    /// E-mail, as given.
    pub email: Option<String>,
    /// Phone number, as given.
    pub phone: Option<String>,
    /// Picture, an http(s) URL.
    pub avatar_url: Option<String>,
    /// JSON list of one-key objects of text, in order.
    pub session_fields: String,
    /// Whether it is a crawler.
    pub is_bot: bool,
    /// Browser, operating system, kind of device.
    pub device: Device,
    /// Language tag of the browser.
    pub language: String,
    /// IANA time zone of the browser.
    pub timezone: String,
    /// Size of the screen in pixels, `1440x900`.
    pub screen: String,
    /// Country, if known.
    pub country: String,
    /// City, if known.
    pub city: String,
    /// Truncated address of the last visit.
    pub ip: String,
    /// Where the first visit came from.
    pub referrer: String,
    /// JSON object of the campaign parameters of the first visit.
    pub utm: String,
    /// Sessions so far.
    pub visits: i64,
    /// Page views so far.
    pub page_views: i64,
    /// When its personal data was removed.
    pub anonymized_at: Option<i64>,
    /// First seen, Unix milliseconds.
    pub first_seen_at: i64,
    /// Last seen, Unix milliseconds.
    pub last_seen_at: i64,
}

impl Visitor {
    /// The name agents see: the given one, else the e-mail, else the user id, else a generated one.
    #[must_use]
    pub fn display_name(&self) -> String {
        display_name(self.id, [&self.name, &self.email, &self.user_id])
    }
}

/// The first of `given` that is not empty, else the generated name of `id`.
pub fn display_name<'a>(
    id: VisitorId,
    given: impl IntoIterator<Item = &'a Option<String>>,
) -> String {
    given
        .into_iter()
        .flatten()
        .find(|text| !text.trim().is_empty())
        .map_or_else(|| generated_name(id), Clone::clone)
}

/// A friendly name that always belongs to this id, such as “Teal Heron”; two visitors may share one.
#[must_use]
pub fn generated_name(id: VisitorId) -> String {
    // The ids of one minute differ in few bits: stir them, so that neighbours look nothing alike.
    // (The finalizer of SplitMix64.)
    let mut stirred = id.0.cast_unsigned().wrapping_add(0x9E37_79B9_7F4A_7C15);
    stirred = (stirred ^ (stirred >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    stirred = (stirred ^ (stirred >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    stirred ^= stirred >> 31;
    let pick = |words: &[&'static str], bits: u64| {
        let count = words.len() as u64;
        words[usize::try_from(bits % count).unwrap_or_default()]
    };
    format!(
        "{} {}",
        pick(&COLOURS, stirred >> 8),
        pick(&ANIMALS, stirred >> 36)
    )
}

const COLOURS: [&str; 32] = [
    "Amber",
    "Apricot",
    "Azure",
    "Blue",
    "Bronze",
    "Cobalt",
    "Copper",
    "Coral",
    "Crimson",
    "Cyan",
    "Emerald",
    "Golden",
    "Green",
    "Indigo",
    "Ivory",
    "Jade",
    "Lemon",
    "Lilac",
    "Lime",
    "Magenta",
    "Mint",
    "Olive",
    "Orange",
    "Pearl",
    "Plum",
    "Ruby",
    "Saffron",
    "Scarlet",
    "Silver",
    "Teal",
    "Turquoise",
    "Violet",
];

const ANIMALS: [&str; 48] = [
    "Badger", "Beaver", "Bison", "Bittern", "Crane", "Curlew", "Deer", "Dolphin", "Dove", "Eagle",
    "Egret", "Falcon", "Ferret", "Finch", "Fox", "Gazelle", "Gecko", "Goose", "Hare", "Hawk",
    "Hedgehog", "Heron", "Ibis", "Jay", "Kestrel", "Kiwi", "Koala", "Lark", "Lemur", "Lynx",
    "Marten", "Moose", "Newt", "Oriole", "Osprey", "Otter", "Owl", "Panda", "Pelican", "Puffin",
    "Raven", "Robin", "Seal", "Sparrow", "Stork", "Swallow", "Swan", "Wren",
];

/// What becomes of one field of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is removed.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the field stays as it is.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value, if one is set.
    #[must_use]
    pub const fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// A change to a profile; the values are checked where they are parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileChange {
    /// Name.
    pub name: Change<String>,
    /// E-mail.
    pub email: Change<String>,
    /// Phone number.
    pub phone: Change<String>,
    /// Picture.
    pub avatar_url: Change<String>,
    /// Attributes by name, in the order given.
    pub attributes: Vec<(String, Change<Attribute>)>,
}

impl ProfileChange {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An e-mail as it is compared: trimmed, in lower case.
#[must_use]
pub fn fold_email(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_belongs_to_its_id_and_neighbours_differ() {
        let names: Vec<String> = (0..64)
            .map(|n| generated_name(VisitorId(7_000_000_000_000 + n)))
            .collect();
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();

        assert_eq!(names[3], generated_name(VisitorId(7_000_000_000_003)));
        assert!(distinct.len() > 55, "{} of 64", distinct.len());
    }

    #[test]
    fn a_given_name_goes_before_a_generated_one() {
        let none: Option<String> = None;
        let blank = Some("  ".to_owned());
        let mail = Some("a@example.com".to_owned());

        assert_eq!(
            display_name(VisitorId(1), [&none, &blank, &mail]),
            "a@example.com"
        );
        assert_eq!(
            display_name(VisitorId(1), [&none, &blank]),
            generated_name(VisitorId(1))
        );
    }
}
