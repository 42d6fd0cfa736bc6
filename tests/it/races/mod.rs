//! Races: what SQLite's single writer hides and PostgreSQL shows, each with its cure.
//!
//! Every cure stands next to the naive variant, which has to fail on PostgreSQL: else the test could not find the fault.

mod merges;

use std::sync::Barrier;

use parlor::db::{Db, Dialect, Error, Lane, Result, Tx};
use parlor::domain::Refusal;
use parlor::domain::event::NewEvent;
use parlor::domain::ids::{BrowserId, ChatId, SiteId, VisitorId};
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::chats::{self, Opening};
use parlor::store::{events, leases, sessions};

use crate::support::each_engine;

/// As many as there are workers: all can be in a transaction at once.
const THREADS: i64 = 8;
const SITE: SiteId = SiteId(1);

/// Runs `work` on all threads at once, with their numbers; gives what each said.
fn race<T: Send>(work: impl Fn(i64) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    std::thread::scope(|scope| {
        let racing: Vec<_> = (0..THREADS)
            .map(|n| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        racing
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn write<T: Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
) -> Result<T> {
    db.write_blocking(Lane::Chat, work)
}

fn int(db: &Db, sql: &'static str) -> i64 {
    db.read_blocking(move |tx| tx.int(sql, &[])).unwrap()
}

/// The control: the naive variant fails where writers are many, and only there.
fn assert_fails_on_postgres(db: &Db, failures: i64, what: &str) {
    match db.dialect() {
        Dialect::Postgres => assert!(failures > 0, "{what}: the control found nothing"),
        Dialect::Sqlite => assert_eq!(failures, 0, "{what}: one writer, and still a race"),
    }
}

fn add_site(db: &Db) {
    write(db, |tx| {
        tx.exec(
            "insert into sites (id, key, name, license_id, organization_id, origins, settings, created_at, updated_at)
             values (1, 'k', 'n', 1, 'o', '[]', '{}', 0, 0)",
            &[],
        )?;
        tx.exec("insert into inbox_heads (site_id) values (1)", &[])
    })
    .unwrap();
}

fn add_visitors(db: &Db, ids: impl Iterator<Item = i64> + Clone + Send + 'static) {
    write(db, move |tx| {
        for id in ids.clone() {
            tx.exec(
                "insert into visitors (id, site_id, session_fields, utm, first_seen_at, last_seen_at, updated_at)
                 values (?1, 1, '[]', '{}', 0, 0, 0)",
                &[id.into()],
            )?;
        }
        Ok(())
    })
    .unwrap();
}

const fn subject(visitor: i64) -> Subject {
    Subject::Visitor {
        site: SITE,
        visitor: VisitorId(visitor),
        browser: BrowserId(visitor + 1_000_000),
        signed: false,
    }
}

fn start_chat(tx: &mut dyn Tx, visitor: i64, now: i64) -> Result<ChatId> {
    let object = Object::Visitor {
        site: SITE,
        root: VisitorId(visitor),
    };
    let permit = authorize(&subject(visitor), Action::StartChat, object)?;
    Ok(chats::start(tx, &permit, &Opening::default(), now)?.chat.id)
}

#[test]
fn the_numbers_of_a_chat_have_no_gap_and_no_double() {
    each_engine(|db, clock| {
        let now = clock.now();
        add_site(db);
        add_visitors(db, 1..=1);
        let chat = write(db, move |tx| start_chat(tx, 1, now)).unwrap();
        let before = int(db, "select max(seq) from events");

        let refused: usize = race(|n| {
            (0..40)
                .filter(|k| {
                    let text = format!("{n}.{k}");
                    let sent = write(db, move |tx| {
                        let action = Action::SendEvent;
                        let (_, permit) = chats::authorized(tx, &subject(1), action, chat)?;
                        let event = NewEvent::message(&text)?.with_custom_id(&text)?;
                        events::append(tx, &permit, &event, now)
                    });
                    sent.is_err()
                })
                .count()
        })
        .into_iter()
        .sum();

        assert_eq!(refused, 0);
        let messages = int(db, "select count(*) from events where kind = 'message'");
        assert_eq!(messages, 320);
        let last = int(db, "select max(seq) from events");
        assert_eq!(last, int(db, "select count(*) from events"), "no gap");
        assert!(last >= before + 320);
        assert_eq!(last, int(db, "select last_seq from chats"));

        let failures = race(|n| {
            (0..40)
                .filter(|k| naive_append(db, n * 40 + k).is_err())
                .count()
        });
        let failures: usize = failures.into_iter().sum();
        assert_fails_on_postgres(db, i64::try_from(failures).unwrap(), "max(seq) + 1");
    });
}

fn naive_append(db: &Db, id: i64) -> Result<u64> {
    write(db, move |tx| {
        let seq = tx.int(
            "select coalesce(max(inbox_seq), 0) + 1 from inbox where site_id = 2",
            &[],
        )?;
        tx.exec(
            "insert into inbox (site_id, inbox_seq, chat_id, chat_seq, created_at) values (2, ?1, ?2, 0, 0)",
            &[seq.into(), id.into()],
        )
    })
}

#[test]
fn an_agent_never_has_more_chats_than_the_limit() {
    each_engine(|db, _| {
        write(db, |tx| {
            tx.exec(
                "insert into agents (id, name, email, email_fold, password_hash, role, settings, max_chats, created_at, updated_at)
                 values (1, 'a', 'a', 'a', '', 'agent', '{}', 3, 0, 0)",
                &[],
            )
        })
        .unwrap();
        let over = |take: fn(&mut dyn Tx) -> Result<u64>| {
            (0..20)
                .filter(|_| {
                    write(db, |tx| tx.exec("update agents set active_chats = 0", &[])).unwrap();
                    let taken: u64 = race(|_| write(db, take).unwrap()).into_iter().sum();
                    taken > 3
                })
                .count()
        };

        let cured = over(|tx| {
            tx.exec(
                "update agents set active_chats = active_chats + 1 where id = 1 and active_chats < max_chats",
                &[],
            )
        });
        let naive = over(|tx| {
            let free = tx.int(
                "select max_chats - active_chats from agents where id = 1",
                &[],
            )?;
            if free <= 0 {
                return Ok(0);
            }
            tx.exec(
                "update agents set active_chats = active_chats + 1 where id = 1",
                &[],
            )
        });

        assert_eq!(cured, 0);
        assert_fails_on_postgres(db, i64::try_from(naive).unwrap(), "read, then write");
    });
}

#[test]
fn a_browser_that_starts_twice_at_once_has_one_chat() {
    each_engine(|db, clock| {
        let now = clock.now();
        add_site(db);
        add_visitors(db, 1..=20);

        for visitor in 1..=20 {
            let started = race(|_| write(db, move |tx| start_chat(tx, visitor, now)));

            let made = started.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(made, 1, "{started:?}");
            assert!(
                started.iter().all(|outcome| matches!(
                    outcome,
                    Ok(_) | Err(Error::Refused(Refusal::ChatLimitReached))
                )),
                "{started:?}"
            );
        }
        assert_eq!(int(db, "select count(*) from chats"), 20);

        let failures = (0..20)
            .flat_map(|round| race(|n| naive_start(db, round, n * 20 + round)))
            .filter(|started| matches!(started, Err(Error::Unique(_))))
            .count();
        assert_eq!(
            int(db, "select count(*) from chats where owner_id < 6000"),
            20
        );
        assert_fails_on_postgres(db, i64::try_from(failures).unwrap(), "look, then insert");
    });
}

fn naive_start(db: &Db, owner: i64, id: i64) -> Result<u64> {
    let owner = owner + 5_000;
    write(db, move |tx| {
        if tx.int(
            "select count(*) from chats where owner_id = ?1",
            &[owner.into()],
        )? > 0
        {
            return Ok(0);
        }
        tx.exec(
            "insert into chats (id, site_id, visitor_id, browser_id, owner_id, last_event_at, changed_at,
               properties, created_at)
             values (?1, 1, 1, ?2, ?2, 0, 0, '{}', 0)",
            &[(id + 10_000).into(), owner.into()],
        )
    })
}

#[test]
fn a_session_ends_once_however_many_nodes_look() {
    each_engine(|db, clock| {
        let now = clock.now();
        add_site(db);
        write(db, |tx| {
            tx.exec(
                "insert into sites (id, key, name, license_id, organization_id, origins, settings, created_at, updated_at)
                 values (2, 'k2', 'n', 2, 'o2', '[]', '{}', 0, 0)",
                &[],
            )
        })
        .unwrap();
        add_visitors(db, 1..=800);
        write(db, |tx| {
            for id in 1..=800_i64 {
                tx.exec(
                    "insert into sessions (id, site_id, visitor_id, started_at, last_seen_at, utm)
                     values (?1, ?2, ?1, 0, 0, '{}')",
                    &[id.into(), (1 + i64::from(id > 400)).into()],
                )?;
            }
            Ok(())
        })
        .unwrap();

        let cured = race(|_| {
            let mut ended = 0;
            loop {
                match write(db, move |tx| sessions::end_idle(tx, SITE, 1000, now, 10)).unwrap() {
                    0 => return ended,
                    more => ended += more,
                }
            }
        });
        let naive = race(|_| {
            let mut ended = 0;
            while let Some(more) = naive_end(db) {
                ended += more;
            }
            ended
        });

        assert!(cured.iter().sum::<u64>() <= 400);
        let told = int(
            db,
            "select count(*) from activities where kind = 'session_ended'",
        );
        assert_eq!(told, 400, "each end is told once");
        let twice = naive.iter().sum::<u64>().saturating_sub(400);
        assert_fails_on_postgres(db, i64::try_from(twice).unwrap(), "select, then update");
    });
}

/// Ends ten sessions of the second half, looked up before; `None` when all have ended.
fn naive_end(db: &Db) -> Option<u64> {
    let ended = write(db, |tx| {
        let ids = tx.all(
            "select id from sessions where site_id = 2 and ended_at is null order by id limit 10",
            &[],
            |row| row.i64(0),
        )?;
        for id in &ids {
            tx.exec(
                "update sessions set ended_at = 1 where id = ?1",
                &[(*id).into()],
            )?;
        }
        Ok(ids.len() as u64)
    });
    Some(ended.unwrap()).filter(|n| *n > 0)
}

#[test]
fn a_lease_has_one_holder_and_a_deposed_one_is_refused() {
    each_engine(|db, _| {
        let mut naive_doubles = 0;
        for round in 0..20 {
            let name = format!("job{round}");
            let taken = race(|n| {
                let name = name.clone();
                write(db, move |tx| {
                    leases::take(tx, &name, &n.to_string(), 60_000)
                })
                .unwrap()
            });
            let held: Vec<_> = taken.into_iter().flatten().collect();
            assert_eq!(held.len(), 1, "{held:?}");

            let first = held[0].clone();
            let old = first.clone();
            write(db, move |tx| leases::renew(tx, &old, -1)).unwrap();
            let other = name.clone();
            let next = write(db, move |tx| leases::take(tx, &other, "next", 60_000)).unwrap();
            assert_eq!(next.map(|held| held.fence), Some(first.fence + 1));
            let deposed = write(db, move |tx| leases::check(tx, &first));
            assert!(matches!(deposed, Err(Error::Unavailable(_))), "{deposed:?}");

            naive_doubles += naive_leases(db, round);
        }
        assert_fails_on_postgres(db, naive_doubles, "look, then take");
    });
}

/// How many holders there were beyond the first.
fn naive_leases(db: &Db, round: i64) -> i64 {
    let name = format!("naive{round}");
    let insert = name.clone();
    write(db, move |tx| {
        tx.exec(
            "insert into leases (name, holder, fence, expires_at) values (?1, '', 0, 0)",
            &[(&insert).into()],
        )
    })
    .unwrap();
    let taken = race(|_| {
        let name = name.clone();
        write(db, move |tx| {
            let free = "select count(*) from leases where name = ?1 and expires_at = 0";
            if tx.int(free, &[(&name).into()])? == 0 {
                return Ok(0);
            }
            tx.exec(
                "update leases set expires_at = 1 where name = ?1",
                &[(&name).into()],
            )?;
            Ok(1)
        })
        .unwrap()
    });
    taken.into_iter().sum::<i64>() - 1
}
