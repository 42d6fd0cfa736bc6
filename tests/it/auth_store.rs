//! Agents, logins and tokens in the store, on both engines.

use std::sync::{Arc, Barrier};

use parlor::db::{Db, Error};
use parlor::domain::Refusal;
use parlor::domain::agent::{Email, Role};
use parlor::domain::ids::{AgentId, SiteId};
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::domain::site::SiteSettings;
use parlor::store::agents::{self, NewAgent};
use parlor::store::logins::{self, NewLogin};
use parlor::store::one_time_tokens::{self, Holder, Purpose};
use parlor::store::sites::{self, NewSite};
use parlor::token::Token;

use crate::auth_browser::{count, found, write};
use crate::support::each_engine;

fn manage(agent: AgentId) -> Permit {
    let object = Object::Agent {
        agent,
        role: Role::Owner,
    };
    authorize(&Subject::System, Action::ManageAgent, object).expect("the system may")
}

fn add(db: &Db, email: &str, role: Role, site: SiteId) -> Result<AgentId, Error> {
    let email = Email::parse(email).expect("an address");
    db.write_blocking(parlor::db::Lane::Chat, move |tx| {
        let new = NewAgent {
            name: "Some Agent",
            email: &email,
            password_hash: "",
            role,
        };
        agents::create(tx, &new, &[site], 1)
    })
}

fn login(db: &Db, agent: AgentId, site: SiteId, now: i64) -> Token {
    let token = Token::random();
    let hash = token.hash();
    write(db, move |tx| {
        let new = NewLogin {
            token_hash: &hash,
            agent,
            site,
            user_agent: "",
            ip: "",
        };
        logins::create(tx, &new, now)
    });
    token
}

fn is_open(db: &Db, token: &Token, now: i64) -> bool {
    let hash = token.hash();
    db.read_blocking(move |tx| logins::open(tx, &hash, now))
        .expect("the read succeeds")
        .is_some()
}

#[test]
fn an_address_belongs_to_one_agent_whatever_its_case() {
    each_engine(|db, clock| {
        let (_, site) = found(db, clock);

        let refused = add(db, "OWNER@Example.org", Role::Agent, site.id).unwrap_err();

        assert!(
            matches!(&refused, Error::Refused(Refusal::Validation { field, .. }) if field == "email"),
            "{refused:?}"
        );
        assert!(add(db, "other@example.org", Role::Agent, site.id).is_ok());
    });
}

#[test]
fn the_last_owner_stays_an_owner() {
    each_engine(|db, clock| {
        let (owner, site) = found(db, clock);
        let demote = |agent: AgentId| {
            let permit = manage(agent);
            db.write_blocking(parlor::db::Lane::Chat, move |tx| {
                agents::set_role(tx, &permit, Role::Admin, None, 2)
            })
        };
        let refused =
            |result: Result<(), Error>| matches!(result, Err(Error::Refused(Refusal::Conflict(_))));

        assert!(refused(demote(owner)));
        let permit = manage(owner);
        assert!(refused(
            db.write_blocking(parlor::db::Lane::Chat, move |tx| {
                agents::deactivate(tx, &permit, 2)
            })
        ));

        let second = add(db, "second@example.org", Role::Owner, site.id).expect("a second owner");
        assert!(demote(owner).is_ok());
        assert!(refused(demote(second)));
    });
}

#[test]
fn two_owners_who_remove_each_other_at_once_leave_one() {
    each_engine(|db, clock| {
        let (first, site) = found(db, clock);
        for round in 0..10 {
            write(db, move |tx| {
                tx.exec(
                    "update agents set role = 'owner' where id = ?1",
                    &[first.into()],
                )
            });
            let email = format!("second{round}@example.org");
            let second = add(db, &email, Role::Owner, site.id).expect("a second owner");
            let barrier = Arc::new(Barrier::new(2));
            std::thread::scope(|scope| {
                for agent in [first, second] {
                    let (barrier, permit) = (Arc::clone(&barrier), manage(agent));
                    scope.spawn(move || {
                        barrier.wait();
                        // One of the two is refused; which one does not matter.
                        drop(db.write_blocking(parlor::db::Lane::Chat, move |tx| {
                            agents::set_role(tx, &permit, Role::Agent, None, 2)
                        }));
                    });
                }
            });
            assert_eq!(
                count(db, "select count(*) from agents where role = 'owner'"),
                1,
                "{round}"
            );
            write(db, |tx| tx.exec("update agents set role = 'agent'", &[]));
        }
    });
}

#[test]
fn a_changed_password_ends_all_logins_but_the_spared_one() {
    each_engine(|db, clock| {
        let (owner, site) = found(db, clock);
        let now = clock.now();
        let (here, there) = (
            login(db, owner, site.id, now),
            login(db, owner, site.id, now),
        );
        let hash = here.hash();
        let this = db
            .read_blocking(move |tx| logins::open(tx, &hash, now))
            .expect("the read succeeds")
            .expect("it is open")
            .login;

        write(db, move |tx| {
            agents::set_password(tx, owner, "new", Some(this), now)
        });

        assert!(is_open(db, &here, now));
        assert!(!is_open(db, &there, now));
    });
}

#[test]
fn a_deactivated_agent_has_no_login_and_no_link() {
    each_engine(|db, clock| {
        let (_, site) = found(db, clock);
        let now = clock.now();
        let agent = add(db, "a@example.org", Role::Agent, site.id).expect("an agent");
        let (token, link) = (login(db, agent, site.id, now), Token::random());
        let hash = link.hash();
        let holder = Holder {
            agent: Some(agent),
            login: None,
        };
        write(db, move |tx| {
            one_time_tokens::create(tx, Purpose::Reset, &hash, holder, now)
        });

        let permit = manage(agent);
        write(db, move |tx| agents::deactivate(tx, &permit, now));

        assert!(!is_open(db, &token, now));
        let left =
            db.read_blocking(move |tx| one_time_tokens::peek(tx, Purpose::Reset, &hash, now));
        assert_eq!(left.expect("the read succeeds"), None);
        let permit = manage(agent);
        write(db, move |tx| agents::reactivate(tx, &permit, now));
        assert!(!is_open(db, &token, now), "an ended login stays ended");
        assert!(is_open(db, &login(db, agent, site.id, now), now));
    });
}

#[test]
fn a_one_time_token_is_taken_once_however_many_try() {
    each_engine(|db, clock| {
        let (owner, _) = found(db, clock);
        let (token, now) = (Token::random(), clock.now());
        let hash = token.hash();
        let holder = Holder {
            agent: Some(owner),
            login: None,
        };
        write(db, move |tx| {
            one_time_tokens::create(tx, Purpose::Invite, &hash, holder, now)
        });

        let wrong = write(db, move |tx| {
            one_time_tokens::take(tx, Purpose::Socket, &hash, now)
        });
        let taken = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(move || {
                        write(db, move |tx| {
                            one_time_tokens::take(tx, Purpose::Invite, &hash, now)
                        })
                    })
                })
                .collect();
            tries
                .into_iter()
                .filter_map(|one| one.join().expect("the try ends"))
                .count()
        });

        assert_eq!(wrong, None, "a token opens only what it is for");
        assert_eq!(taken, 1);
    });
}

#[test]
fn a_new_link_makes_the_earlier_one_void() {
    each_engine(|db, clock| {
        let (owner, _) = found(db, clock);
        let now = clock.now();
        let holder = Holder {
            agent: Some(owner),
            login: None,
        };
        let hashes = [Token::random().hash(), Token::random().hash()];
        for hash in hashes {
            write(db, move |tx| {
                one_time_tokens::create(tx, Purpose::Reset, &hash, holder, now)
            });
        }

        let left = hashes.map(|hash| {
            db.read_blocking(move |tx| one_time_tokens::peek(tx, Purpose::Reset, &hash, now))
                .expect("the read succeeds")
        });

        assert_eq!(left, [None, Some(holder)]);
        let later = now + Purpose::Reset.ttl_ms() + 1;
        assert_eq!(
            write(db, move |tx| one_time_tokens::delete_expired(tx, later, 10)),
            1
        );
    });
}

#[test]
fn sites_made_at_once_have_names_of_their_own() {
    each_engine(|db, _| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    write(db, |tx| {
                        let new = NewSite {
                            name: "Shop",
                            origins: &[],
                            settings: &SiteSettings::default(),
                        };
                        sites::create(tx, &new, 1)
                    });
                });
            }
        });

        let all = db.read_blocking(sites::all).expect("the read succeeds");

        assert_eq!(all.len(), 8);
        for site in all {
            let (key, organization) = (site.key.clone(), site.organization_id.clone());
            let found = db.read_blocking(move |tx| {
                Ok([
                    sites::by_key(tx, &key)?,
                    sites::by_license(tx, site.license_id)?,
                    sites::by_organization(tx, &organization)?,
                    sites::by_id(tx, site.id)?,
                ])
            });
            for one in found.expect("the read succeeds") {
                assert_eq!(one.map(|one| one.id), Some(site.id));
            }
        }
    });
}

#[test]
fn a_saved_site_reads_back_and_its_version_always_grows() {
    each_engine(|db, clock| {
        let (_, site) = found(db, clock);
        let permit = authorize(&Subject::System, Action::ChangeSite, Object::Site(site.id))
            .expect("the system may");
        let settings = SiteSettings {
            welcome: "“Hi”\n<b>".into(),
            ..SiteSettings::default()
        };
        // A clock that stands still, or was set back, must not leave browsers with the old version.
        for now in [site.updated_at, 5] {
            let (permit, settings) = (permit.clone(), settings.clone());
            write(db, move |tx| {
                let new = NewSite {
                    name: "Tea",
                    origins: &["https://a.example".to_owned()],
                    settings: &settings,
                };
                sites::update(tx, &permit, &new, now)
            });
        }
        let again = permit.clone();
        write(db, move |tx| {
            sites::allow_origin(tx, &again, "https://b.example", 7)
        });
        write(db, move |tx| {
            sites::allow_origin(tx, &permit, "https://b.example", 8)
        });

        let id = site.id;
        let saved = db
            .read_blocking(move |tx| sites::by_id(tx, id))
            .expect("the read succeeds")
            .expect("it is there");

        assert_eq!(saved.name, "Tea");
        assert_eq!(saved.origins, ["https://a.example", "https://b.example"]);
        assert_eq!(saved.settings, settings);
        assert_eq!(saved.updated_at, site.updated_at + 3);
    });
}
