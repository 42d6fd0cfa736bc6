//! Subscribe first, then read, then go live: whatever is lost on the way, a reader has every event once and in order.

use std::sync::atomic::Ordering;

use parlor::db::Tx;
use parlor::domain::ids::ChatId;
use parlor::domain::permission::{Action, Permit, Subject};
use parlor::live::{Attachment, Next, Topic, Update};
use parlor::store::chats;
use parlor::store::events::{self, Slot};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::live::Stage;
use crate::support::Fresh;
use crate::support::house::message;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many messages are written, and their hints arrive.
    Write(u8),
    /// So many messages are written, and their hints are lost.
    WriteUnheard(u8),
    /// The reader takes at most so many updates.
    Read(u8),
    /// The reader's connection breaks, and a new one catches up while so many messages are written.
    Reconnect(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..4u8).prop_map(Step::Write),
        1 => (60..80u8).prop_map(Step::Write),
        2 => (1..4u8).prop_map(Step::WriteUnheard),
        // More than one page of what the dispatcher reads.
        1 => (201..210u8).prop_map(Step::WriteUnheard),
        4 => (1..6u8).prop_map(Step::Read),
        2 => (0..3u8).prop_map(Step::Reconnect),
        1 => (65..80u8).prop_map(Step::Reconnect),
    ];
    prop::collection::vec(step, 1..25)
}

/// A socket as the rules want one.
struct Reader<'a> {
    stage: &'a Stage,
    chat: ChatId,
    socket: Attachment,
    seen: Vec<i64>,
}

impl<'a> Reader<'a> {
    fn connect(stage: &'a Stage, chat: ChatId) -> Self {
        let mut reader = Self {
            stage,
            chat,
            socket: stage.hub.attach(),
            seen: Vec::new(),
        };
        reader.catch_up(|| ());
        reader
    }

    fn reconnect(&mut self, meanwhile: impl FnOnce()) {
        self.socket = self.stage.hub.attach();
        self.catch_up(meanwhile);
    }

    /// Subscribe, read, and read again while updates were dropped.
    fn catch_up(&mut self, meanwhile: impl FnOnce()) {
        self.socket.outbox().start_catch_up();
        self.socket.subscribe(Topic::Chat(self.chat));
        self.read_on();
        meanwhile();
        while !self.socket.outbox().finish_catch_up() {
            self.read_on();
        }
    }

    /// Reads everything after the last number from the database.
    fn read_on(&mut self) {
        let (chat, mut last) = (self.chat, self.last());
        let missed = self.stage.house.read(move |tx| {
            let (_, permit) = chats::authorized(tx, &Subject::System, Action::ReadChat, chat)?;
            let mut missed: Vec<i64> = Vec::new();
            loop {
                let page = events::after(tx, &permit, last, 7)?;
                missed.extend(page.iter().map(Slot::seq));
                match missed.last() {
                    Some(read) if !page.is_empty() => last = *read,
                    _ => return Ok(missed),
                }
            }
        });
        self.seen.extend(missed);
    }

    fn take(&mut self, next: Next) {
        match next {
            Next::Close(_) => self.reconnect(|| ()),
            Next::Update(Update::Chat(update)) => {
                let (seq, last) = (update.event.seq, self.last());
                if seq == last + 1 {
                    self.seen.push(seq);
                } else if seq > last {
                    self.read_on();
                }
            }
            Next::Update(other) => panic!("{other:?}"),
        }
    }

    fn last(&self) -> i64 {
        self.seen.last().copied().unwrap_or(0)
    }
}

#[test]
fn a_reader_has_every_event_once_and_in_order_whatever_is_lost() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });

    runner
        .run(&steps(), |steps| {
            play(&stage, &steps);
            Ok(())
        })
        .unwrap();
}

fn play(stage: &Stage, steps: &[Step]) {
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let write = |count: u8| {
        let send = move |tx: &mut dyn Tx, permit: &Permit, now| {
            for _ in 0..count {
                events::append(tx, permit, &message("Tea?"), now)?;
            }
            Ok(())
        };
        stage
            .house
            .with(&visitor, Action::SendEvent, chat, send)
            .unwrap();
    };
    let mut reader = Reader::connect(stage, chat);
    let mut is_unheard = false;
    for step in steps {
        match *step {
            Step::Write(count) => {
                write(count);
                is_unheard = false;
            }
            Step::WriteUnheard(count) => {
                stage.delivers.store(false, Ordering::SeqCst);
                write(count);
                stage.delivers.store(true, Ordering::SeqCst);
                is_unheard = true;
            }
            Step::Read(count) => {
                for _ in 0..count {
                    match reader.socket.outbox().try_next() {
                        Some(next) => reader.take(next),
                        None => break,
                    }
                }
            }
            Step::Reconnect(count) => {
                reader.reconnect(|| {
                    write(count);
                    stage.settle();
                });
                is_unheard = false;
            }
        }
    }
    if is_unheard {
        write(1);
    }
    // Nothing more is written: what was dropped must not wait for a later event to be missed.
    stage.settle();
    while let Some(next) = reader.socket.outbox().try_next() {
        reader.take(next);
    }
    let last = stage.house.row(chat).last_seq;
    assert_eq!(reader.last(), last, "a reader stays behind");
    assert!(
        reader.seen.iter().copied().eq(1..=last),
        "a gap or a repeat"
    );
}
