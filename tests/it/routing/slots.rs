//! Slots and queues under random hands: after every step all invariants hold, in order and at once.

use std::collections::{HashMap, HashSet};

use parlor::db::Error;
use parlor::domain::Refusal;
use parlor::domain::ids::{AgentId, ChatId, GroupId};
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::chats::{self, Target};
use parlor::store::queue::{self, Waiting};

use super::invariants;
use crate::support::each_engine;
use crate::support::house::{House, agent_id, message};

const STEPS: u64 = 1_000;
const HANDS: u64 = 8;
const STEPS_EACH: u64 = 40;

/// Repeatable random numbers (xorshift64*), so that a failure can be run again.
struct Dice(u64);

impl Dice {
    const fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        (high % limit) as usize
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let limit = list.len() as u64;
        (limit > 0).then(|| &list[self.below(limit)])
    }
}

/// The people and groups of a run.
struct World {
    house: House,
    agents: Vec<Subject>,
    groups: Vec<Option<GroupId>>,
}

impl World {
    fn new(house: House) -> Self {
        let agents: Vec<Subject> = ["Ada", "Bob", "Cleo", "Dan", "Eve"]
            .into_iter()
            .map(|name| house.at_desk(name, 3))
            .collect();
        let tea = house.group("Tea", &[&agents[0], &agents[1]]);
        let coffee = house.group("Coffee", &[&agents[1], &agents[2]]);
        Self {
            house,
            agents,
            groups: vec![None, Some(tea.id), Some(coffee.id)],
        }
    }

    /// Something that somebody does. What a rule refuses is refused; anything else fails the test.
    fn act(&self, dice: &mut Dice, chats: &mut Vec<ChatId>) {
        let house = &self.house;
        let agent = dice.pick(&self.agents).unwrap();
        let id = agent_id(agent);
        let what = dice.below(16);
        if what < 4 || chats.is_empty() {
            let group = *dice.pick(&self.groups).unwrap();
            return chats.push(house.chat_in(group).unwrap());
        }
        let chat = *dice.pick(chats).unwrap();
        let done = match what {
            4 | 5 => house.close(agent, chat).map(|_| ()),
            6 => {
                let event = message("Again");
                let visitor = self.visitor_of(chat);
                house.activate(&visitor, chat, &[event]).map(|_| ())
            }
            7 => house.transfer(agent, chat, Target::Agent(id)),
            8 => {
                let group = dice.pick(&self.groups[1..]).unwrap().unwrap();
                house.transfer(agent, chat, Target::Group(group))
            }
            9 => house.transfer(agent, chat, Target::Routing),
            10 => house.take(agent, chat).map(|_| ()),
            11 => house.with(agent, Action::AssignChat, chat, move |tx, permit, now| {
                chats::leave(tx, permit, id, now).map(|_| ())
            }),
            12 => house.send(agent, chat, &message("Hm")).map(|_| ()),
            13 => {
                house.set_max(agent, dice.below(5) as i64);
                Ok(())
            }
            14 => {
                house.vanish(agent);
                Ok(())
            }
            _ => {
                house.vanish(agent);
                house.come_back(agent);
                Ok(())
            }
        };
        match done {
            Ok(())
            | Err(Error::Refused(
                Refusal::ChatInactive
                | Refusal::ChatAlreadyActive
                | Refusal::LimitReached(_)
                | Refusal::NotFound("agent")
                | Refusal::Conflict(_),
            )) => {}
            Err(error) => panic!("step {what}: {error}"),
        }
    }

    fn visitor_of(&self, chat: ChatId) -> Subject {
        let row = self.house.row(chat);
        Subject::Visitor {
            site: row.site,
            visitor: row.root,
            browser: row.browser,
            signed: false,
        }
    }

    /// How many chats each agent has, and how many they take.
    fn slots(&self) -> HashMap<AgentId, (i64, i64)> {
        let rows = self.house.read(|tx| {
            tx.all(
                "select id, active_chats, max_chats from agents",
                &[],
                |row| Ok((AgentId(row.i64(0)?), (row.i64(1)?, row.i64(2)?))),
            )
        });
        rows.into_iter().collect()
    }

    fn waiting(&self) -> Vec<Waiting> {
        let object = Object::Site(self.house.site);
        let permit = authorize(&Subject::System, Action::ReadGroups, object).unwrap();
        self.house.read(move |tx| queue::waiting(tx, &permit))
    }

    fn open_chats(&self) -> i64 {
        self.house
            .read(|tx| tx.int("select count(*) from chats", &[]))
    }
}

/// Of those who waited for a group, nobody was passed by one who came later, but for who gave a chat back.
fn assert_in_order(before: &[Waiting], after: &[Waiting]) {
    let left: HashSet<_> = after.iter().map(|one| one.thread).collect();
    for (n, early) in before.iter().enumerate() {
        let is_plain = early.given_back_by.is_none() && left.contains(&early.thread);
        for late in before[n + 1..]
            .iter()
            .filter(|late| late.group == early.group)
        {
            let passed = is_plain && !left.contains(&late.thread);
            assert!(!passed, "{late:?} passed {early:?}");
        }
    }
}

/// No step gave an agent more than they take; who takes fewer now keeps what they had.
fn assert_limits(before: &HashMap<AgentId, (i64, i64)>, after: &HashMap<AgentId, (i64, i64)>) {
    for (agent, (active, max)) in after {
        let had = before.get(agent).map_or(0, |(active, _)| *active);
        assert!(
            active <= max.max(&had),
            "{agent:?}: {had} → {active} of {max}"
        );
    }
}

#[test]
fn a_thousand_random_steps_break_no_rule() {
    each_engine(|db, clock| {
        let world = World::new(House::new(db, clock));
        let mut dice = Dice(0x5eed_0001);
        let mut chats = Vec::new();
        for step in 0..STEPS {
            let slots = world.slots();
            world.act(&mut dice, &mut chats);
            let (between, waiting) = (world.slots(), world.waiting());
            assert_limits(&slots, &between);
            if dice.below(4) == 0 {
                clock.turn(dice.below(40_000) as i64);
            }
            world.house.route();
            assert_limits(&between, &world.slots());
            // Who vanished gives chats back, which come in front: order is about those who waited before.
            assert_in_order(&waiting, &world.waiting());
            invariants::check(&world.house);
            assert_eq!(world.open_chats(), chats.len() as i64, "step {step}");
        }
        assert!(chats.len() > 100, "the run was too short to mean anything");
    });
}

#[test]
fn many_hands_at_once_break_no_rule() {
    each_engine(|db, clock| {
        let world = World::new(House::new(db, clock));
        // Limits do not move here, so that nobody is ever above one.
        std::thread::scope(|scope| {
            for hand in 0..HANDS {
                let world = &world;
                scope.spawn(move || {
                    let mut dice = Dice(0x5eed_0100 + hand);
                    let mut chats = Vec::new();
                    for _ in 0..STEPS_EACH {
                        let kept = dice.0;
                        if dice.below(16) == 13 {
                            continue;
                        }
                        dice.0 = kept;
                        world.act(&mut dice, &mut chats);
                        if dice.below(3) == 0 {
                            world.house.route();
                        }
                    }
                });
            }
        });
        world.house.route();
        invariants::check(&world.house);
    });
}

#[test]
fn fifty_chats_at_once_fill_every_slot_and_no_more() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let agents = [("Ada", 3), ("Bob", 4), ("Cleo", 0)];
        for (name, max_chats) in agents {
            house.at_desk(name, max_chats);
        }

        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| house.new_chat());
            }
        });
        house.route();

        let filled = house.read(|tx| {
            tx.all(
                "select active_chats from agents order by max_chats",
                &[],
                |row| row.i64(0),
            )
        });
        assert_eq!(filled, [0, 3, 4]);
        let waiting = house.read(|tx| {
            tx.int(
                "select count(*) from threads where queued_at is not null",
                &[],
            )
        });
        assert_eq!(waiting, 43);
        invariants::check(&house);
    });
}
