//! Permission: who may do what to which row. The one decision for every transport; the default is no.
//!
//! [`authorize`] returns a [`Permit`] that names its object; functions that read or change the object take the permit,
//! so that an unchecked call does not compile.

mod rules;

use rules::{knows, may};

use super::Refusal;
use super::agent::Role;
use super::chat::Chat;
use super::event::Author;
use super::ids::{AgentId, BrowserId, ChatId, SiteId, VisitorId};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A browser with a visitor token.
    Visitor {
        /// The site of the token.
        site: SiteId,
        /// The root of the token's visitor.
        visitor: VisitorId,
        /// The browser the token was given to.
        browser: BrowserId,
        /// Whether the identity was proven: then all chats of the root are theirs.
        signed: bool,
    },
    /// A signed-in agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// What they may do.
        role: Role,
        /// The sites they work for.
        sites: Vec<SiteId>,
    },
    /// A program with an API key.
    ApiKey {
        /// The site of the key.
        site: SiteId,
        /// What the key is good for.
        scopes: Vec<Scope>,
        /// Whom it acts as: who is named as the author of what it writes.
        agent: Option<AgentId>,
    },
    /// Who holds the one-time setup link.
    Setup,
    /// Parlor itself: the scheduler, the fan-out, the command line.
    System,
    /// Who has shown nothing. Refused everywhere, rather than a missing value that skips the check.
    Nobody,
}

/// What an API key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `web:tracking:sdk`: tracking calls, and nothing else; such a key stands in public pages.
    WebTracking,
    /// `chats:read`: chats, their events, the feed of updates.
    ReadChats,
    /// `chats:write`: what an agent does in a chat.
    WriteChats,
    /// `visitors:read`: visitors as agents see them.
    ReadVisitors,
    /// `visitors:write`: change, ban and disconnect visitors, send greetings.
    WriteVisitors,
    /// `settings:write`: groups, greetings, forms, canned replies.
    WriteSettings,
}

impl Scope {
    /// All scopes, for forms and tables.
    pub const ALL: [Self; 6] = [
        Self::WebTracking,
        Self::ReadChats,
        Self::WriteChats,
        Self::ReadVisitors,
        Self::WriteVisitors,
        Self::WriteSettings,
    ];

    /// The word in the database and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebTracking => "web:tracking:sdk",
            Self::ReadChats => "chats:read",
            Self::WriteChats => "chats:write",
            Self::ReadVisitors => "visitors:read",
            Self::WriteVisitors => "visitors:write",
            Self::WriteSettings => "settings:write",
        }
    }

    /// The scope with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Begin the chat of a visitor. Object: the visitor.
    StartChat,
    /// Read a chat, its threads, events and users.
    ReadChat,
    /// Read what only agents may see of a chat: notes, and the unread count of the agents.
    ReadNotes,
    /// Write a message or system message that everybody in the chat sees.
    SendEvent,
    /// Write an internal note.
    SendNote,
    /// Change what a message of an agent says.
    EditEvent,
    /// Open a new thread of a chat.
    OpenThread,
    /// Close the open thread.
    CloseThread,
    /// Say how far one has seen a chat.
    MarkSeen,
    /// Show that one is typing, or what.
    Type,
    /// Change properties of a chat, a thread or an event.
    ChangeProperties,
    /// Take a chat, give it to somebody or give it back.
    AssignChat,
    /// Read which groups answer. Object: the site.
    ReadGroups,
    /// Read which chats of a site changed. Object: the site.
    ReadInbox,
    /// List and watch the visitors of a site. Object: the site.
    ReadVisitors,
    /// Read one visitor's profile.
    ReadVisitor,
    /// Change one visitor's profile.
    UpdateVisitor,
    /// Delete a visitor with everything that is theirs.
    DeleteVisitor,
    /// Record what a visitor does. Object: the site.
    Track,
    /// Read the settings of a site.
    ReadSite,
    /// Change the settings of a site.
    ChangeSite,
    /// Make and revoke API keys of a site.
    ManageKeys,
    /// See who answers. Object: the site.
    ReadAgents,
    /// Invite, change, deactivate an agent. Object: the agent.
    ManageAgent,
    /// Change one's own profile, password, status and logins. Object: the agent.
    ChangeOwnAccount,
    /// Say whether one takes new chats. Object: the agent, or the agent that a key acts as.
    SetOwnStatus,
    /// Make the first owner and site. Object: the instance.
    SetUp,
    /// Upload a file that an event may use later. Object: the site.
    Upload,
    /// Ban a visitor, lift a ban, end their sockets. Object: the visitor.
    BanVisitor,
    /// Send a greeting by hand. Object: the visitor.
    SendGreeting,
    /// Accept or cancel a greeting that one was sent. Object: the visitor.
    AnswerGreeting,
    /// Read which forms a site asks visitors to fill in. Object: the site.
    ReadForms,
    /// Leave a ticket. Object: the site.
    SendTicket,
    /// Read the tickets of a site. Object: the site.
    ReadTickets,
    /// Close, reopen, assign a ticket. Object: the site.
    ChangeTicket,
    /// Use the canned replies of a site. Object: the site.
    ReadCannedReplies,
    /// Make, change and delete groups, greetings, forms and canned replies. Object: the site.
    ConfigureChat,
}

/// The loaded row that will be used: not an id from a request.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A chat.
    Chat(&'a Chat),
    /// A site.
    Site(SiteId),
    /// A visitor.
    Visitor {
        /// Its site.
        site: SiteId,
        /// What it is merged into, or itself.
        root: VisitorId,
    },
    /// An agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// The role they have, or would get where that is higher.
        role: Role,
    },
    /// The whole installation.
    Instance,
}

impl Action {
    /// All actions, for tests and tables.
    pub const ALL: [Self; 37] = [
        Self::StartChat,
        Self::ReadChat,
        Self::ReadNotes,
        Self::SendEvent,
        Self::SendNote,
        Self::EditEvent,
        Self::OpenThread,
        Self::CloseThread,
        Self::MarkSeen,
        Self::Type,
        Self::ChangeProperties,
        Self::AssignChat,
        Self::ReadGroups,
        Self::ReadInbox,
        Self::ReadVisitors,
        Self::ReadVisitor,
        Self::UpdateVisitor,
        Self::DeleteVisitor,
        Self::Track,
        Self::ReadSite,
        Self::ChangeSite,
        Self::ManageKeys,
        Self::ReadAgents,
        Self::ManageAgent,
        Self::ChangeOwnAccount,
        Self::SetOwnStatus,
        Self::SetUp,
        Self::Upload,
        Self::BanVisitor,
        Self::SendGreeting,
        Self::AnswerGreeting,
        Self::ReadForms,
        Self::SendTicket,
        Self::ReadTickets,
        Self::ChangeTicket,
        Self::ReadCannedReplies,
        Self::ConfigureChat,
    ];
}

/// Proof that [`authorize`] said yes: to whom, for what, on which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    subject: Subject,
    action: Action,
    object: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Chat(ChatId),
    Site(SiteId),
    Visitor(SiteId, VisitorId),
    Agent(AgentId),
    Instance,
}

impl Permit {
    /// Who it was given to.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What it allows.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// The chat it is about.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] unless it allows one of these actions on a chat.
    pub fn chat(&self, actions: &[Action]) -> Result<ChatId, Refusal> {
        match self.object {
            Named::Chat(chat) if actions.contains(&self.action) => Ok(chat),
            Named::Chat(_)
            | Named::Site(_)
            | Named::Visitor(..)
            | Named::Agent(_)
            | Named::Instance => Err(Refusal::NotAllowed),
        }
    }

    /// The site it is about.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] unless it allows one of these actions on a site.
    pub fn site(&self, actions: &[Action]) -> Result<SiteId, Refusal> {
        match self.object {
            Named::Site(site) if actions.contains(&self.action) => Ok(site),
            Named::Chat(_)
            | Named::Site(_)
            | Named::Visitor(..)
            | Named::Agent(_)
            | Named::Instance => Err(Refusal::NotAllowed),
        }
    }

    /// The site and the root of the visitor it is about.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] unless it allows one of these actions on a visitor.
    pub fn visitor(&self, actions: &[Action]) -> Result<(SiteId, VisitorId), Refusal> {
        match self.object {
            Named::Visitor(site, root) if actions.contains(&self.action) => Ok((site, root)),
            Named::Chat(_)
            | Named::Site(_)
            | Named::Visitor(..)
            | Named::Agent(_)
            | Named::Instance => Err(Refusal::NotAllowed),
        }
    }

    /// The agent it is about.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] unless it allows one of these actions on an agent.
    pub fn agent(&self, actions: &[Action]) -> Result<AgentId, Refusal> {
        match self.object {
            Named::Agent(agent) if actions.contains(&self.action) => Ok(agent),
            Named::Chat(_)
            | Named::Site(_)
            | Named::Visitor(..)
            | Named::Agent(_)
            | Named::Instance => Err(Refusal::NotAllowed),
        }
    }

    /// Who writes under this permit, in a chat begun by `visitor`: the author never comes from a request.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] for subjects that do not write into chats.
    pub const fn author(&self, visitor: VisitorId) -> Result<Author, Refusal> {
        match &self.subject {
            Subject::Visitor { .. } => Ok(Author::Visitor(visitor)),
            Subject::Agent { agent, .. } => Ok(Author::Agent(*agent)),
            Subject::ApiKey {
                agent: Some(agent), ..
            } => Ok(Author::Agent(*agent)),
            Subject::System => Ok(Author::System),
            Subject::ApiKey { agent: None, .. } | Subject::Setup | Subject::Nobody => {
                Err(Refusal::NotAllowed)
            }
        }
    }
}

/// Decides. An object that the subject may not know of is not found; one it may know of is not allowed.
///
/// # Errors
/// [`Refusal::Authentication`] for nobody, [`Refusal::NotFound`] where existence is itself a secret,
/// [`Refusal::NotAllowed`] otherwise.
pub fn authorize(subject: &Subject, action: Action, object: Object<'_>) -> Result<Permit, Refusal> {
    if *subject == Subject::Nobody {
        return Err(Refusal::Authentication);
    }
    if !knows(subject, object) {
        return Err(Refusal::NotFound(match object {
            Object::Chat(_) => "chat",
            Object::Site(_) => "site",
            Object::Visitor { .. } => "visitor",
            Object::Agent { .. } => "agent",
            Object::Instance => "page",
        }));
    }
    if !may(subject, action, object) {
        return Err(Refusal::NotAllowed);
    }
    let object = match object {
        Object::Chat(chat) => Named::Chat(chat.id),
        Object::Site(site) => Named::Site(site),
        Object::Visitor { site, root } => Named::Visitor(site, root),
        Object::Agent { agent, .. } => Named::Agent(agent),
        Object::Instance => Named::Instance,
    };
    Ok(Permit {
        subject: subject.clone(),
        action,
        object,
    })
}

#[cfg(test)]
mod tests;
