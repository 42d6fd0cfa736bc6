//! Tickets as they are stored: numbered, told from repeats, listed, found, closed, linked and cut loose.

use parlor::db::Result;
use parlor::domain::Refusal;
use parlor::domain::ids::{AgentId, TicketId, VisitorId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::domain::ticket::{NewTicket, REPEAT_MS, Ticket, TicketStatus};
use parlor::domain::visitor::VisitorKind;
use parlor::store::retention::{self, Chunk};
use parlor::store::tickets::{self, Created, Filter, Sender};
use parlor::store::visitors;
use serde_json::{Value, json};

use crate::support::each_engine;
use crate::support::house::{House, agent_id, refusal, visitor_id};

fn permit(house: &House, subject: &Subject, action: Action) -> Result<Permit> {
    Ok(authorize(subject, action, Object::Site(house.site))?)
}

fn leave(house: &House, body: &Value, sender: Sender) -> Result<Created> {
    let new = NewTicket::parse(body.as_object().unwrap())?;
    let permit = permit(house, &Subject::System, Action::SendTicket)?;
    house.write(move |tx, now| tickets::create(tx, &permit, &new, sender, now))
}

fn say(text: &str) -> Value {
    json!({"ticket_message": text})
}

fn listed(house: &House, agent: &Subject, filter: Filter) -> Vec<Ticket> {
    let permit = permit(house, agent, Action::ReadTickets).unwrap();
    house.read(move |tx| tickets::list(tx, &permit, &filter, 100))
}

fn numbers(house: &House, agent: &Subject, status: TicketStatus, search: &str) -> Vec<i64> {
    let filter = Filter {
        status,
        search: search.into(),
        after: None,
    };
    let found = listed(house, agent, filter);
    found.iter().map(|ticket| ticket.number).collect()
}

fn set_status(house: &House, who: &Subject, id: TicketId, status: TicketStatus) -> Result<()> {
    let permit = permit(house, who, Action::ChangeTicket)?;
    house.write(move |tx, now| tickets::set_status(tx, &permit, id, status, now))
}

fn assign(house: &House, who: &Subject, id: TicketId, agent: Option<AgentId>) -> Result<()> {
    let permit = permit(house, who, Action::ChangeTicket)?;
    house.write(move |tx, now| tickets::assign(tx, &permit, id, agent, now))
}

fn get(house: &House, who: &Subject, id: TicketId) -> Result<Ticket> {
    let permit = permit(house, who, Action::ReadTickets)?;
    house.write(move |tx, _| tickets::get(tx, &permit, id))
}

#[test]
fn a_repeat_is_one_ticket_and_numbers_have_no_holes() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = Sender::Claimed(visitor_id(&house.visitor()));

        let first = leave(&house, &say("Hello"), visitor).unwrap();
        let again = leave(&house, &say("Hello"), visitor).unwrap();
        let other = leave(&house, &say("Hello"), Sender::Unknown).unwrap();
        clock.turn(REPEAT_MS + 1);
        let later = leave(&house, &say("Hello"), visitor).unwrap();

        assert_eq!((first.number, first.is_duplicate), (1, false));
        assert_eq!((again.id, again.is_duplicate), (first.id, true));
        assert_eq!((other.number, later.number), (2, 3));
    });
}

#[test]
fn the_clients_own_id_tells_a_repeat_for_ever() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let body = |text| json!({"ticket_message": text, "custom_id": "c1"});

        let first = leave(&house, &body("Hello"), Sender::Unknown).unwrap();
        clock.turn(REPEAT_MS * 100);
        let again = leave(&house, &body("Hello"), Sender::Unknown).unwrap();
        let reused = leave(&house, &body("Goodbye"), Sender::Unknown);

        assert_eq!((again.id, again.is_duplicate), (first.id, true));
        assert_eq!(refusal(reused), Refusal::CustomIdReused);
    });
}

#[test]
fn parallel_tickets_get_a_number_each_and_parallel_repeats_one() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);

        let mut made: Vec<Created> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|n| {
                    let house = house.clone();
                    let body = say(&format!("Hello {}", n / 2));
                    scope.spawn(move || leave(&house, &body, Sender::Unknown).unwrap())
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });

        made.retain(|created| !created.is_duplicate);
        let mut numbers: Vec<i64> = made.iter().map(|created| created.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    });
}

#[test]
fn tickets_are_listed_by_page_and_found_by_number_address_and_subject() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agent = house.agent("Ada");
        for n in 1..=5 {
            clock.turn(1_000);
            let body = json!({"ticket_message": format!("Text {n}"), "subject": format!("Größe 10%_{n}"),
                "requester": {"mail": format!("P{n}@Example.org"), "name": "Bo"}});
            leave(&house, &body, Sender::Unknown).unwrap();
        }

        let open = TicketStatus::Open;
        assert_eq!(numbers(&house, &agent, open, ""), [5, 4, 3, 2, 1]);
        assert_eq!(numbers(&house, &agent, open, "#3"), [3]);
        assert_eq!(numbers(&house, &agent, open, "p4@EXAMPLE"), [4]);
        assert_eq!(numbers(&house, &agent, open, "GRÖSSE"), [] as [i64; 0]);
        assert_eq!(numbers(&house, &agent, open, "größe 10%_2"), [2]);
        assert_eq!(numbers(&house, &agent, open, "%"), [5, 4, 3, 2, 1]);
        assert_eq!(numbers(&house, &agent, open, "x%"), [] as [i64; 0]);
        let permit = permit(&house, &agent, Action::ReadTickets).unwrap();
        let pages = house.read(move |tx| {
            let mut filter = Filter::default();
            let mut pages = Vec::new();
            loop {
                let page = tickets::list(tx, &permit, &filter, 2)?;
                let Some(last) = page.last() else {
                    return Ok(pages);
                };
                filter.after = Some((last.updated_at, last.id));
                pages.push(page.iter().map(|t| t.number).collect::<Vec<_>>());
            }
        });
        assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
    });
}

#[test]
fn a_ticket_is_closed_reopened_and_given_to_agents_of_its_site() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let other = House::new(db, clock);
        let (ada, stranger) = (house.agent("Ada"), other.agent("Eve"));
        let id = leave(&house, &say("Hello"), Sender::Unknown).unwrap().id;

        set_status(&house, &ada, id, TicketStatus::Closed).unwrap();
        set_status(&house, &ada, id, TicketStatus::Closed).unwrap();
        assign(&house, &ada, id, Some(agent_id(&ada))).unwrap();

        let closed = get(&house, &ada, id).unwrap();
        assert_eq!(closed.status, TicketStatus::Closed);
        assert!(closed.closed_at.is_some());
        assert_eq!(closed.agent, Some(agent_id(&ada)));
        assert_eq!(numbers(&house, &ada, TicketStatus::Closed, ""), [1]);
        set_status(&house, &ada, id, TicketStatus::Open).unwrap();
        assert_eq!(get(&house, &ada, id).unwrap().closed_at, None);
        let to_stranger = assign(&house, &ada, id, Some(agent_id(&stranger)));
        assert_eq!(refusal(to_stranger), Refusal::NotFound("agent"));

        let foreign = [
            refusal(get(&other, &stranger, id)),
            refusal(set_status(&other, &stranger, id, TicketStatus::Closed)),
            refusal(assign(&other, &stranger, id, None)),
        ];
        assert_eq!(foreign, [const { Refusal::NotFound("ticket") }; 3]);
        let visitor = house.visitor();
        assert_eq!(refusal(get(&house, &visitor, id)), Refusal::NotAllowed);
    });
}

#[test]
fn a_link_is_proven_claimed_or_not_made() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let other = House::new(db, clock);
        let ada = house.agent("Ada");
        let visitor = visitor_id(&house.visitor());
        let foreign = visitor_id(&other.visitor());
        let kind = |house: &House| {
            let site = house.site;
            house.read(move |tx| Ok(visitors::get(tx, site, visitor)?.unwrap().kind))
        };

        let claimed = leave(&house, &say("1"), Sender::Claimed(visitor))
            .unwrap()
            .id;
        assert_eq!(kind(&house), VisitorKind::Anonymous);
        let proven = leave(&house, &say("2"), Sender::Proven(visitor))
            .unwrap()
            .id;
        assert_eq!(kind(&house), VisitorKind::Lead);
        let lost = leave(&house, &say("3"), Sender::Claimed(foreign))
            .unwrap()
            .id;

        let link = |id| {
            let ticket = get(&house, &ada, id).unwrap();
            (ticket.visitor, ticket.is_proven)
        };
        assert_eq!(link(claimed), (Some(visitor), false));
        assert_eq!(link(proven), (Some(visitor), true));
        assert_eq!(link(lost), (None, false));
        let permit = permit(&house, &ada, Action::ReadTickets).unwrap();
        let of_visitor = house.read(move |tx| tickets::of_visitor(tx, &permit, visitor, 10));
        assert_eq!(of_visitor.len(), 2);
        let deleted = house.write(move |tx, _| tickets::delete_of_visitor(tx, visitor));
        assert_eq!(deleted.unwrap(), 2);
        assert_eq!(numbers(&house, &ada, TicketStatus::Open, ""), [3]);
    });
}

#[test]
fn a_forgotten_visitor_leaves_the_ticket_behind() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.agent("Ada");
        let visitor: VisitorId = visitor_id(&house.visitor());
        let id = leave(&house, &say("Hello"), Sender::Claimed(visitor))
            .unwrap()
            .id;
        let (site, before) = (house.site, clock.now() + 1_000);

        house
            .write(move |tx, _| retention::delete_unseen(tx, site, before, Chunk::default()))
            .unwrap();

        let gone = house.read(move |tx| visitors::get(tx, site, visitor));
        assert_eq!(gone, None);
        let ticket = get(&house, &ada, id).unwrap();
        assert_eq!((ticket.visitor, ticket.message.as_str()), (None, "Hello"));
    });
}

#[test]
fn an_unknown_group_takes_no_ticket() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let to = |group| json!({"ticket_message": "Hello", "group": group});

        assert_eq!(
            refusal(leave(&house, &to(7), Sender::Unknown)),
            Refusal::GroupNotFound
        );
        assert_eq!(leave(&house, &to(0), Sender::Unknown).unwrap().number, 1);
    });
}
