//! What the room round a page shows: rail, own status, which area is open. Every page struct holds one as `layout`.

/// The pages of the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// The inbox and its chats.
    Chats,
    /// Who is on the site, and profiles.
    Visitors,
    /// Messages left while nobody was there.
    Tickets,
    /// Everything that can be set.
    Settings,
}

impl Area {
    /// The area's name in URLs and `data-area`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::Visitors => "visitors",
            Self::Tickets => "tickets",
            Self::Settings => "settings",
        }
    }
}

/// The values of `layout.html`. A page template holds it in a field named `layout`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The base path without a slash at its end; empty at the root.
    pub(crate) base: String,
    /// Where the static files stand, without a slash at the end; changes with their content.
    pub(crate) assets: String,
    /// The open area, see [`Area::name`].
    pub(crate) area: &'static str,
    /// `auto`, `light` or `dark`.
    pub(crate) theme: String,
    /// `on` or `off`: whether a new message makes a sound.
    pub(crate) sound: &'static str,
    /// The site this login looks at.
    pub(crate) site_name: String,
    /// The agent's id, as text.
    pub(crate) agent_id: String,
    /// The agent's name.
    pub(crate) agent_name: String,
    /// One or two letters of the name.
    pub(crate) initials: String,
    /// 0–11, the colour of the avatar.
    pub(crate) tint: u8,
    /// `accepting`, `not_accepting` or `away`.
    pub(crate) status: &'static str,
    /// Chats that wait for this agent: own and unassigned ones with an unanswered message, counted to 100.
    pub(crate) waiting: i64,
    /// Open tickets, counted to 100.
    pub(crate) tickets: i64,
    /// Where the inbox stood when the page was rendered.
    pub(crate) inbox_head: i64,
    /// The history to which that number belongs.
    pub(crate) epoch: String,
    /// The path of this page, where a form of the rail leads back to.
    pub(crate) back: String,
}

impl Layout {
    /// True for the open area; templates cannot compare `&&str`.
    pub(crate) fn is_area(&self, name: &str) -> bool {
        self.area == name
    }

    /// The number on the Chats icon.
    pub(crate) fn waiting_label(&self) -> String {
        count_label(self.waiting)
    }

    /// The number on the Tickets icon.
    pub(crate) fn tickets_label(&self) -> String {
        count_label(self.tickets)
    }
}

/// The values of `bare.html`, for pages without a rail. A page template holds it in a field named `bare`.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    /// The base path without a slash at its end; empty at the root.
    pub(crate) base: String,
    /// Where the static files stand, without a slash at the end.
    pub(crate) assets: String,
}

/// A count as shown: lists are counted to 100 and no further.
pub(crate) fn count_label(count: i64) -> String {
    if count > 99 {
        "99+".to_owned()
    } else {
        count.to_string()
    }
}
