//! The table of action × subject × owner of the object.

use super::*;
use crate::domain::properties::Properties;

const SITE: SiteId = SiteId(1);
const OTHER_SITE: SiteId = SiteId(2);

fn chat() -> Chat {
    Chat {
        id: ChatId(100),
        site: SITE,
        visitor: VisitorId(10),
        root: VisitorId(11),
        browser: BrowserId(12),
        last_seq: 0,
        is_active: false,
        thread: None,
        agent: None,
        group: None,
        group_number: 0,
        waiting_since: None,
        last_event_at: 0,
        last_text: String::new(),
        last_author: String::new(),
        visitor_seen_seq: 0,
        agent_seen_seq: 0,
        properties: Properties::default(),
        created_at: 0,
        changed_at: 0,
        read_at_seq: 0,
    }
}

const fn visitor(site: SiteId, root: i64, browser: i64, signed: bool) -> Subject {
    Subject::Visitor {
        site,
        visitor: VisitorId(root),
        browser: BrowserId(browser),
        signed,
    }
}

fn agent(role: Role, sites: &[SiteId]) -> Subject {
    Subject::Agent {
        agent: AgentId(7),
        role,
        sites: sites.to_vec(),
    }
}

fn key(site: SiteId, scope: Scope) -> Subject {
    Subject::ApiKey {
        site,
        scopes: vec![scope],
        agent: Some(AgentId(7)),
    }
}

#[test]
fn an_unsigned_browser_sees_the_chats_it_began_and_a_signed_one_those_of_its_root() {
    let chat = chat();
    for (subject, sees) in [
        (visitor(SITE, 11, 12, false), true),
        (visitor(SITE, 99, 12, false), true),
        (visitor(SITE, 11, 99, false), false),
        (visitor(SITE, 11, 99, true), true),
        (visitor(SITE, 10, 99, true), false),
        (visitor(SITE, 99, 12, true), false),
        (visitor(OTHER_SITE, 11, 12, true), false),
        (visitor(OTHER_SITE, 11, 12, false), false),
    ] {
        let got = authorize(&subject, Action::ReadChat, Object::Chat(&chat));
        if sees {
            assert_eq!(got.unwrap().chat(&[Action::ReadChat]), Ok(chat.id));
        } else {
            assert_eq!(got, Err(Refusal::NotFound("chat")), "{subject:?}");
        }
    }
}

#[test]
fn a_permit_is_good_for_its_action_and_object_only() {
    let chat = chat();
    let agent = agent(Role::Agent, &[SITE]);

    let permit = authorize(&agent, Action::ReadChat, Object::Chat(&chat)).unwrap();

    assert_eq!(
        permit.chat(&[Action::SendEvent, Action::SendNote]),
        Err(Refusal::NotAllowed)
    );
    assert_eq!(permit.site(&[Action::ReadChat]), Err(Refusal::NotAllowed));
    assert_eq!(
        permit.visitor(&[Action::ReadChat]),
        Err(Refusal::NotAllowed)
    );
    assert_eq!(permit.agent(&[Action::ReadChat]), Err(Refusal::NotAllowed));
    assert_eq!(permit.author(chat.visitor), Ok(Author::Agent(AgentId(7))));
}

/// Who may do each action to an object of their own site, as one letter a subject:
/// v visitor, a agent, A admin, O owner, s setup, S system; keys with one scope: t tracking, r and w chats,
/// i and I visitors, c settings.
#[test]
fn every_action_is_decided_for_every_subject() {
    let chat = chat();
    let subjects = [
        ('v', visitor(SITE, 11, 12, false)),
        ('a', agent(Role::Agent, &[SITE])),
        ('A', agent(Role::Admin, &[SITE])),
        ('O', agent(Role::Owner, &[SITE])),
        ('t', key(SITE, Scope::WebTracking)),
        ('r', key(SITE, Scope::ReadChats)),
        ('w', key(SITE, Scope::WriteChats)),
        ('i', key(SITE, Scope::ReadVisitors)),
        ('I', key(SITE, Scope::WriteVisitors)),
        ('c', key(SITE, Scope::WriteSettings)),
        ('s', Subject::Setup),
        ('S', Subject::System),
        ('n', Subject::Nobody),
    ];
    for action in Action::ALL {
        let (object, want) = match action {
            Action::StartChat | Action::AnswerGreeting => (own_visitor(), "v"),
            Action::ReadChat => (Object::Chat(&chat), "vaAOrS"),
            Action::SendEvent
            | Action::OpenThread
            | Action::CloseThread
            | Action::ChangeProperties => (Object::Chat(&chat), "vaAOwS"),
            Action::MarkSeen | Action::Type => (Object::Chat(&chat), "vaAOw"),
            Action::ReadNotes => (Object::Chat(&chat), "aAOrS"),
            Action::AssignChat => (Object::Chat(&chat), "aAOwS"),
            Action::SendNote | Action::EditEvent => (Object::Chat(&chat), "aAOw"),
            Action::ReadGroups | Action::ReadForms => (Object::Site(SITE), "vaAOrS"),
            Action::Upload => (Object::Site(SITE), "vaAOw"),
            Action::SendTicket => (Object::Site(SITE), "vaAOwS"),
            Action::ReadInbox
            | Action::ReadSite
            | Action::ReadAgents
            | Action::ReadTickets
            | Action::ReadCannedReplies => (Object::Site(SITE), "aAOrS"),
            Action::ChangeTicket => (Object::Site(SITE), "aAOw"),
            Action::ReadVisitors => (Object::Site(SITE), "aAOiS"),
            Action::ReadVisitor => (own_visitor(), "vaAOiS"),
            Action::UpdateVisitor => (own_visitor(), "vaAOIS"),
            Action::BanVisitor | Action::SendGreeting => (own_visitor(), "aAOIS"),
            Action::DeleteVisitor => (own_visitor(), "AOS"),
            Action::Track => (Object::Site(SITE), "vtS"),
            Action::ConfigureChat => (Object::Site(SITE), "AOcS"),
            Action::ChangeSite | Action::ManageKeys => (Object::Site(SITE), "AOS"),
            Action::ManageAgent => (some_agent(Role::Admin), "AOS"),
            Action::ChangeOwnAccount => (some_agent(Role::Agent), "aAO"),
            Action::SetOwnStatus => (some_agent(Role::Agent), "aAOw"),
            Action::SetUp => (Object::Instance, "s"),
        };
        let allowed: String = subjects
            .iter()
            .filter(|(_, subject)| authorize(subject, action, object).is_ok())
            .map(|(letter, _)| *letter)
            .collect();
        assert_eq!(allowed, want, "{action:?}");
    }
}

#[test]
fn no_action_reaches_an_object_of_another_site() {
    let chat = chat();
    let subjects = [
        visitor(OTHER_SITE, 11, 12, true),
        agent(Role::Owner, &[OTHER_SITE]),
        agent(Role::Owner, &[]),
        key(OTHER_SITE, Scope::ReadChats),
    ];
    let objects = [
        Object::Chat(&chat),
        Object::Site(SITE),
        own_visitor(),
        Object::Instance,
    ];
    for subject in &subjects {
        for action in Action::ALL {
            for object in objects {
                let got = authorize(subject, action, object);
                assert!(
                    matches!(got, Err(Refusal::NotFound(_))),
                    "{subject:?} {action:?} {object:?}"
                );
            }
        }
    }
}

#[test]
fn an_action_on_the_wrong_kind_of_object_is_refused_even_to_the_system() {
    let chat = chat();
    for action in Action::ALL {
        let allowed = [
            Object::Chat(&chat),
            Object::Site(SITE),
            own_visitor(),
            some_agent(Role::Agent),
            Object::Instance,
        ]
        .into_iter()
        .filter(|object| authorize(&Subject::System, action, *object).is_ok())
        .count();
        assert!(allowed <= 1, "{action:?}");
    }
}

#[test]
fn a_key_sets_the_status_of_its_own_agent_and_no_other() {
    let other = Object::Agent {
        agent: AgentId(9),
        role: Role::Agent,
    };
    let writing = key(SITE, Scope::WriteChats);
    let of_nobody = Subject::ApiKey {
        site: SITE,
        scopes: vec![Scope::WriteChats],
        agent: None,
    };

    let own = some_agent(Role::Agent);
    assert!(authorize(&writing, Action::SetOwnStatus, own).is_ok());
    for (subject, object) in [(&writing, other), (&of_nobody, own), (&of_nobody, other)] {
        assert_eq!(
            authorize(subject, Action::SetOwnStatus, object),
            Err(Refusal::NotFound("agent"))
        );
    }
    assert!(authorize(&writing, Action::ChangeOwnAccount, own).is_err());
}

#[test]
fn agents_change_themselves_and_only_owners_touch_owners() {
    let other = Object::Agent {
        agent: AgentId(8),
        role: Role::Owner,
    };
    let admin = agent(Role::Admin, &[SITE]);
    let owner = agent(Role::Owner, &[SITE]);

    assert!(authorize(&admin, Action::ManageAgent, other).is_err());
    assert!(authorize(&owner, Action::ManageAgent, other).is_ok());
    assert!(authorize(&owner, Action::ChangeOwnAccount, other).is_err());
    assert_eq!(
        Scope::parse(Scope::WebTracking.as_str()),
        Some(Scope::WebTracking)
    );
    assert_eq!(Scope::parse("web"), None);
}

const fn own_visitor() -> Object<'static> {
    Object::Visitor {
        site: SITE,
        root: VisitorId(11),
    }
}

const fn some_agent(role: Role) -> Object<'static> {
    Object::Agent {
        agent: AgentId(7),
        role,
    }
}
