//! Fan-out: what is committed reaches every socket that listens, once and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlor::clock::Clock;
use parlor::db::Db;
use parlor::domain::Hint;
use parlor::domain::event::{Audience, Author, Recipients};
use parlor::domain::ids::{AgentId, ChatId, LoginId, SiteId, VisitorId};
use parlor::live::bus::InProcess;
use parlor::live::{
    Attachment, CloseReason, Hub, InboxUpdate, Lossy, Next, Topic, Update, dispatch,
};
use tokio_util::sync::CancellationToken;

use crate::support::house::{House, message, visitor_id};
use crate::support::{Fresh, each_fresh};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A site whose hints reach a hub, and the task that serves it.
pub struct Stage {
    pub house: House,
    pub hub: Arc<Hub>,
    /// While false, hints are lost.
    pub delivers: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
}

impl Stage {
    pub fn on(fresh: &Fresh) -> Self {
        let clock = Clock::system();
        let hub = Hub::new(InProcess);
        let delivers = Arc::new(AtomicBool::new(true));
        let publish = {
            let (hub, delivers) = (Arc::clone(&hub), Arc::clone(&delivers));
            move |hints: &[Hint]| {
                if delivers.load(Ordering::SeqCst) {
                    hub.publish(hints);
                }
            }
        };
        let db = Db::open(&fresh.options, &clock, Arc::new(publish)).expect("a database opens");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime starts");
        let stop = CancellationToken::new();
        runtime.spawn(dispatch::run(Arc::clone(&hub), db.clone(), stop.clone()));
        Self {
            house: House::new(&db, &clock),
            hub,
            delivers,
            runtime,
            stop,
        }
    }

    pub fn listen(&self, topic: Topic) -> Attachment {
        let attachment = self.hub.attach();
        attachment.subscribe(topic);
        attachment
    }

    pub fn next(&self, socket: &Attachment) -> Next {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, socket.outbox().next()).await })
            .expect("something comes")
    }

    /// Returns when everything that was announced until now is handed out.
    pub fn settle(&self) {
        let witness = self.listen(Topic::Agents);
        // The first one may come in the middle of a round; the second one comes in a later round.
        for _ in 0..2 {
            self.hub
                .publish(&[Hint::AgentChanged { agent: AgentId(1) }]);
            self.next(&witness);
        }
    }

    /// The next `count` events of a chat.
    fn seqs(&self, socket: &Attachment, count: usize) -> Vec<i64> {
        (0..count)
            .map(|_| match self.next(socket) {
                Next::Update(Update::Chat(update)) => update.event.seq,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn inbox(&self, socket: &Attachment) -> Arc<InboxUpdate> {
        match self.next(socket) {
            Next::Update(Update::Inbox(update)) => update,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
        self.house.db.close();
    }
}

#[test]
fn what_is_written_reaches_every_socket_of_the_chat_once_and_in_order() {
    each_fresh(|fresh| {
        let stage = Stage::on(fresh);
        let (visitor, agent) = (stage.house.visitor(), stage.house.agent("Ada"));
        let chat = stage.house.chat(&visitor);
        let other = stage.house.chat(&stage.house.visitor());
        let sockets = [(); 3].map(|()| stage.listen(Topic::Chat(chat)));
        let elsewhere = stage.listen(Topic::Chat(other));

        stage.house.say(&agent, chat, "Good morning");
        stage.house.say(&visitor, chat, "Hi");

        for socket in &sockets {
            assert_eq!(stage.seqs(socket, 5), [3, 4, 5, 6, 7]);
        }
        stage.house.say(&agent, other, "Good morning");
        assert_eq!(stage.seqs(&elsewhere, 1), [3]);
        assert!(sockets.iter().all(|s| s.outbox().try_next().is_none()));
    });
}

#[test]
fn an_update_is_one_object_drawn_once_for_each_audience() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let sockets = [(); 50].map(|()| stage.listen(Topic::Chat(chat)));

    stage.house.say(&visitor, chat, "Hi");

    let mut drawn = 0;
    let updates: Vec<_> = sockets
        .iter()
        .map(|socket| match stage.next(socket) {
            Next::Update(Update::Chat(update)) => update,
            other => panic!("{other:?}"),
        })
        .collect();
    for update in &updates {
        assert!(Arc::ptr_eq(update, &updates[0]));
        let bytes = update.frame(Audience::Visitor, || {
            drawn += 1;
            Bytes::from_static(b"Hi")
        });
        assert_eq!(bytes, "Hi");
    }
    assert_eq!(drawn, 1);
    let for_agents = updates[0].frame(Audience::Agent, || Bytes::from_static(b"<p>Hi</p>"));
    assert_eq!(for_agents, "<p>Hi</p>");
    let failed = stage.runtime.block_on(async {
        let failed = updates[0]
            .frame_async(Audience::Agent, async || Err("no database"))
            .await;
        let drawn = updates[0]
            .frame_async(Audience::Agent, async || {
                Ok::<_, ()>(Bytes::from_static(b"x"))
            })
            .await;
        (failed, drawn)
    });
    assert_eq!(failed, (Err("no database"), Ok(Bytes::from_static(b"x"))));
}

#[test]
fn events_that_draw_people_come_with_those_who_take_part() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let (visitor, agent) = (stage.house.visitor(), stage.house.agent("Ada"));
    let chat = stage.house.chat(&visitor);
    let socket = stage.listen(Topic::Chat(chat));

    stage.house.take(&agent, chat).unwrap();
    stage.house.say(&agent, chat, "Good morning");

    let users: Vec<Option<usize>> = (0..4)
        .map(|_| match stage.next(&socket) {
            Next::Update(Update::Chat(update)) => update.users.as_ref().map(|u| u.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(users, [Some(2), Some(2), Some(2), None]);
}

#[test]
fn the_inbox_tells_the_agents_of_the_site_which_chats_changed() {
    each_fresh(|fresh| {
        let stage = Stage::on(fresh);
        let socket = stage.listen(Topic::Inbox(stage.house.site));
        let visitor = stage.house.visitor();

        let chat = stage.house.chat(&visitor);
        let first = stage.inbox(&socket);
        stage.house.say(&visitor, chat, "Hello?");
        let second = stage.inbox(&socket);

        let told: Vec<_> = first
            .rows
            .iter()
            .chain(&second.rows)
            .map(|row| (row.inbox_seq, row.chat, row.chat_seq))
            .collect();
        assert_eq!(told, [(1, chat, 2), (2, chat, 3)]);
    });
}

#[test]
fn what_another_node_writes_is_found_by_the_poll() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let stage = Stage::on(&fresh);
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let socket = stage.listen(Topic::Chat(chat));
    let inbox = stage.listen(Topic::Inbox(stage.house.site));
    let elsewhere = House {
        db: fresh.open(&stage.house.clock),
        ..stage.house.clone()
    };

    elsewhere.say(&visitor, chat, "From the other node");

    // The poll may come between subscribing and writing, and names the newest number it finds.
    while stage.seqs(&socket, 1) != [3] {}
    while stage.inbox(&inbox).rows.last().unwrap().chat_seq != 3 {}
    elsewhere.db.close();
}

#[test]
fn a_socket_that_does_not_read_is_told_to_end_and_the_others_are_not() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let (slow, quick) = (
        stage.listen(Topic::Chat(chat)),
        stage.listen(Topic::Chat(chat)),
    );

    for n in 0..70 {
        stage.house.say(&visitor, chat, "Hello?");
        assert_eq!(stage.seqs(&quick, 1), [n + 3]);
    }

    assert!(matches!(
        stage.next(&slow),
        Next::Close(CloseReason::Lagging)
    ));
}

#[test]
fn sockets_end_when_the_login_or_the_token_does() {
    let hub = Hub::new(InProcess);
    let [agent, other, visitor] = [(); 3].map(|()| hub.attach());
    agent.subscribe(Topic::Login(LoginId(1)));
    other.subscribe(Topic::Login(LoginId(2)));
    // An agent looks at the visitor whose token ends.
    other.subscribe(Topic::Visitor(VisitorId(3)));
    visitor.subscribe(Topic::Tokens(VisitorId(3)));

    hub.publish(&[
        Hint::LoginEnded { login: LoginId(1) },
        Hint::VisitorTokensEnded {
            visitor: VisitorId(3),
        },
    ]);

    for ended in [&agent, &visitor] {
        assert!(matches!(
            ended.outbox().try_next(),
            Some(Next::Close(CloseReason::CredentialsEnded))
        ));
    }
    assert!(!other.outbox().is_closing());
}

#[test]
fn a_socket_that_is_gone_hears_nothing_and_leaves_nothing_behind() {
    let hub = Hub::new(InProcess);
    let topics = [
        Topic::Agents,
        Topic::Chat(ChatId(1)),
        Topic::Site(SiteId(2)),
    ];
    let (gone, here) = (hub.attach(), hub.attach());
    for topic in topics {
        gone.subscribe(topic);
        gone.subscribe(topic);
        here.subscribe(topic);
    }
    assert!(topics.iter().all(|topic| hub.listeners(*topic) == 2));

    drop(gone);
    here.unsubscribe(Topic::Agents);

    assert_eq!(topics.map(|topic| hub.listeners(topic)), [0, 1, 1]);
}

#[test]
fn agents_sites_and_visitors_are_announced_and_many_visitors_in_one_update() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let site = stage.house.site;
    let [agents, settings, list, one] = [
        Topic::Agents,
        Topic::Site(site),
        Topic::Visitors(site),
        Topic::Visitor(VisitorId(3)),
    ]
    .map(|topic| stage.listen(topic));

    let seen = |visitor| Hint::VisitorSeen {
        site,
        visitor: VisitorId(visitor),
    };
    let mut hints: Vec<Hint> = (1..=500).map(|n| seen(n % 250 + 1)).collect();
    hints.push(Hint::AgentChanged { agent: AgentId(7) });
    hints.push(Hint::SiteChanged { site });
    stage.hub.publish(&hints);

    assert!(matches!(
        stage.next(&agents),
        Next::Update(Update::Agent(AgentId(7)))
    ));
    assert!(matches!(stage.next(&settings), Next::Update(Update::Site(s)) if s == site));
    assert!(matches!(
        stage.next(&one),
        Next::Update(Update::Visitor(VisitorId(3)))
    ));
    match stage.next(&list) {
        Next::Update(Update::Visitors(seen)) => {
            assert!(seen.has_more && seen.visitors.len() == 200);
        }
        other => panic!("{other:?}"),
    }
    stage.hub.publish(&[seen(1)]);
    match stage.next(&list) {
        Next::Update(Update::Visitors(seen)) => {
            assert_eq!(
                (seen.visitors.as_slice(), seen.has_more),
                ([VisitorId(1)].as_slice(), false)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn typing_goes_out_at_once_is_kept_for_who_asks_and_ends_with_the_message() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let socket = stage.listen(Topic::Chat(chat));
    let peek = Lossy::SneakPeek {
        chat,
        text: "Do you ha".into(),
    };
    let typing = Lossy::Typing {
        chat,
        author: Author::Visitor(visitor_id(&visitor)),
        is_typing: true,
        recipients: Recipients::All,
    };

    stage.hub.lossy(Topic::Chat(chat), peek.clone());
    stage.hub.lossy(Topic::Chat(chat), typing.clone());

    for said in [peek, typing] {
        assert!(said.is_visible_to(Audience::Agent));
        match stage.next(&socket) {
            Next::Update(Update::Lossy(lossy)) => assert_eq!(*lossy, said),
            other => panic!("{other:?}"),
        }
    }
    let presence = stage.hub.presence();
    assert_eq!(
        presence.sneak_peek(chat, Instant::now()).as_deref(),
        Some("Do you ha")
    );
    stage.house.say(&visitor, chat, "Do you have tea?");
    stage.seqs(&socket, 1);
    assert_eq!(presence.sneak_peek(chat, Instant::now()), None);
    assert_eq!(presence.typing(chat, Instant::now()), []);
}

#[test]
fn what_was_announced_before_the_end_is_still_handed_out() {
    let fresh = Fresh::sqlite();
    let stage = Stage::on(&fresh);
    let visitor = stage.house.visitor();
    let chat = stage.house.chat(&visitor);
    let socket = stage.listen(Topic::Chat(chat));

    stage.house.send(&visitor, chat, &message("Bye")).unwrap();
    stage.stop.cancel();

    assert_eq!(stage.seqs(&socket, 1), [3]);
}
