//! Chats under many hands at once, on both engines.

use std::collections::HashSet;
use std::thread;

use parlor::db::Error;
use parlor::domain::Refusal;
use parlor::domain::permission::Subject;

use crate::support::each_engine;
use crate::support::house::{House, agent_id, message, sent, signed, visitor_id};

const HANDS: usize = 50;

#[test]
fn fifty_parallel_starts_make_one_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();

        let outcomes = at_once(HANDS, |n| {
            house.start(&visitor, &[sent(&n.to_string(), "Hello")])
        });

        let started: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().ok()).collect();
        assert_eq!(started.len(), 1, "{outcomes:?}");
        assert_eq!(refused(&outcomes, &Refusal::ChatLimitReached), HANDS - 1);
        assert_eq!(
            house.kinds(started[0].chat.id),
            ["thread_opened", "message"]
        );
    });
}

#[test]
fn fifty_browsers_of_one_proven_visitor_make_one_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let root = visitor_id(&house.visitor());
        let browsers: Vec<Subject> = (0..HANDS).map(|_| signed(&house.visitor(), root)).collect();

        let outcomes = at_once(HANDS, |n| house.start(&browsers[n], &[message("Hello")]));

        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
        assert_eq!(refused(&outcomes, &Refusal::ChatLimitReached), HANDS - 1);
    });
}

#[test]
fn one_start_sent_fifty_times_is_stored_once_and_answered_fifty_times() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();

        let outcomes = at_once(HANDS, |_| house.start(&visitor, &[sent("a", "Hello")]));

        let opened: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened.iter().filter(|o| !o.is_duplicate).count(), 1);
        let seqs: HashSet<i64> = opened.iter().map(|o| o.events[0].event.seq).collect();
        assert_eq!(seqs, HashSet::from([2]));
        assert_eq!(house.events(opened[0].chat.id).len(), 2);
    });
}

#[test]
fn fifty_agents_take_one_chat_and_one_has_it() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let chat = house.chat(&house.visitor());
        let agents: Vec<Subject> = NAMES.iter().map(|name| house.agent(name)).collect();

        let outcomes = at_once(HANDS, |n| house.take(&agents[n], chat));

        let owners: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().ok()).collect();
        assert_eq!(owners.len(), 1, "{outcomes:?}");
        let owner = house.row(chat).agent;
        assert!(agents.iter().any(|agent| Some(agent_id(agent)) == owner));
        let counted =
            house.read(|tx| tx.int("select cast(sum(active_chats) as bigint) from agents", &[]));
        assert_eq!(counted, 1);
        assert_eq!(
            house.kinds(chat)[2..],
            ["user_added", "system_message", "assigned"]
        );
    });
}

#[test]
fn eight_writers_of_one_chat_leave_no_gap() {
    const WRITERS: usize = 8;
    const EACH: usize = 20;
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);
        house.take(&agent, chat).unwrap();
        let before = house.events(chat).len();

        let seqs = at_once(WRITERS, |writer| {
            let who = if writer % 2 == 0 { &visitor } else { &agent };
            let send = |n| house.send(who, chat, &sent(&format!("{writer}-{n}"), "Tea"));
            // Each event twice: the network was slow.
            (0..EACH)
                .flat_map(|n| [send(n), send(n)])
                .map(|appended| appended.unwrap().event.seq)
                .collect::<Vec<_>>()
        });

        let events = house.events(chat);
        assert_eq!(events.len(), before + WRITERS * EACH);
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
        let distinct: HashSet<i64> = seqs.iter().flatten().copied().collect();
        assert_eq!(distinct.len(), WRITERS * EACH);
        assert!(
            seqs.iter().all(|own| own.is_sorted()),
            "an author's order is kept"
        );
        let permit = crate::chat_store_events::inbox_permit(&house);
        let inbox = house.read(move |tx| {
            tx.int("select count(*) from inbox", &[])
                .and_then(|rows| Ok((rows, parlor::store::inbox::head(tx, &permit)?)))
        });
        assert_eq!(inbox.0, inbox.1);
    });
}

#[test]
fn one_event_sent_by_many_at_once_is_stored_once() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let chat = house.chat(&visitor);

        let outcomes = at_once(HANDS, |_| house.send(&visitor, chat, &sent("x", "Tea?")));

        let appended: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert_eq!(appended.iter().filter(|a| !a.is_duplicate).count(), 1);
        assert!(appended.iter().all(|a| a.event == appended[0].event));
        assert_eq!(house.row(chat).last_seq, 3);
    });
}

#[test]
fn closing_reopening_and_writing_at_once_keeps_one_open_thread_at_most() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        let chat = house.chat(&visitor);

        let outcomes = at_once(24, |n| match n % 3 {
            0 => house.close(&agent, chat).map(|_| ()),
            1 => house
                .activate(&visitor, chat, &[message("Again")])
                .map(|_| ()),
            _ => house.send(&visitor, chat, &message("Hm")).map(|_| ()),
        });

        for outcome in outcomes {
            match outcome {
                Ok(())
                | Err(Error::Refused(Refusal::ChatInactive | Refusal::ChatAlreadyActive)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let events = house.events(chat);
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
        let open = house.read(|tx| tx.int("select count(*) from threads where is_active = 1", &[]));
        assert_eq!(open, i64::from(house.row(chat).is_active));
    });
}

/// Runs `work` on this many threads that begin together.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let gate = std::sync::Barrier::new(count);
    let (gate, work) = (&gate, &work);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                scope.spawn(move || {
                    gate.wait();
                    work(n)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a hand does not panic"))
            .collect()
    })
}

fn refused<T>(outcomes: &[Result<T, Error>], with: &Refusal) -> usize {
    outcomes
        .iter()
        .filter(|o| matches!(o, Err(Error::Refused(refusal)) if refusal == with))
        .count()
}

const NAMES: [&str; HANDS] = [
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b4", "b5",
    "b6", "b7", "b8", "b9", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "d0", "d1",
    "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7",
    "e8", "e9",
];
