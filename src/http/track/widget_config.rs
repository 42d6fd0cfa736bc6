//! What the widget has to know of its site: public, small, and sent only when it changed.

use serde::Serialize;

use crate::domain::site::{Position, Site};
use crate::http::state::State;
use crate::http::widget;

/// The configuration as the widget reads it.
#[derive(Serialize)]
pub(super) struct WidgetConfig<'a> {
    version: String,
    site: &'a str,
    accent: &'a str,
    position: Position,
    offset_px: u32,
    headline: &'a str,
    welcome: &'a str,
    away: &'a str,
    language: &'a str,
    online: bool,
    tracking: bool,
    honour_dnt: bool,
    /// Path of the messenger module, base path included.
    messenger: String,
}

/// Names a configuration: another one has another version.
pub(super) fn version(site: &Site, is_online: bool) -> String {
    let file = widget::messenger_file();
    format!("{}.{}.{file}", site.updated_at, u8::from(is_online))
}

/// The configuration of a site.
pub(super) fn of<'a>(state: &State, site: &'a Site, is_online: bool) -> WidgetConfig<'a> {
    let settings = &site.settings;
    WidgetConfig {
        version: version(site, is_online),
        site: &site.name,
        accent: &settings.accent,
        position: settings.position,
        offset_px: settings.offset_px,
        headline: &settings.headline,
        welcome: &settings.welcome,
        away: &settings.away,
        language: &settings.language,
        online: is_online,
        tracking: true,
        honour_dnt: settings.honour_dnt,
        messenger: format!(
            "{}/widget/{}",
            state.config.base_path,
            widget::messenger_file()
        ),
    }
}
