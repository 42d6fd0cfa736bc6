//! Exactly once, in order, however often the connection is cut and wherever.

use std::collections::{HashMap, VecDeque};

use parlor::Config;
use parlor::domain::event::Event;
use parlor::token::Token;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use super::cutter::Cutter;
use super::{Client, ORIGIN, Shop, login, message};

/// Connections cut before the readers are left in peace.
const CUTS: usize = 520;
/// Tabs that only read.
const READERS: usize = 5;
/// Messages that the visitor sends through the cut connections.
const SENT_BY_VISITOR: usize = 30;

/// The last message; readers who have shown it are done.
const THE_END: &str = "the end";

/// A client of the kind that Parlor's own is: holds the last number and asks for what is missing.
struct Reader {
    url: String,
    token: Token,
    chat: String,
    epoch: String,
    last: i64,
    /// Every number in the order in which it was shown, and what it was.
    shown: Vec<(i64, String)>,
    connections: usize,
}

impl Reader {
    /// Reads until it has shown [`THE_END`]; a cut is just the next connection.
    async fn read(&mut self) {
        while !self.has_ended() {
            self.connections += 1;
            // Whatever the error: the connection was cut.
            let _cut = self.follow().await;
        }
    }

    fn has_ended(&self) -> bool {
        self.shown.last().is_some_and(|(_, text)| text == THE_END)
    }

    async fn follow(&mut self) -> Result<(), Error> {
        let mut client = Client::connect(&self.url, ORIGIN).await?;
        client.ask("login", login(&self.token)).await?;
        let mut asked = self.resume(&mut client).await?;
        loop {
            let frame = client.next().await?;
            if frame["request_id"] == asked.as_str() {
                let payload = &frame["payload"];
                assert_eq!(frame["success"], true, "{frame}");
                assert_eq!(payload.get("resync"), None, "{frame}");
                for event in payload["events"].as_array().unwrap() {
                    self.show(event);
                }
                if self.last < payload["last_seq"].as_i64().unwrap() {
                    asked = self.resume(&mut client).await?;
                }
            } else if frame["type"] == "push" {
                let payload = &frame["payload"];
                let entry = if payload["event"].is_object() {
                    &payload["event"]
                } else {
                    payload
                };
                match entry["seq"].as_i64() {
                    Some(seq) if seq > self.last + 1 => asked = self.resume(&mut client).await?,
                    Some(_) => self.show(entry),
                    None => {}
                }
            }
            if self.has_ended() {
                return Ok(());
            }
        }
    }

    async fn resume(&self, client: &mut Client) -> Result<String, Error> {
        let payload = json!({"chat_id": self.chat, "after_seq": self.last, "epoch": self.epoch});
        client.send("resume", &payload).await
    }

    fn show(&mut self, entry: &Value) {
        let seq = entry["seq"].as_i64().unwrap();
        if seq <= self.last {
            return;
        }
        assert_eq!(seq, self.last + 1, "a hole in an answer to resume");
        self.last = seq;
        let text = entry["text"].as_str().unwrap_or_default();
        self.shown.push((seq, text.to_owned()));
    }
}

/// Sends each text until it is acknowledged, with the same `custom_id` every time.
async fn send_all(url: &str, token: &Token, chat: &str) -> HashMap<String, i64> {
    let mut queue: VecDeque<usize> = (0..SENT_BY_VISITOR).collect();
    let mut seqs = HashMap::new();
    while !queue.is_empty() {
        let attempt = async {
            let mut client = Client::connect(url, ORIGIN).await?;
            client.ask("login", login(token)).await?;
            while let Some(n) = queue.front() {
                let text = format!("visitor {n}");
                let answer = client
                    .ask("send_event", message(chat, &text, &format!("c{n}")))
                    .await?;
                if answer["success"] == true {
                    seqs.insert(text, answer["payload"]["seq"].as_i64().unwrap());
                    queue.pop_front();
                } else {
                    assert_eq!(
                        answer["payload"]["error"]["type"], "too_many_requests",
                        "{answer}"
                    );
                    return Ok(());
                }
            }
            Ok::<_, Error>(())
        };
        let _cut = attempt.await;
        tokio::task::yield_now().await;
    }
    seqs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_reader_sees_every_number_once_and_in_order_across_hundreds_of_cuts() {
    let shop = Shop::open_with(Config {
        requests_per_address: 100_000,
        ..Config::ephemeral()
    })
    .await;
    let (visitor, chat) = shop.chatting().await;
    let ada = shop.house.agent("ada");
    let cutter = Cutter::start(shop.app.address(), CUTS, 20_261_120).await;
    let url = format!(
        "ws://{}/v3.2/customer/rtm/ws?site={}",
        cutter.address, shop.site.key
    );

    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let mut reader = Reader {
                url: url.clone(),
                token: visitor.token.clone(),
                chat: chat.clone(),
                epoch: shop.app.db().epoch().to_owned(),
                last: 0,
                shown: Vec::new(),
                connections: 0,
            };
            tokio::spawn(async move {
                reader.read().await;
                reader
            })
        })
        .collect();
    let sender = tokio::spawn({
        let (url, token, chat) = (url.clone(), visitor.token.clone(), chat.clone());
        async move { send_all(&url, &token, &chat).await }
    });
    // The agent, whom nobody cuts, writes a line at each cut.
    let (house, id) = (shop.house.clone(), chat.parse().unwrap());
    let mut cuts = cutter.cuts();
    let mut said = 0;
    while *cuts.borrow_and_update() < CUTS {
        let (house, ada) = (house.clone(), ada.clone());
        tokio::task::spawn_blocking(move || house.say(&ada, id, &format!("agent {said}")))
            .await
            .unwrap();
        said += 1;
        cuts.changed().await.unwrap();
    }
    let seqs = sender.await.unwrap();
    let last = shop.house.say(&ada, id, THE_END).seq;

    let stored = shop.house.events(id);
    assert_eq!(i64::try_from(stored.len()).unwrap(), last);
    let mut connections = 0;
    for reader in readers {
        let reader = reader.await.unwrap();
        connections += reader.connections;
        check(&reader, &stored);
    }
    assert!(
        connections > CUTS / 2,
        "{connections} connections of readers"
    );
    check_acknowledged(&seqs, &stored);
}

/// What was acknowledged is stored once, under the number of the acknowledgement.
fn check_acknowledged(seqs: &HashMap<String, i64>, stored: &[Event]) {
    assert_eq!(seqs.len(), SENT_BY_VISITOR);
    for (text, seq) in seqs {
        let at: Vec<i64> = stored
            .iter()
            .filter(|event| event.body.text() == Some(text.as_str()))
            .map(|event| event.seq)
            .collect();
        assert_eq!(
            at,
            [*seq],
            "{text} is stored once, under the number that was acknowledged"
        );
    }
}

/// Every number once, in order, each with what is stored under it.
fn check(reader: &Reader, stored: &[Event]) {
    let shown: Vec<(i64, &str)> = reader
        .shown
        .iter()
        .map(|(seq, text)| (*seq, text.as_str()))
        .collect();
    let expected: Vec<(i64, &str)> = stored
        .iter()
        .map(|event| (event.seq, event.body.text().unwrap_or_default()))
        .collect();
    assert_eq!(shown, expected);
}
