//! Groups, queues, predictions and transfers as visitors' sockets see them.

use parlor::domain::agent::AgentStatus;
use parlor::domain::event::AssignReason;
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::chats::{self, Target};
use parlor::store::groups::{self, Group, GroupChange, GroupSettings};
use serde_json::{Value, json};

use super::client::Client;
use super::{ORIGIN, Shop, Visitor, login};
use crate::support::house::agent_id;

impl Shop {
    /// An agent at the desk of this shop, whose status is theirs.
    fn clerk(&self, name: &'static str, max_chats: i64) -> Subject {
        let agent = self.house.agent(name);
        let id = agent_id(&agent);
        self.house
            .write(move |tx, _| {
                tx.exec(
                    "update agents set max_chats = ?2 where id = ?1",
                    &[id.into(), max_chats.into()],
                )
            })
            .unwrap();
        self.house.connect(&agent);
        agent
    }

    fn group(&self, name: &'static str, members: &[&Subject]) -> Group {
        let site = self.house.site;
        let members: Vec<_> = members.iter().map(|agent| agent_id(agent)).collect();
        self.house
            .write(move |tx, now| {
                let object = Object::Site(site);
                let permit = authorize(&Subject::System, Action::ConfigureChat, object)?;
                let group = groups::create(tx, &permit, name, now)?;
                let change = GroupChange {
                    name: name.into(),
                    settings: GroupSettings::default(),
                    members: members.clone(),
                };
                groups::update(tx, &permit, group.id, &change, now)?;
                Ok(group)
            })
            .unwrap()
    }

    /// A new visitor who names a group at login, by this version of the wire.
    async fn visitor_of(&self, version: &str, group: i64) -> (Client, Value) {
        let path = format!("/{version}/customer/rtm/ws?site={}", self.site.key);
        let mut client = Client::connect(&self.url_of(&path), ORIGIN).await.unwrap();
        let mut payload = login(&parlor::token::Token::random());
        payload["group_id"] = group.into();
        let payload = client.done("login", payload).await;
        (client, payload)
    }
}

/// Begins a chat and returns the thread as the requester was shown it.
async fn begin(client: &mut Client, chat: Value) -> Value {
    client.done("start_chat", json!({"chat": chat})).await;
    let push = client.push("incoming_chat").await;
    push["payload"]["chat"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_sees_their_place_and_each_step_forward() {
    let shop = Shop::open().await;
    let ada = shop.clerk("Ada", 1);
    let mut clients: Vec<Visitor> = Vec::new();
    let mut chats = Vec::new();
    for _ in 0..3 {
        let mut visitor = shop.visitor().await;
        chats.push(begin(&mut visitor.client, json!({})).await);
        clients.push(visitor);
    }
    assert!(chats[0]["thread"].get("queue").is_none());
    assert_eq!(chats[1]["thread"]["queue"]["position"], 1);
    let queue = &chats[2]["thread"]["queue"];
    assert_eq!(
        (&queue["position"], &queue["wait_time"]),
        (&json!(2), &json!(60))
    );
    assert!(queue["queued_at"].as_str().unwrap().ends_with('Z'));

    let first = chats[0]["id"].as_str().unwrap().parse().unwrap();
    shop.house.close(&ada, first).unwrap();

    let transferred = clients[1].client.push("chat_transferred").await["payload"].clone();
    assert_eq!(transferred["reason"], "assigned");
    assert!(transferred.get("requester_id").is_none());
    assert_eq!(
        transferred["transferred_to"],
        json!({"agent_ids": [agent_id(&ada).to_string()]})
    );
    let moved = clients[2].client.push("queue_position_updated").await;
    assert_eq!(moved["payload"]["chat_id"], chats[2]["id"]);
    assert_eq!(moved["payload"]["thread_id"], chats[2]["thread"]["id"]);
    assert_eq!(moved["payload"]["queue"]["position"], 1);
    assert!(moved["payload"]["queue"].get("queued_at").is_none());
    let shown = clients[2]
        .client
        .done("get_chat", json!({"chat_id": chats[2]["id"]}))
        .await;
    assert_eq!(shown["thread"]["queue"]["position"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_goes_to_the_first_group_that_exists_or_to_the_visitors_own() {
    let shop = Shop::open().await;
    let bob = shop.clerk("Bob", 5);
    let tea = shop.group("Tea", &[&bob]);
    assert_eq!(tea.number, 1);

    let (mut own, logged_in) = shop.visitor_of("v3.2", 1).await;
    let config = &logged_in["__priv_dynamic_config"];
    assert_eq!(config["customer_groups"]["monitoring"]["id"], 1);
    assert_eq!(config["online_groups_ids"], json!([0, 1]));
    let chat = begin(&mut own, json!({})).await;
    assert_eq!(chat["access"], json!({"group_ids": [1]}));
    assert_eq!(chat["thread"]["access"], json!({"group_ids": [1]}));

    let (mut named, logged_in) = shop.visitor_of("v3.2", 77).await;
    let config = &logged_in["__priv_dynamic_config"];
    assert_eq!(config["customer_groups"]["monitoring"]["id"], 0, "unknown");
    let refused = named
        .refused(
            "start_chat",
            json!({"chat": {"access": {"group_ids": [77]}}}),
        )
        .await;
    assert!(refused.starts_with("group_not_found: "), "{refused}");
    let refused = named
        .refused(
            "start_chat",
            json!({"chat": {"access": {"group_ids": ["1"]}}}),
        )
        .await;
    assert!(
        refused.starts_with("validation: chat.access.group_ids"),
        "{refused}"
    );
    let chat = begin(&mut named, json!({"access": {"group_ids": [77, 1]}})).await;
    assert_eq!(chat["access"], json!({"group_ids": [1]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predicted_agent_has_the_shape_of_the_version_and_each_error() {
    let shop = Shop::open().await;
    let (mut v2, _) = shop.visitor_of("v3.2", 0).await;
    let (mut v3, _) = shop.visitor_of("v3.3", 0).await;

    let refused = v2.refused("get_predicted_agent", json!({})).await;
    assert!(refused.starts_with("group_offline: "), "{refused}");
    let refused = v2
        .refused("get_predicted_agent", json!({"group_id": 9}))
        .await;
    assert!(refused.starts_with("group_not_found: "), "{refused}");
    let refused = v2
        .refused("get_predicted_agent", json!({"group_id": "x"}))
        .await;
    assert!(refused.starts_with("validation: group_id"), "{refused}");

    let ada = shop.clerk("Ada", 1);
    let agent = json!({"id": agent_id(&ada).to_string(), "type": "agent", "name": "Ada",
        "avatar": "", "job_title": "", "is_bot": false});
    assert_eq!(v2.done("get_predicted_agent", json!({})).await, agent);
    assert_eq!(
        v3.done("get_predicted_agent", json!({"group_id": 0})).await,
        json!({"agent": agent, "queue": false})
    );
    begin(&mut v2, json!({})).await;
    let refused = v3.refused("get_predicted_agent", json!({})).await;
    assert!(refused.starts_with("group_unavailable: "), "{refused}");
    let statuses = v3.done("list_group_statuses", json!({"all": true})).await;
    assert_eq!(statuses["groups_status"], json!({"0": "online_for_queue"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_begins_with_the_visitors_own_group() {
    let shop = Shop::open().await;
    let bob = shop.house.agent("Bob");
    shop.group("Tea", &[&bob]);
    let (mut v2, logged_in) = shop.visitor_of("v3.2", 1).await;
    let (mut v4, _) = shop.visitor_of("v3.5", 1).await;
    assert!(
        logged_in["__priv_dynamic_config"]
            .get("online_groups_ids")
            .is_none()
    );

    shop.house.connect(&bob);

    let groups = json!([{"id": 1, "status": "online"}, {"id": 0, "status": "online"}]);
    let push = v2.push("incoming_multicast").await;
    assert_eq!(push["payload"]["content"]["groups"], groups);
    let push = v4.push("groups_status_updated").await;
    assert_eq!(push["payload"]["groups"], groups);

    // The hours of the own group end: nothing else changes.
    let site = shop.house.site;
    let member = agent_id(&bob);
    shop.house
        .write(move |tx, now| {
            let object = Object::Site(site);
            let permit = authorize(&Subject::System, Action::ConfigureChat, object)?;
            let tea = groups::get(tx, &permit, 1)?;
            let hours = parlor::domain::hours::Hours::parse("UTC", &[""; 7])?;
            let change = GroupChange {
                name: tea.name,
                settings: GroupSettings { hours: Some(hours) },
                members: vec![member],
            };
            groups::update(tx, &permit, tea.id, &change, now)
        })
        .unwrap();
    let push = v4.push("groups_status_updated").await;
    assert_eq!(
        push["payload"]["groups"],
        json!([{"id": 1, "status": "offline"}, {"id": 0, "status": "online"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_names_reason_requester_target_and_queue() {
    let shop = Shop::open().await;
    let (ada, bob) = (shop.clerk("Ada", 5), shop.house.agent("Bob"));
    let tea = shop.group("Tea", &[&bob]);
    let mut visitor = shop.visitor().await;
    let chat = visitor.start("Hello").await;
    let id = chat.parse().unwrap();
    let transfer = |to: Target| {
        shop.house
            .with(&ada, Action::AssignChat, id, move |tx, permit, now| {
                chats::transfer(tx, permit, to, AssignReason::Manual, now).map(|_| ())
            })
            .unwrap();
    };

    transfer(Target::Agent(agent_id(&bob)));

    let added = visitor.client.push("user_added_to_chat").await["payload"].clone();
    assert_eq!(added["user"]["name"], "Bob");
    assert_eq!(
        (&added["reason"], &added["requester_id"]),
        (&json!("manual"), &json!(agent_id(&ada).to_string()))
    );
    let moved = visitor.client.push("chat_transferred").await["payload"].clone();
    assert_eq!(moved["chat_id"], chat);
    assert_eq!(moved["reason"], "manual");
    assert_eq!(moved["requester_id"], agent_id(&ada).to_string());
    assert_eq!(
        moved["transferred_to"],
        json!({"agent_ids": [agent_id(&bob).to_string()]})
    );
    assert!(moved.get("queue").is_none() && moved["seq"].is_i64());
    let removed = visitor.client.push("user_removed_from_chat").await["payload"].clone();
    assert_eq!(removed["user_id"], agent_id(&ada).to_string());
    let line = visitor.client.push("incoming_event").await["payload"]["event"].clone();
    assert_eq!(line["system_message_type"], "chat_transferred");
    assert_eq!(line["text"], "Ada transferred the chat to Bob.");

    transfer(Target::Group(tea.id));
    let moved = visitor.client.push("chat_transferred").await["payload"].clone();
    assert_eq!(moved["transferred_to"], json!({"group_ids": [1]}));
    assert_eq!(moved["queue"]["position"], 1);
    let shown = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    assert_eq!(shown["access"], json!({"group_ids": [1]}));
    assert_eq!(shown["thread"]["queue"]["position"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_begins_only_while_somebody_is_there_where_the_site_says_so() {
    let shop = Shop::open().await;
    let site = shop.house.site;
    shop.house
        .write(move |tx, now| {
            let object = Object::Site(site);
            let permit = authorize(&Subject::System, Action::ChangeSite, object)?;
            let mut found = parlor::store::sites::by_id(tx, site)?.unwrap();
            found.settings.chats_wait_while_offline = false;
            let new = parlor::store::sites::NewSite {
                name: &found.name,
                origins: &found.origins,
                settings: &found.settings,
            };
            parlor::store::sites::update(tx, &permit, &new, now)
        })
        .unwrap();
    let mut visitor = shop.visitor().await;

    let refused = visitor.client.refused("start_chat", json!({})).await;
    assert!(refused.starts_with("groups_offline: "), "{refused}");
    let ada = shop.clerk("Ada", 5);
    let chat = visitor.start("Hello").await;
    let id = chat.parse().unwrap();
    assert_eq!(shop.house.row(id).agent, Some(agent_id(&ada)));

    shop.house.close(&ada, id).unwrap();
    let me = agent_id(&ada);
    shop.house
        .write(move |tx, _| {
            tx.exec(
                "update agents set status = ?2 where id = ?1",
                &[me.into(), AgentStatus::Away.as_str().into()],
            )
        })
        .unwrap();
    let refused = visitor
        .client
        .refused("activate_chat", json!({"chat": {"id": chat}}))
        .await;
    assert!(refused.starts_with("groups_offline: "), "{refused}");
}
