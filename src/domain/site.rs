//! A site: one website with a snippet, and the settings its owner chose.

use serde::{Deserialize, Serialize};

use super::ids::SiteId;

/// One website with a snippet.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The site's id.
    pub id: SiteId,
    /// Public key, stands in the snippet.
    pub key: String,
    /// Its name, as agents and visitors see it.
    pub name: String,
    /// The small number by which older chat SDKs name a site; never 1520, which diverts them elsewhere.
    pub license_id: i64,
    /// The UUID by which newer chat SDKs name a site.
    pub organization_id: String,
    /// Origins allowed to load the widget, each `scheme://host[:port]`, `*.` only as the left-most label.
    pub origins: Vec<String>,
    /// What the owner chose.
    pub settings: SiteSettings,
    /// Changes with every saved change: what browsers cache the widget's configuration by.
    pub updated_at: i64,
}

/// What a site's owner can choose; every field has a default, so older rows read well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteSettings {
    /// Accent colour of the widget, `#rrggbb`.
    pub accent: String,
    /// Corner of the launcher.
    pub position: Position,
    /// Distance of the launcher from the edges, in CSS pixels, 0–200.
    pub offset_px: u32,
    /// Line at the head of the messenger; empty takes the widget's own text in the visitor's language.
    pub headline: String,
    /// First words shown in an empty conversation; empty takes the widget's own text.
    pub welcome: String,
    /// Shown in place of the welcome while nobody accepts chats; empty takes the widget's own text.
    pub away: String,
    /// Language of the widget (`en`, `de`), or empty for the page's or browser's own.
    pub language: String,
    /// Idle minutes after which a session ends, 1–1440.
    pub session_idle_min: u32,
    /// Days after which an anonymous visitor who was not seen again is deleted, 1–3650.
    pub retention_days: u32,
    /// Whether a chat may be begun while nobody answers; it waits then.
    pub chats_wait_while_offline: bool,
    /// Seconds after which an agent without any open dashboard loses the chats they have not answered, 5–3600.
    pub vanish_after_s: u32,
    /// Minutes of silence after which a thread is closed, 0–43200; 0 is never. Who waits in a queue is not silent.
    pub close_silent_after_min: u32,
    /// How many visitors may be connected to a chat socket of one node at once, 0–1000000; 0 is any number.
    pub max_connected_visitors: u32,
    /// Whether Do Not Track and Global Privacy Control switch tracking off; chat goes on.
    pub honour_dnt: bool,
    /// Whether unproven identify calls may switch or merge.
    pub require_signed_identity: bool,
    /// Whether pages that visitors link to are fetched from here, for previews.
    pub link_previews: bool,
}

impl SiteSettings {
    /// Idle milliseconds after which a session ends.
    #[must_use]
    pub fn session_idle_ms(&self) -> i64 {
        i64::from(self.session_idle_min) * 60_000
    }
}

/// A corner of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Bottom, on the right side.
    #[default]
    BottomRight,
    /// Bottom, on the left side.
    BottomLeft,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            accent: "#0f766e".into(),
            position: Position::default(),
            offset_px: 16,
            headline: String::new(),
            welcome: String::new(),
            away: String::new(),
            language: String::new(),
            session_idle_min: 30,
            retention_days: 45,
            chats_wait_while_offline: true,
            vanish_after_s: 60,
            close_silent_after_min: 240,
            max_connected_visitors: 0,
            honour_dnt: true,
            require_signed_identity: false,
            link_previews: false,
        }
    }
}
