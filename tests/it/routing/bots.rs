//! Bots: at the desk while a key of theirs is used and they say that they take chats.

use parlor::domain::agent::{AgentStatus, Role};
use parlor::domain::ids::{AgentId, ApiKeyId};
use parlor::domain::permission::{Action, Object, Scope, Subject, authorize};
use parlor::domain::routing::GroupStatus;
use parlor::store::api_keys::{self, BOT_CONNECTED_MS, NewApiKey};
use parlor::store::{agents, groups};
use parlor::token::Token;

use super::invariants;
use crate::support::each_engine;
use crate::support::house::House;

impl House {
    /// A bot and a key of it that was never used.
    fn bot(&self) -> (AgentId, ApiKeyId) {
        let site = self.site;
        self.write(move |tx, now| {
            let bot = agents::create_bot(tx, site, "Tea bot", now)?;
            let new = NewApiKey {
                site,
                name: "bot",
                scopes: &[Scope::WriteChats],
                agent: Some(bot),
                hash: &Token::random().hash(),
                prefix: "parlor_",
                expires_at: None,
            };
            Ok((bot, api_keys::create(tx, &new, now)?))
        })
        .unwrap()
    }

    fn use_key(&self, key: ApiKeyId) {
        self.write(move |tx, now| api_keys::touch(tx, key, now))
            .unwrap();
    }

    fn accept(&self, bot: AgentId) {
        self.write(move |tx, now| {
            let role = Role::Agent;
            let object = Object::Agent { agent: bot, role };
            let permit = authorize(&Subject::System, Action::ManageAgent, object)?;
            agents::set_status(tx, &permit, AgentStatus::Accepting, now)
        })
        .unwrap();
    }

    fn default_status(&self) -> GroupStatus {
        let (site, now) = (self.site, self.clock.now());
        self.read(move |tx| {
            let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
            Ok(groups::statuses(tx, &permit, now)?[0].1)
        })
    }
}

#[test]
fn a_bot_gets_chats_once_it_accepts_and_while_it_calls() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (bot, key) = house.bot();
        house.use_key(key);
        let early = house.new_chat();
        assert_eq!(house.owner(early), None, "it has not said so");

        house.accept(bot);
        assert_eq!(house.default_status(), GroupStatus::Online);
        house.route();
        assert_eq!(house.owner(early), Some(bot));
        clock.turn(BOT_CONNECTED_MS - 60_000);
        assert_eq!(house.default_status(), GroupStatus::Online);
        clock.turn(60_000);
        assert_eq!(
            house.default_status(),
            GroupStatus::Offline,
            "it fell silent"
        );
        let late = house.new_chat();
        assert_eq!(house.owner(late), None);

        house.use_key(key);
        house.route();
        assert_eq!(house.owner(late), Some(bot), "it called again");
        invariants::check(&house);
    });
}

#[test]
fn a_bot_that_never_called_or_lost_its_key_is_not_there() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (bot, key) = house.bot();
        house.accept(bot);
        assert_eq!(house.default_status(), GroupStatus::Offline);

        house.use_key(key);
        assert_eq!(house.default_status(), GroupStatus::Online);
        let site = house.site;
        let revoked = house.write(move |tx, now| api_keys::revoke(tx, site, key, now));
        assert!(revoked.unwrap());

        assert_eq!(house.default_status(), GroupStatus::Offline);
    });
}

#[test]
fn a_bot_that_falls_silent_loses_what_it_has_not_answered() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (bot, key) = house.bot();
        house.accept(bot);
        house.use_key(key);
        let chat = house.new_chat();
        assert_eq!(house.owner(chat), Some(bot));

        clock.turn(BOT_CONNECTED_MS);
        house.route();
        clock.turn(59_000);
        house.route();
        assert_eq!(house.owner(chat), Some(bot), "still in time");
        clock.turn(2_000);
        house.route();

        assert_eq!(house.owner(chat), None);
        invariants::check(&house);
    });
}
