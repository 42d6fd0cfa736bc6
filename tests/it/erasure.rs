//! Deleting a visitor leaves no row behind that names the visitor or one of their chats, in whatever table.

use parlor::db::Lane;
use parlor::domain::event::NewEvent;
use parlor::domain::ids::ChatId;
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::domain::ticket::NewTicket;
use parlor::store::bans::{self, NewBan};
use parlor::store::retention::{self, Chunk};
use parlor::store::tickets::{self, Sender};
use parlor::store::{chats, edits};
use serde_json::json;

use crate::files::life::{claim, store};
use crate::greetings_store::{create, draft, guest, people_only, send_due, url};
use crate::support::each_engine;
use crate::support::house::{House, visitor_id};

/// Every table that has this column, with its name, so that a new table is looked at too.
fn tables_with(column: &str) -> Vec<&'static str> {
    let schema = [
        include_str!("../../migrations/0001_start.sql"),
        include_str!("../../migrations/0002_chat_engine.sql"),
    ];
    let mut table = "";
    let mut found = Vec::new();
    for line in schema.into_iter().flat_map(str::lines) {
        if let Some(rest) = line.strip_prefix("create table ") {
            table = rest.split(' ').next().unwrap();
        }
        if line.trim_start().split(' ').next() == Some(column) {
            found.push(table);
        }
    }
    found
}

/// The tables in which a row has this value in the column.
fn rows_with(house: &House, column: &'static str, value: i64) -> Vec<&'static str> {
    let mut tables = tables_with(column);
    // Entries of the inbox hold no content: they tell the readers of its feed that the chat is gone, and are pruned.
    tables.retain(|table| *table != "inbox");
    let count = |table: &&str| {
        let sql = format!("select count(*) from {table} where {column} = ?1");
        house.read(move |tx| tx.int(&sql, &[value.into()])) > 0
    };
    tables.into_iter().filter(count).collect()
}

/// A greeting, which the visitor answers with a chat.
fn greet(house: &House, visitor: &Subject) {
    create(house, draft("Hello", vec![url("a.example")]));
    // Visitors of the house name no browser, as programs do, which nobody greets.
    people_only(house);
    let guest = guest(house, visitor, "https://a.example/");
    assert!(send_due(house, &guest).is_some());
}

/// An uploaded file in the chat, an edit, a ban and a ticket.
fn leave_traces(house: &House, visitor: &Subject, agent: &Subject, chat: ChatId) {
    house.take(agent, chat).unwrap();
    let said = house.say(agent, chat, "Helo");
    let anew = move |tx: &mut dyn parlor::db::Tx, permit: &_, now| {
        edits::edit(tx, permit, said.seq, &NewEvent::message("Hello")?, now)
    };
    house.with(agent, Action::EditEvent, chat, anew).unwrap();
    store(house, visitor, 1);
    let used = store(house, visitor, 2);
    claim(house, visitor, &used.url(), chat).unwrap();
    let (site, root, agent) = (house.site, visitor_id(visitor), agent.clone());
    let leave = move |tx: &mut dyn parlor::db::Tx, now| {
        let on_visitor = Object::Visitor { site, root };
        let permit = authorize(&agent, Action::BanVisitor, on_visitor)?;
        bans::ban(tx, &permit, &NewBan::default(), now)?;
        let permit = authorize(&Subject::System, Action::SendTicket, Object::Site(site))?;
        let body = json!({"ticket_message": "Please call me"});
        let ticket = NewTicket::parse(body.as_object().unwrap())?;
        tickets::create(tx, &permit, &ticket, Sender::Proven(root), now)
    };
    house.write(leave).unwrap();
}

#[test]
fn a_deleted_visitor_is_named_by_no_row() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ada"));
        greet(&house, &visitor);
        let chat = house.chat(&visitor);
        leave_traces(&house, &visitor, &agent, chat);
        let (site, row) = (house.site, visitor_id(&visitor));
        for table in ["files", "invitations", "bans", "tickets"] {
            assert!(rows_with(&house, "visitor_id", row.0).contains(&table));
        }
        for table in [
            "events",
            "event_states",
            "threads",
            "chat_users",
            "files",
            "invitations",
        ] {
            assert!(rows_with(&house, "chat_id", chat.0).contains(&table));
        }

        let before = clock.now() + 1;
        let erase = move |tx: &mut dyn parlor::db::Tx| {
            chats::delete_of_visitor(tx, row, before)?;
            tickets::delete_of_visitor(tx, row)?;
            // Whoever wrote stays until somebody says otherwise; the rest goes the way of those who never came back.
            let sql = "update visitors set kind = 'anonymous' where id = ?1";
            tx.exec(sql, &[row.into()])?;
            retention::delete_unseen(tx, site, before, Chunk::default())
        };
        db.write_blocking(Lane::Chat, erase).unwrap();

        assert_eq!(rows_with(&house, "visitor_id", row.0), [""; 0]);
        assert_eq!(rows_with(&house, "chat_id", chat.0), [""; 0]);
        let row = row.0;
        let left = house.read(move |tx| {
            let sql = "select count(*) from visitors where id = ?1";
            tx.int(sql, &[row.into()])
        });
        assert_eq!(left, 0);
    });
}

#[test]
fn a_visitor_who_never_came_back_takes_their_uploads_along() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        store(&house, &visitor, 1);
        let (site, before, row) = (house.site, clock.now() + 1, visitor_id(&visitor).0);

        house
            .write(move |tx, _| retention::delete_unseen(tx, site, before, Chunk::default()))
            .unwrap();

        assert_eq!(rows_with(&house, "visitor_id", row), [""; 0]);
    });
}
