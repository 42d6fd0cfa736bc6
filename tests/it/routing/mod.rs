//! Routing on what is stored: groups, queues, slots, transfers, agents who vanish.

mod bots;
mod invariants;
mod slots;
mod vanishing;

use parlor::db::{Result, Tx};
use parlor::domain::Refusal;
use parlor::domain::agent::Role;
use parlor::domain::event::{AssignReason, Author, Body};
use parlor::domain::ids::{AgentId, ChatId, GroupId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::domain::thread::Place;
use parlor::store::chats::{self, Opening, Target};
use parlor::store::groups::{self, Group, GroupChange, GroupSettings};
use parlor::store::{agent_connections, agents, queue, routing, sites};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, may_start, message, refusal};

impl House {
    /// An agent at the desk who takes this many chats.
    fn at_desk(&self, name: &'static str, max_chats: i64) -> Subject {
        let agent = self.agent(name);
        self.set_max(&agent, max_chats);
        self.connect(&agent);
        agent
    }

    fn set_max(&self, agent: &Subject, max_chats: i64) {
        let id = agent_id(agent);
        self.write(move |tx, now| {
            let object = Object::Agent {
                agent: id,
                role: Role::Agent,
            };
            let permit = authorize(&Subject::System, Action::ManageAgent, object)?;
            agents::set_max_chats(tx, &permit, max_chats, now)
        })
        .unwrap();
    }

    /// Closes all dashboards of an agent.
    fn vanish(&self, agent: &Subject) {
        let id = agent_id(agent);
        self.write(move |tx, _| {
            tx.exec(
                "delete from agent_connections where agent_id = ?1",
                &[id.into()],
            )
        })
        .unwrap();
    }

    /// Opens a dashboard of an agent on the node that [`House::connect`] has taken before.
    fn come_back(&self, agent: &Subject) {
        let id = agent_id(agent);
        self.write(move |tx, now| {
            let login = parlor::domain::ids::LoginId(1);
            agent_connections::connect(tx, id, login, 0, now)
        })
        .unwrap();
    }

    fn configure<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Tx, &Permit, i64) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let object = Object::Site(self.site);
        let permit = authorize(&Subject::System, Action::ConfigureChat, object).unwrap();
        self.write(move |tx, now| work(tx, &permit, now))
    }

    fn group(&self, name: &'static str, members: &[&Subject]) -> Group {
        let members: Vec<AgentId> = members.iter().map(|agent| agent_id(agent)).collect();
        self.configure(move |tx, permit, now| {
            let group = groups::create(tx, permit, name, now)?;
            let change = GroupChange {
                name: name.into(),
                settings: GroupSettings::default(),
                members: members.clone(),
            };
            groups::update(tx, permit, group.id, &change, now)?;
            Ok(group)
        })
        .unwrap()
    }

    /// A new visitor's chat in a group.
    fn chat_in(&self, group: Option<GroupId>) -> Result<ChatId> {
        let visitor = self.visitor();
        self.write(move |tx, now| {
            let opening = Opening {
                group,
                events: vec![message("Hello")],
                ..Opening::default()
            };
            let permit = may_start(&visitor)?;
            Ok(chats::start(tx, &permit, &opening, now)?.chat.id)
        })
    }

    /// A new visitor's chat in the default group.
    fn new_chat(&self) -> ChatId {
        self.chat_in(None).unwrap()
    }

    /// Routes until there is nothing to do, as the scheduler does.
    fn route(&self) {
        while self
            .write(|tx, now| {
                routing::note_gone(tx, now)?;
                routing::step(tx, now)
            })
            .unwrap()
        {}
    }

    fn place(&self, chat: ChatId) -> Option<Place> {
        self.read(move |tx| {
            let system = Subject::System;
            let (_, permit) = chats::authorized(tx, &system, Action::ReadChat, chat)?;
            queue::position(tx, &permit)
        })
    }

    fn transfer(&self, who: &Subject, chat: ChatId, to: Target) -> Result<()> {
        self.with(who, Action::AssignChat, chat, move |tx, permit, now| {
            chats::transfer(tx, permit, to, AssignReason::Manual, now).map(|_| ())
        })
    }

    fn owner(&self, chat: ChatId) -> Option<AgentId> {
        self.row(chat).agent
    }

    /// The types of all lines of Parlor's own in a chat.
    fn lines(&self, chat: ChatId) -> Vec<String> {
        let line = |body| match body {
            Body::SystemMessage {
                system_message_type,
                ..
            } => Some(system_message_type),
            _ => None,
        };
        let events = self.events(chat).into_iter();
        events.filter_map(|event| line(event.body)).collect()
    }
}

#[test]
fn chats_go_to_whoever_has_most_room_and_wait_when_nobody_has() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.at_desk("Ada", 2), house.at_desk("Bob", 1));

        let chats: Vec<ChatId> = (0..5).map(|_| house.new_chat()).collect();

        let owners: Vec<_> = chats.iter().map(|chat| house.owner(*chat)).collect();
        let (ada_id, bob_id) = (Some(agent_id(&ada)), Some(agent_id(&bob)));
        assert_eq!(owners[0], ada_id, "most room");
        assert_eq!(owners[1], bob_id, "one place each, Bob was idle longer");
        assert_eq!(owners[2..], [ada_id, None, None]);
        assert_eq!(house.place(chats[0]), None);
        assert_eq!(house.place(chats[3]).unwrap().position, 1);
        let last = house.place(chats[4]).unwrap();
        assert_eq!((last.position, last.wait_ms), (2, 60_000));
    });
}

#[test]
fn whoever_waits_longest_gets_the_slot_that_becomes_free() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 1);
        let chats: Vec<ChatId> = (0..3).map(|_| house.new_chat()).collect();

        house.close(&ada, chats[0]).unwrap();
        house.route();

        assert_eq!(house.owner(chats[1]), Some(agent_id(&ada)));
        assert_eq!(house.place(chats[2]).unwrap().position, 1);
        let late = house.new_chat();
        house.close(&ada, chats[1]).unwrap();
        let later = house.new_chat();
        assert_eq!(house.owner(later), None, "nobody passes who waits");
        house.set_max(&ada, 2);
        house.route();
        assert_eq!(house.owner(chats[2]), Some(agent_id(&ada)));
        assert_eq!(house.owner(late), Some(agent_id(&ada)));
        assert_eq!(house.place(later).unwrap().position, 1);
        let assigned =
            house
                .events(chats[2])
                .into_iter()
                .rev()
                .find_map(|e| match (e.author, e.body) {
                    (author, Body::Assigned { reason, queue, .. }) => Some((author, reason, queue)),
                    _ => None,
                });
        assert_eq!(assigned, Some((Author::System, AssignReason::Routed, None)));
    });
}

#[test]
fn a_site_that_lets_nobody_wait_refuses_chats_while_it_is_offline() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let site = house.site;
        let waiting = house.new_chat();
        house
            .write(move |tx, now| {
                let object = Object::Site(site);
                let permit = authorize(&Subject::System, Action::ChangeSite, object)?;
                let mut found = sites::by_id(tx, site)?.unwrap();
                found.settings.chats_wait_while_offline = false;
                let new = sites::NewSite {
                    name: &found.name,
                    origins: &found.origins,
                    settings: &found.settings,
                };
                sites::update(tx, &permit, &new, now)
            })
            .unwrap();

        assert_eq!(refusal(house.chat_in(None)), Refusal::GroupsOffline);
        let ada = house.at_desk("Ada", 0);
        let queued = house.chat_in(None).unwrap();
        assert_eq!(house.owner(queued), None, "full is not offline");
        house.set_max(&ada, 5);
        house.route();
        assert!(house.owner(waiting).is_some() && house.owner(queued).is_some());
    });
}

#[test]
fn a_group_answers_with_its_own_people_at_its_own_hours() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (_ada, bob) = (house.at_desk("Ada", 5), house.at_desk("Bob", 5));
        let tea = house.group("Tea", &[&bob]);

        let chat = house.chat_in(Some(tea.id)).unwrap();
        assert_eq!(house.owner(chat), Some(agent_id(&bob)));
        assert_eq!(house.row(chat).group_number, tea.number);
        let unknown = house.chat_in(Some(GroupId(5)));
        assert_eq!(refusal(unknown), Refusal::GroupNotFound);

        let closed = parlor::domain::hours::Hours::parse("UTC", &[""; 7]).unwrap();
        let member = agent_id(&bob);
        let change = move |hours| GroupChange {
            name: "Tea".into(),
            settings: GroupSettings { hours },
            members: vec![member],
        };
        let close = change(Some(closed));
        house
            .configure(move |tx, permit, now| groups::update(tx, permit, tea.id, &close, now))
            .unwrap();
        let waits = house.chat_in(Some(tea.id)).unwrap();
        assert_eq!(house.owner(waits), None, "closed at this hour");
        house.route();
        assert_eq!(house.owner(waits), None);
        house
            .configure(move |tx, permit, now| {
                groups::update(tx, permit, tea.id, &change(None), now)
            })
            .unwrap();
        house.route();
        assert_eq!(house.owner(waits), Some(agent_id(&bob)));
    });
}

#[test]
fn who_waits_for_a_deleted_group_waits_for_the_default_one() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let bob = house.agent("Bob");
        let tea = house.group("Tea", &[&bob]);
        let chat = house.chat_in(Some(tea.id)).unwrap();

        let default = house
            .configure(move |tx, permit, now| {
                let default = groups::get(tx, permit, 0)?;
                let kept = groups::delete(tx, permit, default.id, now);
                assert!(matches!(refusal(kept), Refusal::Conflict(_)));
                groups::delete(tx, permit, tea.id, now)?;
                groups::list(tx, permit)
            })
            .unwrap();
        house.route();

        assert_eq!(default.len(), 1);
        assert_eq!(house.row(chat).group_number, 0);
        assert_eq!(house.place(chat).unwrap().position, 1);
        house.connect(&bob);
        house.route();
        assert_eq!(house.owner(chat), Some(agent_id(&bob)));
        let again = house.group("Coffee", &[]);
        assert_eq!(again.number, 2, "a number never names another group");
    });
}

#[test]
fn a_transfer_to_an_agent_moves_chat_slot_and_part() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.at_desk("Ada", 5), house.agent("Bob"));
        house.set_max(&bob, 1);
        let (chat, other) = (house.new_chat(), house.new_chat());
        let to = Target::Agent(agent_id(&bob));

        house.transfer(&ada, chat, to).unwrap();
        house.transfer(&ada, chat, to).unwrap();
        let full = refusal(house.transfer(&ada, other, to));
        let nobody = refusal(house.transfer(&ada, other, Target::Agent(AgentId(5))));

        assert_eq!(house.owner(chat), Some(agent_id(&bob)));
        assert!(matches!(full, Refusal::LimitReached(_)));
        assert_eq!(nobody, Refusal::NotFound("agent"));
        assert_eq!(house.owner(other), Some(agent_id(&ada)));
        assert_eq!(house.lines(chat), ["agent_joined", "chat_transferred"]);
        let kinds = house.kinds(chat);
        assert_eq!(
            kinds[kinds.len() - 4..],
            ["user_added", "assigned", "user_removed", "system_message"]
        );
        invariants::check(&house);
    });
}

#[test]
fn a_transfer_to_a_group_finds_somebody_there_or_waits_there() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.at_desk("Ada", 5), house.at_desk("Bob", 1));
        let tea = house.group("Tea", &[&bob]);
        let chat = house.new_chat();
        assert_eq!(house.owner(chat), Some(agent_id(&ada)));
        let second = house.new_chat();

        house.transfer(&ada, chat, Target::Group(tea.id)).unwrap();
        house.transfer(&ada, second, Target::Group(tea.id)).unwrap();

        assert_eq!(house.owner(chat), Some(agent_id(&bob)));
        assert_eq!(house.owner(second), None);
        assert_eq!(house.place(second).unwrap().position, 1);
        let handed = house
            .events(second)
            .into_iter()
            .rev()
            .find_map(|e| match e.body {
                Body::Assigned { group, queue, .. } => Some((e.author, group, queue)),
                _ => None,
            });
        let (by, group, queue) = handed.unwrap();
        assert_eq!((by, group), (Author::Agent(agent_id(&ada)), Some(1)));
        assert_eq!(queue.unwrap().position, 1);
        house.route();
        assert_eq!(house.owner(second), None, "Ada is not of that group");
        house.close(&bob, chat).unwrap();
        house.route();
        assert_eq!(house.owner(second), Some(agent_id(&bob)));
        invariants::check(&house);
    });
}

#[test]
fn a_chat_given_back_does_not_come_back_to_who_gave_it() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 5);
        let chat = house.new_chat();

        house.transfer(&ada, chat, Target::Routing).unwrap();
        house.route();
        assert_eq!(house.owner(chat), None);
        let bob = house.at_desk("Bob", 5);
        house.route();
        assert_eq!(house.owner(chat), Some(agent_id(&bob)));
    });
}

#[test]
fn agents_join_and_leave_beside_the_owner() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (ada, bob) = (house.at_desk("Ada", 5), house.agent("Bob"));
        let chat = house.new_chat();
        let (ada_id, bob_id) = (agent_id(&ada), agent_id(&bob));
        let join = |who: &Subject, agent| {
            house.with(who, Action::AssignChat, chat, move |tx, permit, now| {
                chats::join(tx, permit, agent, now).map(|_| ())
            })
        };
        let leave = |who: &Subject, agent| {
            house.with(who, Action::AssignChat, chat, move |tx, permit, now| {
                chats::leave(tx, permit, agent, now).map(|_| ())
            })
        };

        join(&ada, bob_id).unwrap();
        join(&ada, bob_id).unwrap();
        leave(&ada, bob_id).unwrap();
        join(&bob, bob_id).unwrap();
        leave(&bob, bob_id).unwrap();
        assert_eq!(refusal(leave(&ada, bob_id)), Refusal::NotFound("agent"));
        assert_eq!(refusal(join(&ada, AgentId(5))), Refusal::NotFound("agent"));
        leave(&ada, ada_id).unwrap();

        assert_eq!(
            house.lines(chat),
            [
                "agent_joined",
                "agent_added",
                "agent_removed",
                "agent_joined",
                "agent_left",
                "agent_left"
            ]
        );
        assert_eq!(house.owner(chat), None, "the owner left: it waits");
        invariants::check(&house);
    });
}

#[test]
fn predictions_say_who_would_get_a_chat_or_why_nobody() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let site = house.site;
        let now = clock.now();
        let predict = |number| {
            let permit = authorize(&visitor, Action::ReadGroups, Object::Site(site)).unwrap();
            house.db.read_blocking(move |tx| {
                let predicted = routing::predict(tx, &permit, number, now)?;
                Ok((predicted.agent.agent, predicted.others_wait))
            })
        };

        assert_eq!(refusal(predict(7)), Refusal::GroupNotFound);
        assert_eq!(refusal(predict(0)), Refusal::GroupOffline);
        let ada = house.at_desk("Ada", 1);
        assert_eq!(predict(0).unwrap(), (agent_id(&ada), false));
        house.new_chat();
        assert_eq!(refusal(predict(0)), Refusal::GroupUnavailable);
    });
}
