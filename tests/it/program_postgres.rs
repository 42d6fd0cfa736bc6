//! The program on PostgreSQL: several nodes on one database, and commands beside them.

use parlor::config::Seed;
use parlor::db::{Lane, Place};
use parlor::{App, Config};

use crate::support::Fresh;
use crate::support::program::{get, parlor};

fn url_of(fresh: &Fresh) -> String {
    match &fresh.options.place {
        Place::Postgres(url) => url.clone(),
        Place::Sqlite(_) => unreachable!("a server was asked for"),
    }
}

#[test]
fn two_nodes_share_a_database_and_commands_reach_it() {
    let Some(fresh) = Fresh::postgres() else {
        return;
    };
    let url = url_of(&fresh);
    let config = || Config {
        database: Some(url.parse().unwrap()),
        ..Config::ephemeral()
    };
    let first = App::start(config().with_seed(Seed {
        owner_name: "Olive".into(),
        owner_email: "olive@example.com".into(),
        owner_password: "a long enough password".into(),
        site_name: "Shop".into(),
        site_origins: Vec::new(),
    }))
    .unwrap();
    let second = App::start(config()).unwrap();

    // What one node made the other serves.
    let key = &first.seeded().unwrap().site_key;
    assert!(get(second.address(), "/demo/").body.contains(key.as_str()));
    assert_eq!(second.setup_link(), None, "the house is founded");
    // Ids made at the same moment differ, since each node has a number of its own.
    let ids = [&first, &second].map(|app| {
        let made = app
            .db()
            .write_blocking(Lane::Admin, |tx| Ok(tx.new_id(2_000_000_000_000)));
        format!("{made:?}")
    });
    assert_ne!(ids[0], ids[1]);

    let listed = parlor()
        .args(["agent", "list", "--database", &url])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("olive@example.com"));
}
