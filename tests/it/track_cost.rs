//! What a batch costs in statements: the figure that decides how many visitors one Parlor can carry.

use std::sync::Arc;

use parlor::db::{Dialect, Result, Row, Tx, Ty, Value};
use parlor::domain::Hint;
use parlor::store::batches::{Batch, record};
use parlor::store::visitors;

use crate::support::each_engine;
use crate::track_world::*;

/// A transaction that counts.
struct Counting<'a> {
    tx: &'a mut dyn Tx,
    statements: usize,
    hints: Vec<Hint>,
}

impl Tx for Counting<'_> {
    fn dialect(&self) -> Dialect {
        self.tx.dialect()
    }

    fn exec(&mut self, sql: &str, args: &[Value<'_>]) -> Result<u64> {
        self.statements += 1;
        self.tx.exec(sql, args)
    }

    fn each(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.statements += 1;
        self.tx.each(sql, args, f)
    }

    fn insert_many(
        &mut self,
        table: &str,
        cols: &[(&str, Ty)],
        vals: &[Value<'_>],
        tail: &str,
    ) -> Result<u64> {
        self.statements += 1;
        self.tx.insert_many(table, cols, vals, tail)
    }

    fn emit(&mut self, hint: Hint) -> Result<()> {
        self.hints.push(hint.clone());
        self.tx.emit(hint)
    }

    fn new_id(&mut self, now: i64) -> i64 {
        self.tx.new_id(now)
    }
}

/// The statements and hints of one batch.
fn cost(world: &World<'_>, batch: Batch) -> (usize, usize) {
    let (batch, now) = (Arc::new(batch), world.clock.now());
    world
        .write(move |tx| {
            let mut counting = Counting {
                tx,
                statements: 0,
                hints: Vec::new(),
            };
            record(&mut counting, &batch, now)?;
            Ok((counting.statements, counting.hints.len()))
        })
        .unwrap()
}

#[test]
fn a_batch_of_a_session_that_goes_on_costs_four_statements_and_one_hint() {
    each_engine(|db, clock| {
        let world = World::new(db, clock);
        let browser = Browser::new();
        let calls = |from: usize, to: usize| -> Vec<String> {
            (from..to).map(|n| page(&format!("p{n}"))).collect()
        };

        let first = cost(&world, browser.batch(&world, &calls(0, 1)));
        let one = cost(&world, browser.batch(&world, &calls(1, 2)));
        let twenty = cost(&world, browser.batch(&world, &calls(2, 22)));
        let heartbeat = cost(&world, browser.batch(&world, &[seen("s", "p21")]));
        clock.turn(visitors::SEEN_STEP_MS);
        let later = cost(&world, browser.batch(&world, &[seen("t", "p21")]));

        assert_eq!(one, (4, 1));
        assert_eq!(twenty, (4, 1));
        assert_eq!(heartbeat, (2, 1), "the visitor's row is not written");
        assert_eq!(later, (3, 1), "a minute later it is");
        assert!(first.0 <= 11, "a new visitor costs {}", first.0);
    });
}
