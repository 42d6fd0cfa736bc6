//! Agents who vanish or are deactivated, and threads that stay silent.

use parlor::domain::agent::Role;
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::agents;
use parlor::store::chats;

use super::invariants;
use crate::support::each_engine;
use crate::support::house::{House, agent_id};

#[test]
fn an_agent_who_vanishes_loses_what_they_have_not_answered() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 5);
        let (answered, unanswered) = (house.new_chat(), house.new_chat());
        house.say(&ada, answered, "Good morning");
        let bob = house.agent("Bob");
        house.set_max(&bob, 1);

        house.vanish(&ada);
        house.route();
        clock.turn(59_000);
        house.route();
        assert_eq!(
            house.owner(unanswered),
            Some(agent_id(&ada)),
            "still in time"
        );
        clock.turn(2_000);
        house.route();

        assert_eq!(house.owner(answered), Some(agent_id(&ada)));
        assert_eq!(house.owner(unanswered), None);
        assert_eq!(
            house.lines(unanswered),
            ["agent_joined", "routing.unassigned_disconnected"]
        );
        house.come_back(&bob);
        house.route();
        assert_eq!(house.owner(unanswered), Some(agent_id(&bob)));
        invariants::check(&house);
    });
}

#[test]
fn who_comes_back_in_time_keeps_everything() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 5);
        let chat = house.new_chat();

        house.vanish(&ada);
        house.route();
        clock.turn(50_000);
        house.come_back(&ada);
        house.route();
        house.vanish(&ada);
        clock.turn(50_000);
        house.route();

        assert_eq!(house.owner(chat), Some(agent_id(&ada)));
    });
}

#[test]
fn a_deactivated_agent_loses_all_chats_at_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 5);
        let (answered, open) = (house.new_chat(), house.new_chat());
        house.say(&ada, answered, "Good morning");
        let bob = house.at_desk("Bob", 1);
        let id = agent_id(&ada);

        house
            .write(move |tx, now| {
                let object = Object::Agent {
                    agent: id,
                    role: Role::Agent,
                };
                let permit = authorize(&Subject::System, Action::ManageAgent, object)?;
                agents::deactivate(tx, &permit, now)
            })
            .unwrap();
        house.route();

        let owners = [house.owner(answered), house.owner(open)];
        assert!(owners.contains(&Some(agent_id(&bob))) && owners.contains(&None));
        for chat in [answered, open] {
            let last = house.lines(chat).pop().unwrap();
            assert!(last.ends_with("_deleted"), "{last}");
        }
        invariants::check(&house);
    });
}

#[test]
fn a_thread_that_stays_silent_is_closed_and_stays_readable() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let ada = house.at_desk("Ada", 1);
        let (silent, waiting) = (house.new_chat(), house.new_chat());
        house.say(&ada, silent, "Anything else?");
        let close = || house.write(chats::close_silent).unwrap();

        clock.turn(239 * 60_000);
        assert!(!close());
        clock.turn(2 * 60_000);
        assert!(close() && !close());

        let row = house.row(silent);
        assert!(!row.is_active && row.last_text == "Anything else?");
        assert_eq!(
            house.lines(silent).last().map(String::as_str),
            Some("routing.archived_inactive")
        );
        assert!(house.row(waiting).is_active, "who waits is not silent");
        house.route();
        assert_eq!(house.owner(waiting), Some(agent_id(&ada)));
        invariants::check(&house);
    });
}
