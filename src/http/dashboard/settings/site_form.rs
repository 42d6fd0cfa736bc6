//! The fields of Settings → Site: as they are typed, as they are checked, and how a colour will look.

use std::ops::RangeInclusive;

use crate::domain::Refusal;
use crate::domain::agent::{NAME_CHARS, optional_line, required_line};
use crate::domain::colour::Colour;
use crate::domain::origin;
use crate::domain::site::{Position, Site, SiteSettings};
use crate::http::dashboard::form::{Errors, Fields};

const HEADLINE_CHARS: usize = 80;
const TEXT_CHARS: usize = 500;
const OFFSET_PX: RangeInclusive<u32> = 0..=200;
const IDLE_MIN: RangeInclusive<u32> = 1..=1440;
const RETENTION_DAYS: RangeInclusive<u32> = 1..=3650;
const VANISH_S: RangeInclusive<u32> = 5..=3600;
/// 0 is any number.
const CONNECTED: RangeInclusive<u32> = 0..=1_000_000;
const SILENT_MIN: RangeInclusive<u32> = 0..=43_200;

/// The form as text: what is stored, or what was typed.
#[derive(Clone, Debug)]
pub(crate) struct SiteForm {
    pub(crate) name: String,
    pub(crate) origins: String,
    pub(crate) accent: String,
    pub(crate) position: String,
    pub(crate) offset_px: String,
    pub(crate) headline: String,
    pub(crate) welcome: String,
    pub(crate) away: String,
    pub(crate) language: String,
    pub(crate) session_idle_min: String,
    pub(crate) retention_days: String,
    pub(crate) vanish_after_s: String,
    pub(crate) max_connected_visitors: String,
    pub(crate) close_silent_after_min: String,
    pub(crate) chats_wait_while_offline: bool,
    pub(crate) honour_dnt: bool,
    pub(crate) require_signed_identity: bool,
    pub(crate) link_previews: bool,
}

/// The form once everything fits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SiteChange {
    pub(crate) name: String,
    pub(crate) origins: Vec<String>,
    pub(crate) settings: SiteSettings,
}

impl From<&Site> for SiteForm {
    fn from(site: &Site) -> Self {
        let settings = &site.settings;
        Self {
            name: site.name.clone(),
            origins: site.origins.join("\n"),
            accent: settings.accent.clone(),
            position: match settings.position {
                Position::BottomRight => "bottom_right".into(),
                Position::BottomLeft => "bottom_left".into(),
            },
            offset_px: settings.offset_px.to_string(),
            headline: settings.headline.clone(),
            welcome: settings.welcome.clone(),
            away: settings.away.clone(),
            language: settings.language.clone(),
            session_idle_min: settings.session_idle_min.to_string(),
            retention_days: settings.retention_days.to_string(),
            vanish_after_s: settings.vanish_after_s.to_string(),
            max_connected_visitors: settings.max_connected_visitors.to_string(),
            close_silent_after_min: settings.close_silent_after_min.to_string(),
            chats_wait_while_offline: settings.chats_wait_while_offline,
            honour_dnt: settings.honour_dnt,
            require_signed_identity: settings.require_signed_identity,
            link_previews: settings.link_previews,
        }
    }
}

impl From<&Fields> for SiteForm {
    fn from(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        Self {
            name: text("name"),
            origins: text("origins"),
            accent: text("accent"),
            position: text("position"),
            offset_px: text("offset_px"),
            headline: text("headline"),
            welcome: text("welcome"),
            away: text("away"),
            language: text("language"),
            session_idle_min: text("session_idle_min"),
            retention_days: text("retention_days"),
            vanish_after_s: text("vanish_after_s"),
            max_connected_visitors: text("max_connected_visitors"),
            close_silent_after_min: text("close_silent_after_min"),
            chats_wait_while_offline: fields.is_checked("chats_wait_while_offline"),
            honour_dnt: fields.is_checked("honour_dnt"),
            require_signed_identity: fields.is_checked("require_signed_identity"),
            link_previews: fields.is_checked("link_previews"),
        }
    }
}

impl SiteForm {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, by field.
    pub(crate) fn check(&self) -> Result<SiteChange, Errors> {
        let mut errors = Errors::default();
        let name = errors.check(required_line("name", &self.name, NAME_CHARS));
        let origins = errors.check(origin::parse_list(&self.origins));
        let accent = errors.check(Colour::parse(&self.accent));
        let position = errors.check(position(&self.position));
        let offset_px = errors.check(number("offset_px", &self.offset_px, &OFFSET_PX));
        let headline = errors.check(optional_line("headline", &self.headline, HEADLINE_CHARS));
        let welcome = errors.check(paragraph("welcome", &self.welcome));
        let away = errors.check(paragraph("away", &self.away));
        let language = errors.check(language(&self.language));
        let mut count = |name, text: &str, range| errors.check(number(name, text, range));
        let idle = count("session_idle_min", &self.session_idle_min, &IDLE_MIN);
        let days = count("retention_days", &self.retention_days, &RETENTION_DAYS);
        let vanish = count("vanish_after_s", &self.vanish_after_s, &VANISH_S);
        let connected = &self.max_connected_visitors;
        let connected = count("max_connected_visitors", connected, &CONNECTED);
        let silent = &self.close_silent_after_min;
        let silent = count("close_silent_after_min", silent, &SILENT_MIN);
        if !errors.is_empty() {
            return Err(errors);
        }
        // Every value is there when there is no error; the defaults below are never taken.
        Ok(SiteChange {
            name: name.unwrap_or_default(),
            origins: origins.unwrap_or_default(),
            settings: SiteSettings {
                accent: accent.map(Colour::hex).unwrap_or_default(),
                position: position.unwrap_or_default(),
                offset_px: offset_px.unwrap_or_default(),
                headline: headline.unwrap_or_default(),
                welcome: welcome.unwrap_or_default(),
                away: away.unwrap_or_default(),
                language: language.unwrap_or_default(),
                session_idle_min: idle.unwrap_or_default(),
                retention_days: days.unwrap_or_default(),
                vanish_after_s: vanish.unwrap_or_default(),
                max_connected_visitors: connected.unwrap_or_default(),
                close_silent_after_min: silent.unwrap_or_default(),
                chats_wait_while_offline: self.chats_wait_while_offline,
                honour_dnt: self.honour_dnt,
                require_signed_identity: self.require_signed_identity,
                link_previews: self.link_previews,
            },
        })
    }

    /// How the colour will look; the default's where what was typed is no colour.
    pub(crate) fn look(&self) -> Look {
        let accent = Colour::parse(&self.accent)
            .or_else(|_| Colour::parse(&SiteSettings::default().accent))
            .unwrap_or(Colour::BLACK);
        Look::of(accent)
    }

    /// True for the chosen option; templates cannot compare `&&str`.
    pub(crate) fn is_position(&self, position: &str) -> bool {
        self.position == position
    }

    /// True for the chosen option.
    pub(crate) fn is_language(&self, language: &str) -> bool {
        self.language == language
    }
}

/// A colour as visitors will see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The colour itself.
    pub(crate) accent: String,
    /// Text on it.
    pub(crate) ink: String,
    /// The shade of it that can be read on white: links and outlines.
    pub(crate) on_white: String,
    /// Whether that shade had to be darkened.
    pub(crate) is_corrected: bool,
}

impl Look {
    fn of(accent: Colour) -> Self {
        let on_white = accent.readable_on_white();
        Self {
            accent: accent.hex(),
            ink: accent.ink().hex(),
            on_white: on_white.hex(),
            is_corrected: on_white != accent,
        }
    }
}

fn position(text: &str) -> Result<Position, Refusal> {
    match text {
        "bottom_right" => Ok(Position::BottomRight),
        "bottom_left" => Ok(Position::BottomLeft),
        _ => Err(Refusal::invalid("position", "choose one of the corners")),
    }
}

fn language(text: &str) -> Result<String, Refusal> {
    match text {
        "" | "en" | "de" => Ok(text.to_owned()),
        _ => Err(Refusal::invalid("language", "choose one of the languages")),
    }
}

fn number(field: &str, text: &str, range: &RangeInclusive<u32>) -> Result<u32, Refusal> {
    text.trim()
        .parse()
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| {
            let reason = format!("a number from {} to {}", range.start(), range.end());
            Refusal::invalid(field, reason)
        })
}

/// Text of several lines, with one kind of line end and no other control characters.
fn paragraph(field: &str, text: &str) -> Result<String, Refusal> {
    let cleaned: String = text
        .replace("\r\n", "\n")
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    let cleaned = cleaned.trim();
    if cleaned.chars().count() > TEXT_CHARS {
        let reason = format!("at most {TEXT_CHARS} characters");
        return Err(Refusal::invalid(field, reason));
    }
    Ok(cleaned.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SiteId;

    fn form() -> SiteForm {
        SiteForm::from(&Site {
            id: SiteId(1),
            key: "key".into(),
            name: "Shop".into(),
            license_id: 1,
            organization_id: String::new(),
            origins: vec!["https://a.example".into()],
            settings: SiteSettings::default(),
            updated_at: 0,
        })
    }

    #[test]
    fn what_is_stored_comes_back_unchanged() {
        let change = form().check().unwrap();

        assert_eq!(change.name, "Shop");
        assert_eq!(change.origins, ["https://a.example"]);
        assert_eq!(change.settings, SiteSettings::default());
    }

    #[test]
    fn all_errors_are_named_at_once() {
        let broken = SiteForm {
            name: " ".into(),
            origins: "javascript:alert(1)".into(),
            accent: "red".into(),
            position: "top".into(),
            offset_px: "-1".into(),
            headline: "x".repeat(81),
            welcome: "x".repeat(501),
            away: "x".repeat(501),
            language: "xx".into(),
            session_idle_min: "0".into(),
            retention_days: "1e3".into(),
            vanish_after_s: "4".into(),
            close_silent_after_min: "-1".into(),
            max_connected_visitors: "1e9".into(),
            ..form()
        };

        let errors = broken.check().unwrap_err();

        for field in [
            "name",
            "origins",
            "accent",
            "position",
            "offset_px",
            "headline",
            "welcome",
            "away",
            "language",
            "session_idle_min",
            "retention_days",
            "max_connected_visitors",
            "vanish_after_s",
            "close_silent_after_min",
        ] {
            assert!(errors.of(field).is_some(), "{field}");
        }
    }

    #[test]
    fn a_light_colour_gets_dark_ink_and_a_darker_shade() {
        let pale = SiteForm {
            accent: "#ffe066".into(),
            ..form()
        };

        assert_eq!(pale.look().ink, "#000000");
        assert!(pale.look().is_corrected);
        assert!(!form().look().is_corrected);
        assert_eq!(form().look().ink, "#ffffff");
    }
}
