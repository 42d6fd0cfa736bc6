//! A site with agents and visitors, for tests of chats.

use parlor::clock::Clock;
use parlor::db::{Db, Error, Lane, Result, Tx};
use parlor::domain::Refusal;
use parlor::domain::agent::{Email, Role};
use parlor::domain::chat::Chat;
use parlor::domain::context::Context;
use parlor::domain::event::{Event, NewEvent, Recipients};
use parlor::domain::ids::{AgentId, BrowserId, ChatId, LoginId, SiteId, VisitorId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::domain::site::SiteSettings;
use parlor::store::chats::{self, Opened, Opening};
use parlor::store::events::{self, Appended, Slot};
use parlor::store::{agent_connections, agents, sites, visitors};

/// One site; agents and visitors are added as a test needs them.
#[derive(Clone)]
pub struct House {
    pub db: Db,
    pub clock: Clock,
    pub site: SiteId,
}

impl House {
    pub fn new(db: &Db, clock: &Clock) -> Self {
        let now = clock.now();
        let site = db
            .write_blocking(Lane::Chat, move |tx| {
                let new = sites::NewSite {
                    name: "Tea Shop",
                    origins: &[],
                    settings: &SiteSettings::default(),
                };
                Ok(sites::create(tx, &new, now)?.id)
            })
            .expect("a site is made");
        Self {
            db: db.clone(),
            clock: clock.clone(),
            site,
        }
    }

    /// Runs a transaction, telling it the time.
    pub fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Tx, i64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let now = self.clock.now();
        self.db.write_blocking(Lane::Chat, move |tx| work(tx, now))
    }

    pub fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> T {
        self.db.read_blocking(work).expect("a read succeeds")
    }

    /// An agent of the site with this name.
    pub fn agent(&self, name: &'static str) -> Subject {
        let site = self.site;
        let agent = self
            .write(move |tx, now| {
                let email = Email::parse(&format!("{name}@example.org"))?;
                let new = agents::NewAgent {
                    name,
                    email: &email,
                    password_hash: "",
                    role: Role::Agent,
                };
                agents::create(tx, &new, &[site], now)
            })
            .expect("an agent is made");
        Subject::Agent {
            agent,
            role: Role::Agent,
            sites: vec![site],
        }
    }

    /// Opens a dashboard of this agent on node 0.
    pub fn connect(&self, agent: &Subject) {
        let agent = agent_id(agent);
        self.write(move |tx, now| {
            if tx.dialect() == parlor::db::Dialect::Postgres {
                parlor::store::nodes::take(tx, "test", 3_600_000)?;
            }
            agent_connections::connect(tx, agent, LoginId(1), 0, now)
        })
        .expect("an agent connects");
    }

    /// A new anonymous visitor in a browser of its own.
    pub fn visitor(&self) -> Subject {
        let site = self.site;
        let (visitor, browser) = self
            .write(move |tx, now| {
                let new = visitors::NewVisitor {
                    site,
                    context: &Context::default(),
                    seen_at: now,
                };
                let visitor = visitors::create(tx, &new, now)?;
                Ok((visitor, BrowserId(tx.new_id(now))))
            })
            .expect("a visitor is made");
        Subject::Visitor {
            site,
            visitor,
            browser,
            signed: false,
        }
    }

    /// Begins the chat of a visitor with these events.
    pub fn start(&self, visitor: &Subject, events: &[NewEvent]) -> Result<Opened> {
        let (subject, events) = (visitor.clone(), events.to_vec());
        self.write(move |tx, now| {
            let permit = may_start(&subject)?;
            let opening = Opening {
                events: events.clone(),
                ..Opening::default()
            };
            chats::start(tx, &permit, &opening, now)
        })
    }

    /// A chat that the visitor began with "Hello".
    pub fn chat(&self, visitor: &Subject) -> ChatId {
        self.start(visitor, &[message("Hello")])
            .expect("a chat begins")
            .chat
            .id
    }

    /// Opens a further thread.
    pub fn activate(&self, who: &Subject, chat: ChatId, events: &[NewEvent]) -> Result<Opened> {
        let events = events.to_vec();
        self.with(who, Action::OpenThread, chat, move |tx, permit, now| {
            let opening = Opening {
                events: events.clone(),
                ..Opening::default()
            };
            chats::activate(tx, permit, &opening, now)
        })
    }

    pub fn close(&self, who: &Subject, chat: ChatId) -> Result<Chat> {
        self.with(who, Action::CloseThread, chat, chats::close)
    }

    pub fn take(&self, who: &Subject, chat: ChatId) -> Result<Chat> {
        self.with(who, Action::AssignChat, chat, chats::take)
    }

    pub fn send(&self, who: &Subject, chat: ChatId, new: &NewEvent) -> Result<Appended> {
        let action = match new.recipients() {
            Recipients::All => Action::SendEvent,
            Recipients::Agents => Action::SendNote,
        };
        let new = new.clone();
        self.with(who, action, chat, move |tx, permit, now| {
            events::append(tx, permit, &new, now)
        })
    }

    /// Sends a text without a custom id.
    pub fn say(&self, who: &Subject, chat: ChatId, text: &str) -> Event {
        self.send(who, chat, &message(text))
            .expect("a message is stored")
            .event
    }

    /// All places of a chat as somebody sees them.
    pub fn slots(&self, who: &Subject, chat: ChatId) -> Vec<Slot> {
        let who = who.clone();
        self.read(move |tx| {
            let (_, permit) = chats::authorized(tx, &who, Action::ReadChat, chat)?;
            let mut slots = Vec::new();
            loop {
                let last = slots.last().map_or(0, Slot::seq);
                let page = events::after(tx, &permit, last, events::MAX_PAGE)?;
                if page.is_empty() {
                    return Ok(slots);
                }
                slots.extend(page);
            }
        })
    }

    /// All events of a chat.
    pub fn events(&self, chat: ChatId) -> Vec<Event> {
        let event = |slot| match slot {
            Slot::Event(event) => *event,
            Slot::Hidden { seq } => panic!("{seq} is hidden from the system"),
        };
        let slots = self.slots(&Subject::System, chat);
        slots.into_iter().map(event).collect()
    }

    /// The kinds of all events of a chat, in order.
    pub fn kinds(&self, chat: ChatId) -> Vec<&'static str> {
        let events = self.events(chat);
        events.iter().map(|e| e.body.kind().as_str()).collect()
    }

    /// A chat as it stands.
    pub fn row(&self, chat: ChatId) -> Chat {
        self.read(move |tx| {
            let system = Subject::System;
            Ok(chats::authorized(tx, &system, Action::ReadChat, chat)?.0)
        })
    }

    /// Runs a change of a chat under a permit.
    pub fn with<T: Send + 'static>(
        &self,
        who: &Subject,
        action: Action,
        chat: ChatId,
        mut work: impl FnMut(&mut dyn Tx, &Permit, i64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let who = who.clone();
        self.write(move |tx, now| {
            let (_, permit) = chats::authorized(tx, &who, action, chat)?;
            work(tx, &permit, now)
        })
    }
}

/// A message without a custom id.
pub fn message(text: &str) -> NewEvent {
    NewEvent::message(text).expect("a message")
}

/// A message with a custom id.
pub fn sent(custom_id: &str, text: &str) -> NewEvent {
    message(text)
        .with_custom_id(custom_id)
        .expect("a custom id")
}

pub fn may_start(visitor: &Subject) -> Result<Permit> {
    let Subject::Visitor {
        site,
        visitor: root,
        ..
    } = *visitor
    else {
        panic!("only visitors begin chats");
    };
    Ok(authorize(
        visitor,
        Action::StartChat,
        Object::Visitor { site, root },
    )?)
}

pub fn agent_id(subject: &Subject) -> AgentId {
    match subject {
        Subject::Agent { agent, .. } => *agent,
        other => panic!("{other:?} is no agent"),
    }
}

pub fn visitor_id(subject: &Subject) -> VisitorId {
    match subject {
        Subject::Visitor { visitor, .. } => *visitor,
        other => panic!("{other:?} is no visitor"),
    }
}

/// The same browser with a proven identity of this root.
pub fn signed(subject: &Subject, root: VisitorId) -> Subject {
    match *subject {
        Subject::Visitor { site, browser, .. } => Subject::Visitor {
            site,
            visitor: root,
            browser,
            signed: true,
        },
        ref other => panic!("{other:?} is no visitor"),
    }
}

/// What a refused job was refused for.
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
