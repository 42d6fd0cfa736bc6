//! Greetings in the store: their order, who gets which when, and that every state is counted once.

use parlor::db::Error;
use parlor::domain::Refusal;
use parlor::domain::agent::Role;
use parlor::domain::event::NewEvent;
use parlor::domain::greeting::{Condition, Draft, EndReason, How, Pattern, Rules};
use parlor::domain::ids::{BrowserId, GreetingId, SiteId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::store::bans::{self, NewBan};
use parlor::store::due_greetings::{self, Due, Guest, ToldPage};
use parlor::store::greetings::{self, Counted, Direction, Greeting};
use parlor::store::invitations::{self, Invitation, Reaction};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, refusal, visitor_id};

/// Somebody who may set up greetings of the house.
pub fn admin(site: SiteId) -> Subject {
    Subject::Agent {
        agent: parlor::domain::ids::AgentId(1),
        role: Role::Admin,
        sites: vec![site],
    }
}

pub fn permit(who: &Subject, action: Action, site: SiteId) -> Permit {
    authorize(who, action, Object::Site(site)).unwrap()
}

pub fn draft(name: &str, all: Vec<Condition>) -> Draft {
    Draft {
        name: name.into(),
        is_enabled: true,
        rules: Rules { all },
        content: NewEvent::message("May we help?")
            .unwrap()
            .body()
            .unwrap()
            .clone(),
        group: None,
        agent: None,
    }
}

pub fn url(text: &str) -> Condition {
    Condition::Url(Pattern::new("url", How::Contains, text).unwrap())
}

pub fn on_page(at_least_s: u32) -> Condition {
    Condition::TimeOnPage { at_least_s }
}

pub fn create(house: &House, draft: Draft) -> Greeting {
    try_create(house, draft).unwrap()
}

fn try_create(house: &House, draft: Draft) -> Result<Greeting, Error> {
    let site = house.site;
    house.write(move |tx, now| {
        let permit = permit(&admin(site), Action::ConfigureChat, site);
        greetings::create(tx, &permit, &draft, now)
    })
}

pub fn counted(house: &House, id: GreetingId) -> Counted {
    let site = house.site;
    house.read(move |tx| {
        let permit = permit(&admin(site), Action::ReadSite, site);
        Ok(greetings::get(tx, &permit, id)?.counted)
    })
}

/// A visitor with a browser: those of the house name none, as crawlers do.
fn person(house: &House) -> Subject {
    let visitor = house.visitor();
    people_only(house);
    visitor
}

/// Makes everybody a person.
pub fn people_only(house: &House) {
    house
        .write(|tx, _| tx.exec("update visitors set is_bot = 0", &[]))
        .unwrap();
}

/// A guest who looks at a page since now.
pub fn guest(house: &House, visitor: &Subject, page: &str) -> Guest {
    let Subject::Visitor {
        site,
        visitor,
        browser,
        ..
    } = *visitor
    else {
        panic!("only visitors are greeted");
    };
    Guest {
        site,
        visitor,
        root: visitor,
        browser,
        page: Some(ToldPage {
            url: page.into(),
            at: house.clock.now(),
            since: house.clock.now(),
            pages: 1,
            ..ToldPage::default()
        }),
    }
}

fn look(house: &House, guest: &Guest) -> Due {
    let (guest, now) = (guest.clone(), house.clock.now());
    house.read(move |tx| {
        let all = greetings::of_site(tx, guest.site)?;
        due_greetings::look(tx, &guest, &all, now)
    })
}

/// Whether something may be due that long after the guest's page was opened; the clock has run on since.
fn waits(house: &House, guest: &Guest, ms: i64) -> bool {
    match look(house, guest) {
        Due::After(left) => left <= ms && left > ms - 10_000,
        Due::Now(_) | Due::Nothing => false,
    }
}

pub fn send_due(house: &House, guest: &Guest) -> Option<Invitation> {
    let guest = guest.clone();
    house
        .write(move |tx, now| {
            let all = greetings::of_site(tx, guest.site)?;
            due_greetings::send_due(tx, &guest, &all, now)
        })
        .unwrap()
}

fn open(house: &House, browser: BrowserId) -> Option<Invitation> {
    let now = house.clock.now();
    house.read(move |tx| invitations::open(tx, browser, now))
}

fn react(
    house: &House,
    visitor: &Subject,
    unique_id: &str,
    reaction: Reaction,
) -> Result<bool, Error> {
    let (visitor, unique_id) = (visitor.clone(), unique_id.to_owned());
    house.write(move |tx, now| {
        let Subject::Visitor {
            site,
            visitor: root,
            ..
        } = visitor
        else {
            panic!("only visitors react");
        };
        let object = Object::Visitor { site, root };
        let permit = authorize(&visitor, Action::AnswerGreeting, object)?;
        invitations::react(tx, &permit, &unique_id, reaction, now)
    })
}

fn send(house: &House, agent: &Subject, to: &Subject, id: GreetingId) -> Result<Invitation, Error> {
    let (agent, site, root) = (agent.clone(), house.site, visitor_id(to));
    house.write(move |tx, now| {
        let permit = authorize(&agent, Action::SendGreeting, Object::Visitor { site, root })?;
        invitations::send(tx, &permit, id, now)
    })
}

fn ended(house: &House, visitor: &Subject) -> Option<EndReason> {
    let row = visitor_id(visitor);
    let newest = house.read(move |tx| invitations::newest(tx, &[row]));
    newest.unwrap().ended.map(|(_, reason)| reason)
}

#[test]
fn greetings_are_numbered_ordered_changed_and_deleted() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let site = house.site;
        let [a, b] = ["A", "B"].map(|name| create(&house, draft(name, vec![])));
        let names = |house: &House| -> Vec<String> {
            let all = house
                .read(move |tx| greetings::list(tx, &permit(&admin(site), Action::ReadSite, site)));
            all.into_iter()
                .map(|greeting| greeting.draft.name)
                .collect()
        };

        assert_eq!((a.number, b.number), (1, 2));
        for (direction, want) in [
            (Direction::Up, ["B", "A"]),
            (Direction::Up, ["B", "A"]),
            (Direction::Down, ["A", "B"]),
            (Direction::Down, ["A", "B"]),
        ] {
            house
                .write(move |tx, _| {
                    let permit = permit(&admin(site), Action::ConfigureChat, site);
                    greetings::move_by_one(tx, &permit, b.id, direction)
                })
                .unwrap();
            assert_eq!(names(&house), want, "{direction:?}");
        }
        house
            .write(move |tx, now| {
                let permit = permit(&admin(site), Action::ConfigureChat, site);
                let changed = draft(" A2 ", vec![url("/cart")]);
                greetings::update(tx, &permit, a.id, &changed, now)?;
                greetings::delete(tx, &permit, b.id, now)
            })
            .unwrap();

        assert_eq!(names(&house), ["A2"]);
        assert_eq!(
            create(&house, draft("C", vec![])).number,
            3,
            "never again 2"
        );
        let gone = house.write(move |tx, now| {
            let permit = permit(&admin(site), Action::ConfigureChat, site);
            greetings::enable(tx, &permit, b.id, true, now)
        });
        assert_eq!(refusal(gone), Refusal::NotFound("greeting"));
    });
}

#[test]
fn what_does_not_fit_is_refused_and_so_is_another_site() {
    each_engine(|db, clock| {
        let (house, other) = (House::new(db, clock), House::new(db, clock));
        let own = create(&house, draft("A", vec![]));
        let stranger = other.agent("eve");

        let nameless = try_create(&house, draft(" ", vec![]));
        let foreign_agent = Draft {
            agent: Some(agent_id(&stranger)),
            ..draft("B", vec![])
        };
        let foreign_agent = try_create(&house, foreign_agent);
        let deep = try_create(&house, draft("B", vec![on_page(90_000)]));
        let site = other.site;
        let foreign = other.write(move |tx, now| {
            let permit = permit(&admin(site), Action::ConfigureChat, site);
            greetings::update(tx, &permit, own.id, &draft("Mine", vec![]), now)
        });

        assert!(matches!(refusal(nameless), Refusal::Validation { field, .. } if field == "name"));
        assert_eq!(refusal(foreign_agent), Refusal::NotFound("agent"));
        assert!(matches!(refusal(deep), Refusal::Validation { field, .. } if field == "rules"));
        assert_eq!(refusal(foreign), Refusal::NotFound("greeting"));
        let agent = house.agent("ada");
        let denied = authorize(&agent, Action::ConfigureChat, Object::Site(house.site));
        assert_eq!(denied.unwrap_err(), Refusal::NotAllowed);
    });
}

#[test]
fn a_greeting_waits_for_its_time_and_is_sent_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let greeting = create(&house, draft("Cart", vec![url("/cart"), on_page(10)]));
        let visitor = person(&house);
        let elsewhere = guest(&house, &visitor, "https://shop.example/");
        let at_cart = guest(&house, &visitor, "https://shop.example/cart");

        assert_eq!(look(&house, &elsewhere), Due::Nothing);
        assert!(waits(&house, &at_cart, 10_000));
        clock.turn(10_000);
        assert_eq!(look(&house, &at_cart), Due::Now(greeting.id));
        let sent = send_due(&house, &at_cart).unwrap();

        assert_eq!(open(&house, at_cart.browser), Some(sent.clone()));
        assert_eq!(sent.unique_id.len(), 32);
        assert!(!sent.is_manual && sent.delivered_at.is_none());
        assert_eq!(send_due(&house, &at_cart), None);
        clock.turn(60_000);
        let later = guest(&house, &visitor, "https://shop.example/cart");
        clock.turn(10_000);
        assert_eq!(look(&house, &later), Due::Nothing, "once is enough");
        assert_eq!(counted(&house, greeting.id).sent, 1);
    });
}

#[test]
fn one_greeting_a_page_unless_one_before_it_becomes_due() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let late = create(&house, draft("Late", vec![on_page(30)]));
        let first = create(&house, draft("First", vec![]));
        let second = create(&house, draft("Second", vec![]));
        let visitor = person(&house);
        let page = guest(&house, &visitor, "https://shop.example/");

        assert_eq!(send_due(&house, &page).unwrap().greeting, first.id);
        assert!(waits(&house, &page, 30_000), "not the second");
        clock.turn(30_000);
        assert_eq!(send_due(&house, &page).unwrap().greeting, late.id);
        assert_eq!(look(&house, &page), Due::Nothing);
        clock.turn(1_000);
        let next = guest(&house, &visitor, "https://shop.example/next");

        assert_eq!(look(&house, &next), Due::Now(second.id));
        assert_eq!(counted(&house, first.id).sent, 1);
    });
}

#[test]
fn every_state_is_counted_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let greeting = create(&house, draft("A", vec![]));
        let visitor = person(&house);
        let sent = send_due(&house, &guest(&house, &visitor, "https://a.example/")).unwrap();
        let unique = sent.unique_id.as_str();
        let deliver = |invitation: &Invitation| {
            let invitation = invitation.clone();
            house
                .write(move |tx, now| invitations::deliver(tx, &invitation, now))
                .unwrap()
        };

        assert!(deliver(&sent));
        assert!(!deliver(&sent), "the second client is not the first");
        for (reaction, want) in [
            (Reaction::Shown, true),
            (Reaction::Shown, false),
            (Reaction::Accepted(None), true),
            (Reaction::Accepted(None), false),
            (Reaction::Shown, false),
        ] {
            assert_eq!(react(&house, &visitor, unique, reaction).unwrap(), want);
        }
        house.chat(&visitor);

        let once = Counted {
            sent: 1,
            seen: 1,
            accepted: 1,
            chats: 1,
        };
        assert_eq!(counted(&house, greeting.id), once);
        assert_eq!(ended(&house, &visitor), Some(EndReason::ChatStarted));
        assert!(!react(&house, &visitor, unique, Reaction::Accepted(None)).unwrap());
        assert_eq!(counted(&house, greeting.id), once);
        let row = visitor_id(&visitor);
        let shown_and_accepted = house.read(move |tx| {
            tx.int(
                "select greetings_shown * 10 + greetings_accepted from visitors where id = ?1",
                &[row.into()],
            )
        });
        assert_eq!(shown_and_accepted, 11);
    });
}

#[test]
fn a_chat_counts_the_greeting_as_seen_and_keeps_others_away() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let greeting = create(&house, draft("A", vec![]));
        create(&house, draft("B", vec![]));
        let visitor = person(&house);
        send_due(&house, &guest(&house, &visitor, "https://a.example/")).unwrap();
        clock.turn(1_000);

        let chat = house.chat(&visitor);

        let next = guest(&house, &visitor, "https://a.example/next");
        assert_eq!(look(&house, &next), Due::Nothing, "a chat is open");
        let ada = house.agent("ada");
        let refused = send(&house, &ada, &visitor, greeting.id);
        assert_eq!(refusal(refused), Refusal::Conflict("a chat is open"));
        let counts = counted(&house, greeting.id);
        assert_eq!((counts.seen, counts.accepted, counts.chats), (1, 0, 1));
        house.close(&visitor, chat).unwrap();
        assert!(matches!(look(&house, &next), Due::Now(_)));
    });
}

#[test]
fn what_is_another_browsers_or_over_is_not_found() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        create(&house, draft("A", vec![]));
        let (visitor, other) = (person(&house), person(&house));
        let sent = send_due(&house, &guest(&house, &visitor, "https://a.example/")).unwrap();
        let unique = sent.unique_id.as_str();
        let all = [
            Reaction::Shown,
            Reaction::Accepted(None),
            Reaction::Canceled,
        ];

        for reaction in all {
            let foreign = react(&house, &other, unique, reaction);
            assert_eq!(refusal(foreign), Refusal::GreetingNotFound);
            let unknown = react(&house, &visitor, "0", reaction);
            assert_eq!(refusal(unknown), Refusal::GreetingNotFound);
        }
        assert!(react(&house, &visitor, unique, Reaction::Canceled).unwrap());
        assert!(!react(&house, &visitor, unique, Reaction::Canceled).unwrap());
        let late = react(&house, &visitor, unique, Reaction::Accepted(None));

        assert_eq!(refusal(late), Refusal::GreetingNotFound);
        assert_eq!(open(&house, sent.browser), None);
    });
}

#[test]
fn an_invitation_of_yesterday_is_over() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        create(&house, draft("A", vec![]));
        let next = create(&house, draft("B", vec![]));
        let visitor = person(&house);
        let sent = send_due(&house, &guest(&house, &visitor, "https://a.example/")).unwrap();

        clock.turn(invitations::OPEN_FOR_MS);

        assert_eq!(open(&house, sent.browser), None);
        let late = react(&house, &visitor, &sent.unique_id, Reaction::Accepted(None));
        assert_eq!(refusal(late), Refusal::GreetingNotFound);
        let again = send_due(&house, &guest(&house, &visitor, "https://a.example/")).unwrap();
        assert_eq!(again.greeting, next.id);
    });
}

#[test]
fn crawlers_and_banned_visitors_are_not_greeted() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let greeting = create(&house, draft("A", vec![]));
        let ada = house.agent("ada");
        let page_of = |visitor: &Subject| guest(&house, visitor, "https://a.example/");
        let crawler = person(&house);
        let row = visitor_id(&crawler);
        house
            .write(move |tx, _| {
                tx.exec(
                    "update visitors set is_bot = 1 where id = ?1",
                    &[row.into()],
                )
            })
            .unwrap();
        assert_eq!(look(&house, &page_of(&crawler)), Due::Nothing);

        let banned = person(&house);
        let (site, root) = (house.site, visitor_id(&banned));
        let permit = authorize(&ada, Action::BanVisitor, Object::Visitor { site, root }).unwrap();
        house
            .write(move |tx, now| bans::ban(tx, &permit, &NewBan::default(), now))
            .unwrap();
        assert_eq!(look(&house, &page_of(&banned)), Due::Nothing);
        let refused = send(&house, &ada, &banned, greeting.id);
        assert_eq!(refusal(refused), Refusal::Banned);
    });
}
