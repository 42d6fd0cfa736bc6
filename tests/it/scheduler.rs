//! Periodic work: due when it is due, remembered over a restart, done by one, and never by who has lost the lease.

use parlor::clock::Clock;
use parlor::db::{Db, Dialect, Error, Lane, Result, Tx};
use parlor::domain::ids::{AgentId, LoginId};
use parlor::scheduler::{NodeKeeper, Scheduler, Task};
use parlor::store::{agent_connections, jobs, leases, nodes, secrets, settings};

use crate::support::{Fresh, each_engine};

const MINUTE_MS: i64 = 60_000;
/// Far from now, so that only the times of these tests matter.
const NOON: i64 = 2_000_000_000_000;

/// Counts its runs in the database: nothing else may happen in a step.
fn count(tx: &mut dyn Tx, name: &str, now: i64) -> Result<i64> {
    let runs: i64 = settings::get(tx, name)?.map_or(0, |text| text.parse().unwrap()) + 1;
    settings::set(tx, name, &runs.to_string(), now)?;
    Ok(runs)
}

fn runs(db: &Db, name: &'static str) -> i64 {
    let text = db.read_blocking(move |tx| settings::get(tx, name)).unwrap();
    text.map_or(0, |text| text.parse().unwrap())
}

const STEADY: Task = Task {
    name: "steady",
    every_ms: MINUTE_MS,
    engine: None,
    step: |tx, now| count(tx, "steady", now).map(|_| false),
};

/// Does its work in three steps.
const LONG: Task = Task {
    name: "long",
    every_ms: 10 * MINUTE_MS,
    engine: None,
    step: |tx, now| Ok(count(tx, "long", now)? % 3 != 0),
};

const BROKEN: Task = Task {
    name: "broken",
    every_ms: 10 * MINUTE_MS,
    engine: None,
    step: |tx, now| {
        count(tx, "broken", now)?;
        Err(Error::Db("the step failed".into()))
    },
};

const POSTGRES_ONLY: Task = Task {
    name: "postgres_only",
    every_ms: MINUTE_MS,
    engine: Some(Dialect::Postgres),
    step: |tx, now| count(tx, "postgres_only", now).map(|_| false),
};

static TABLE: &[Task] = &[STEADY, LONG];
static WITH_BROKEN: &[Task] = &[BROKEN, STEADY];
static FOR_ONE_ENGINE: &[Task] = &[POSTGRES_ONLY];

#[test]
fn a_task_runs_when_it_is_due_and_not_before() {
    each_engine(|db, _| {
        let mut scheduler = Scheduler::with_tasks(db.clone(), TABLE);

        assert_eq!(scheduler.run_due(NOON).unwrap(), ["steady", "long"]);
        assert_eq!(scheduler.run_due(NOON + MINUTE_MS - 1).unwrap(), [""; 0]);
        assert_eq!(scheduler.run_due(NOON + MINUTE_MS).unwrap(), ["steady"]);

        assert_eq!(runs(db, "steady"), 2);
        assert_eq!(runs(db, "long"), 3, "all its steps in one run");
    });
}

#[test]
fn a_due_time_survives_a_restart_and_a_clock_set_back() {
    each_engine(|db, _| {
        let mut first = Scheduler::with_tasks(db.clone(), TABLE);
        first.run_due(NOON).unwrap();
        release(db);

        let mut second = Scheduler::with_tasks(db.clone(), TABLE);
        assert_eq!(second.run_due(NOON + MINUTE_MS).unwrap(), ["steady"]);
        // A year back: what was due in ten minutes is not put off for a year.
        let back = NOON - 365 * 24 * 60 * MINUTE_MS;
        assert_eq!(second.run_due(back).unwrap(), ["steady", "long"]);
        assert_eq!(second.run_due(back + 1).unwrap(), [""; 0]);
    });
}

#[test]
fn a_task_that_fails_says_so_keeps_nothing_and_is_tried_again() {
    each_engine(|db, _| {
        let mut scheduler = Scheduler::with_tasks(db.clone(), WITH_BROKEN);

        assert_eq!(scheduler.run_due(NOON).unwrap(), ["broken", "steady"]);

        assert_eq!(runs(db, "broken"), 0, "rolled back");
        assert_eq!(runs(db, "steady"), 1, "the others go on");
        let known = db.read_blocking(jobs::all).unwrap();
        let broken = known.iter().find(|job| job.name == "broken").unwrap();
        assert!(
            broken
                .last_error
                .as_ref()
                .unwrap()
                .contains("the step failed")
        );
        assert_eq!(broken.due_at, NOON + MINUTE_MS, "sooner than its period");
    });
}

#[test]
fn a_task_of_one_engine_does_not_run_on_the_other() {
    each_engine(|db, _| {
        let mut scheduler = Scheduler::with_tasks(db.clone(), FOR_ONE_ENGINE);
        let ran = scheduler.run_due(NOON).unwrap();
        assert_eq!(ran.len(), usize::from(db.dialect() == Dialect::Postgres));
    });
}

#[test]
fn every_task_of_the_real_table_runs_on_both_engines() {
    each_engine(|db, clock| {
        let mut scheduler = Scheduler::new(db.clone());
        let ran = scheduler.run_due(clock.now()).unwrap();
        let known = db.read_blocking(jobs::all).unwrap();
        let failed: Vec<_> = known
            .iter()
            .filter(|job| job.last_error.is_some())
            .collect();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(ran.len(), known.len());
        assert!(ran.contains(&"prune_inbox"));
    });
}

/// Ends the lease of whoever holds it, as time would.
fn release(db: &Db) {
    db.write_blocking(Lane::Admin, |tx| leases::free(tx, "scheduler"))
        .unwrap();
}

#[test]
fn of_two_schedulers_one_works_and_a_deposed_one_changes_nothing() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let db = fresh.open(&Clock::system());
    let mut leader = Scheduler::with_tasks(db.clone(), TABLE);
    let mut other = Scheduler::with_tasks(db.clone(), TABLE);

    assert_eq!(leader.run_due(NOON).unwrap().len(), 2);
    assert_eq!(
        other.run_due(NOON + MINUTE_MS).unwrap(),
        [""; 0],
        "the lease is held"
    );

    release(&db);
    assert_eq!(other.run_due(NOON + MINUTE_MS).unwrap(), ["steady"]);
    // The first still believes that it leads: its fence stops it in its own transaction.
    let deposed = leader.run_due(NOON + 2 * MINUTE_MS);
    assert!(matches!(deposed, Err(Error::Unavailable(_))), "{deposed:?}");
    assert_eq!(runs(&db, "steady"), 2);
    db.close();
}

#[test]
fn a_lease_changes_hands_only_when_it_ran_out_and_its_fence_grows() {
    each_engine(|db, _| {
        let (first, refused, second, renewed, checked) = db
            .write_blocking(Lane::Admin, |tx| {
                let first = leases::take(tx, "work", "a", 60_000)?.unwrap();
                let refused = leases::take(tx, "work", "b", 60_000)?;
                // A time to live that lies in the past: it has run out.
                assert!(leases::renew(tx, &first, -60_000)?);
                let second = leases::take(tx, "work", "b", 60_000)?.unwrap();
                let renewed = leases::renew(tx, &first, 60_000)?;
                let checked = leases::check(tx, &first);
                leases::check(tx, &second)?;
                Ok((first, refused, second, renewed, checked.is_err()))
            })
            .unwrap();

        assert_eq!(refused, None);
        assert_eq!((first.fence, second.fence), (1, 2));
        assert!(!renewed && checked, "the deposed holder has nothing");
    });
}

#[test]
fn each_node_has_a_number_of_its_own_and_a_dead_one_loses_its_agents() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let clock = Clock::system();
    let (here, there) = (fresh.open(&clock), fresh.open(&clock));
    let first = NodeKeeper::take(&here).unwrap();
    let second = NodeKeeper::take(&there).unwrap();
    assert_eq!((first.number(), second.number()), (Some(0), Some(1)));

    // An agent at each node, and one at a node that never was.
    let now = clock.now();
    here.write_blocking(Lane::Admin, move |tx| {
        for node in [0, 1, 7] {
            let agent = AgentId(insert_agent(tx, node, now)?);
            agent_connections::connect(tx, agent, LoginId(1), node, now)?;
        }
        Ok(())
    })
    .unwrap();

    let forgotten = here
        .write_blocking(Lane::Admin, nodes::forget_dead)
        .unwrap();
    assert_eq!(forgotten, 1);
    // The second node dies: time runs its lease out.
    let forgotten = here
        .write_blocking(Lane::Admin, |tx| {
            leases::free(tx, "node:0001")?;
            nodes::forget_dead(tx)
        })
        .unwrap();
    assert_eq!(forgotten, 1);
    here.close();
    there.close();
}

fn insert_agent(tx: &mut dyn Tx, n: i64, now: i64) -> Result<i64> {
    let email = parlor::domain::agent::Email::parse(&format!("agent{n}@example.org"))?;
    let new = parlor::store::agents::NewAgent {
        name: "Somebody",
        email: &email,
        password_hash: "",
        role: parlor::domain::agent::Role::Agent,
    };
    Ok(parlor::store::agents::create(tx, &new, &[], now)?.0)
}

#[test]
fn a_secret_is_made_once() {
    each_engine(|db, _| {
        let get = |candidate: u8| {
            db.write_blocking(Lane::Admin, move |tx| {
                secrets::get_or_make(tx, "cookie", &[candidate; secrets::SECRET_BYTES], 1)
            })
            .unwrap()
        };
        assert_eq!(get(7), [7; secrets::SECRET_BYTES]);
        assert_eq!(get(9), [7; secrets::SECRET_BYTES], "the first one stays");
    });
}
