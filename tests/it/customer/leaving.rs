//! Why a visitor's socket ends: bans, disconnections, too many connections, no room on the site, a restart.

use parlor::Config;
use parlor::domain::disconnect::DisconnectReason;
use parlor::domain::ids::VisitorId;
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::store::bans::{self, NewBan};
use parlor::store::sites;
use parlor::token::Token;
use serde_json::json;

use super::{Client, ORIGIN, Shop, Visitor, login};

const HOUR_MS: i64 = 3_600_000;

fn permit(shop: &Shop, visitor: &Visitor, agent: &Subject) -> Permit {
    let root: VisitorId = visitor.id().parse().unwrap();
    let site = shop.site.id;
    authorize(agent, Action::BanVisitor, Object::Visitor { site, root }).unwrap()
}

fn ban(shop: &Shop, visitor: &Visitor, new: NewBan) {
    let permit = permit(shop, visitor, &shop.house.agent("Ada"));
    shop.house
        .write(move |tx, now| bans::ban(tx, &permit, &new, now))
        .unwrap();
}

/// The reason a socket was told, and its close code.
async fn end(client: &mut Client) -> (String, u16) {
    let ended = client.ended().await;
    let push = client.push("customer_disconnected").await;
    let reason = push["payload"]["reason"].as_str().unwrap().to_owned();
    (reason, ended.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_visitor_is_sent_away_and_not_let_in_until_the_ban_ends() {
    let shop = Shop::open().await;
    let (mut visitor, _) = shop.chatting().await;
    let mut second_tab = shop.log_in(&visitor.token).await.0;
    let for_an_hour = NewBan {
        length_ms: Some(HOUR_MS),
        ..NewBan::default()
    };

    tokio::task::block_in_place(|| ban(&shop, &visitor, for_an_hour));

    let want = ("customer_banned".to_owned(), 4003);
    assert_eq!(end(&mut visitor.client).await, want);
    assert_eq!(end(&mut second_tab).await, want);
    let mut back = shop.connect().await;
    let refused = back.refused("login", login(&visitor.token)).await;
    assert_eq!(refused, "customer_banned: the visitor is banned");
    shop.visitor().await;

    shop.app.clock().turn(HOUR_MS);
    shop.log_in(&visitor.token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_can_end_the_sockets_of_a_visitor_for_each_reason() {
    let shop = Shop::open().await;
    let agent = tokio::task::block_in_place(|| shop.house.agent("Ada"));
    for reason in DisconnectReason::ALL {
        let mut visitor = shop.visitor().await;
        let bystander = shop.visitor().await;

        tokio::task::block_in_place(|| {
            let permit = permit(&shop, &visitor, &agent);
            shop.house
                .write(move |tx, now| bans::disconnect(tx, &permit, reason, now))
                .unwrap();
        });

        assert_eq!(end(&mut visitor.client).await.0, reason.as_str());
        let mut bystander = bystander.client;
        bystander.done("get_customer", json!({})).await;
        shop.log_in(&visitor.token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_with_too_many_connections_is_told_and_then_blocked() {
    let shop = Shop::open_with(Config {
        sockets_per_visitor: 2,
        ..Config::ephemeral()
    })
    .await;
    let first = shop.visitor().await;
    let second = shop.log_in(&first.token).await;

    let mut reasons = Vec::new();
    for _ in 0..12 {
        let mut client = shop.connect().await;
        client.send("login", &login(&first.token)).await.unwrap();
        reasons.push(end(&mut client).await.0);
    }

    assert_eq!(reasons[0], "too_many_connections");
    assert_eq!(reasons[11], "customer_temporarily_blocked");
    shop.visitor().await;
    drop(second);
    let state = shop.app.state();
    crate::support::until("a place is free", || state.limits.open_sockets() == 1);
    shop.log_in(&first.token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_takes_as_many_visitors_as_it_allows() {
    let shop = Shop::open().await;
    let (site, settings) = (shop.site.clone(), shop.site.settings.clone());
    tokio::task::block_in_place(|| {
        shop.house
            .write(move |tx, now| {
                let mut settings = settings.clone();
                settings.max_connected_visitors = 1;
                let change = sites::NewSite {
                    name: &site.name,
                    origins: &site.origins,
                    settings: &settings,
                };
                sites::update(tx, &site_permit(site.id), &change, now)
            })
            .unwrap();
    });
    let first = shop.visitor().await;

    let mut late = shop.connect().await;
    let refused = late.refused("login", login(&Token::random())).await;

    assert!(refused.starts_with("users_limit_reached"), "{refused}");
    let second_tab = shop.log_in(&first.token).await;
    drop((first, second_tab));
    let state = shop.app.state();
    let site = shop.site.id;
    crate::support::until("the place is free", || {
        state.limits.connected().visitors(site) == 0
    });
    late.done("login", login(&Token::random())).await;
}

fn site_permit(site: parlor::domain::ids::SiteId) -> Permit {
    authorize(&Subject::System, Action::ChangeSite, Object::Site(site)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_only_so_many_sockets_without_a_login() {
    let shop = Shop::open_with(Config {
        sockets_per_address: 20,
        ..Config::ephemeral()
    })
    .await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(shop.connect().await);
    }

    let mut one_more = shop.connect().await;
    assert_eq!(
        end(&mut one_more).await.0,
        "too_many_unauthorized_connections"
    );

    waiting[0].done("login", login(&Token::random())).await;
    shop.visitor().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_so_in_the_words_of_the_protocol() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;

    shop.app.state().stop.cancel();

    assert_eq!(
        end(&mut visitor.client).await,
        ("internal_error".to_owned(), 1012)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_visitor_uploads_nothing() {
    let shop = Shop::open().await;
    let (visitor, _) = shop.chatting().await;
    let address = shop.app.address();
    let bearer = format!("Bearer {}", visitor.token.as_str());
    let url = format!(
        "http://{address}/v3.5/customer/action/upload_file?license_id={}",
        shop.site.license_id
    );
    tokio::task::block_in_place(|| ban(&shop, &visitor, NewBan::default()));

    let refused = tokio::task::block_in_place(|| {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let boundary = "x";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nHello\r\n--{boundary}--\r\n"
        );
        agent
            .post(&url)
            .header("Authorization", &bearer)
            .header("Origin", ORIGIN)
            .header("Content-Type", "multipart/form-data; boundary=x")
            .send(body)
            .unwrap()
    });

    assert_eq!(refused.status(), 403);
    let body = tokio::task::block_in_place(|| refused.into_body().read_to_string().unwrap());
    assert!(body.contains("customer_banned"), "{body}");
}
