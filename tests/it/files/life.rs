//! How long files stay: claimed, unused, erased, cut off; once in storage, on both engines.

use parlor::blobs::{Blob, BlobDirectory, BlobName, Blobs};
use parlor::domain::Refusal;
use parlor::domain::file::File;
use parlor::domain::ids::ChatId;
use parlor::domain::permission::{Action, Object, Permit, Subject, authorize};
use parlor::scheduler::{Scheduler, remove_strays};
use parlor::store::files::{NewFile, Variant};
use parlor::store::{blobs, chats, files};

use super::*;
use crate::support::house::{House, refusal, signed, visitor_id};
use crate::support::{each_engine, until};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn may_upload(house: &House, who: &Subject) -> Permit {
    authorize(who, Action::Upload, Object::Site(house.site)).unwrap()
}

/// A new file whose content is one byte, repeated 32 times as its hash.
fn new_file(content: u8) -> NewFile {
    NewFile {
        secret: [content; 16],
        base_url: "https://chat.example".into(),
        name: "a.txt".into(),
        content_type: "text/plain".into(),
        content: Blob {
            name: BlobName::random(),
            hash: [content; 32],
            size: 1,
        },
        image: None,
        thumbnail: None,
        thumbnail2x: None,
        thumbnail_type: None,
    }
}

pub fn store(house: &House, who: &Subject, content: u8) -> File {
    let (permit, new) = (may_upload(house, who), new_file(content));
    house
        .write(move |tx, now| {
            blobs::announce(tx, std::slice::from_ref(&new.content.name), now)?;
            files::insert(tx, &permit, &new, now)
        })
        .unwrap()
}

pub fn claim(house: &House, who: &Subject, url: &str, chat: ChatId) -> parlor::db::Result<File> {
    let url = url.to_owned();
    house.with(who, Action::SendEvent, chat, move |tx, permit, now| {
        files::claim(tx, permit, &url, chat, now)
    })
}

fn names(house: &House) -> i64 {
    house.read(|tx| tx.int("select count(*) from blobs", &[]))
}

fn strays(house: &House) -> usize {
    let now = house.clock.now();
    house.read(move |tx| Ok(blobs::strays(tx, now, 100)?.len()))
}

fn opens(house: &House, file: &File) -> bool {
    let (key, now) = (file.key, house.clock.now());
    house
        .read(move |tx| files::content(tx, &key, Variant::Original, now))
        .is_some()
}

#[test]
fn only_its_own_uploader_claims_a_file_and_for_one_chat() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, stranger, agent) = (house.visitor(), house.visitor(), house.agent("Ann"));
        let (chat, other) = (house.chat(&visitor), house.chat(&stranger));
        let own = store(&house, &visitor, 1);
        let agents = store(&house, &agent, 2);
        let unused = store(&house, &visitor, 3);

        let claimed = claim(&house, &visitor, &own.url(), chat).unwrap();
        assert_eq!(claimed.url(), own.url());
        assert!(claim(&house, &visitor, &own.url(), chat).is_ok(), "again");
        assert!(claim(&house, &agent, &agents.url(), chat).is_ok());

        let proven = signed(&stranger, visitor_id(&visitor));
        let other_host = own.url().replace("chat.example", "evil.example");
        for (who, url, chat) in [
            (&stranger, own.url(), other),
            (&agent, own.url(), chat),
            (&visitor, agents.url(), chat),
            (&visitor, "https://evil.example/a.png".to_owned(), chat),
            (&visitor, other_host, chat),
            (&visitor, format!("{}x", own.url()), chat),
            (&visitor, String::new(), chat),
            (&agent, agents.url(), other),
            (&Subject::System, own.url(), chat),
        ] {
            let refused = refusal(claim(&house, who, &url, chat));
            assert!(
                matches!(&refused, Refusal::Validation { field, .. } if field == "url"),
                "{who:?} {url}: {refused:?}"
            );
        }
        let same = claim(&house, &proven, &unused.url(), chat);
        assert!(
            same.is_ok(),
            "another browser of the same proven person: {same:?}"
        );
    });
}

#[test]
fn an_unused_file_ends_after_a_day_and_a_used_one_stays() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let chat = house.chat(&visitor);
        let (used, unused) = (store(&house, &visitor, 1), store(&house, &visitor, 2));
        // The same content as the used one.
        let twin = store(&house, &visitor, 1);
        claim(&house, &visitor, &used.url(), chat).unwrap();
        assert_eq!(strays(&house), 1, "the second copy of one content goes");

        clock.turn(DAY_MS - 1000);
        assert!(opens(&house, &unused));
        clock.turn(1000);
        assert!(!opens(&house, &unused), "before anything is swept");
        assert!(claim(&house, &visitor, &unused.url(), chat).is_err());
        Scheduler::new(db.clone()).run_due(clock.now()).unwrap();

        assert!(opens(&house, &used));
        assert!(!opens(&house, &twin));
        assert_eq!((names(&house), strays(&house)), (1, 2));
        assert_eq!(
            house.read(|tx| tx.int("select count(*) from files", &[])),
            1
        );
    });
}

#[test]
fn erasing_a_visitor_takes_the_files_of_their_chats_along() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let (visitor, agent) = (house.visitor(), house.agent("Ann"));
        let chat = house.chat(&visitor);
        let [own, answer, unused] = [
            store(&house, &visitor, 1),
            store(&house, &agent, 2),
            store(&house, &visitor, 3),
        ];
        let kept = store(&house, &agent, 4);
        claim(&house, &visitor, &own.url(), chat).unwrap();
        claim(&house, &agent, &answer.url(), chat).unwrap();

        let row = visitor_id(&visitor);
        house
            .write(move |tx, now| chats::delete_of_visitor(tx, row, now))
            .unwrap();

        for file in [&own, &answer, &unused] {
            assert!(!opens(&house, file));
        }
        assert!(opens(&house, &kept));
        assert_eq!((names(&house), strays(&house)), (1, 3));
    });
}

#[test]
fn what_a_crash_left_is_removed_an_hour_later() {
    each_engine(|db, clock| {
        let folder = tempfile::tempdir().unwrap();
        let place = BlobDirectory::new(folder.path());
        let (half, whole) = (BlobName::random(), BlobName::random());
        let announced = [half.clone(), whole.clone()];
        db.write_blocking(parlor::db::Lane::Chat, {
            let now = clock.now();
            move |tx| blobs::announce(tx, &announced, now)
        })
        .unwrap();
        place.put(&whole, &mut &b"no row came"[..]).unwrap();
        let part = folder.path().join(&half.as_str()[..2]);
        std::fs::create_dir_all(&part).unwrap();
        std::fs::write(part.join(format!("{}.part", half.as_str())), b"half").unwrap();

        assert_eq!(
            remove_strays(db, &place, clock.now()).unwrap(),
            0,
            "being written"
        );
        clock.turn(60 * 60 * 1000);

        assert_eq!(remove_strays(db, &place, clock.now()).unwrap(), 2);
        assert_eq!(remove_strays(db, &place, clock.now()).unwrap(), 0);
        assert!(place.get(&whole, 0, 1).is_err());
        assert!(!part.join(format!("{}.part", half.as_str())).exists());
    });
}

#[test]
fn a_row_never_names_what_may_be_gone() {
    each_engine(|db, clock| {
        let house = House::new(db, clock);
        let visitor = house.visitor();
        let (permit, new) = (may_upload(&house, &visitor), new_file(9));

        // Announced by nobody: as if the announcement had been swept during a very slow upload.
        let stored = house.write(move |tx, now| files::insert(tx, &permit, &new, now));

        assert!(stored.unwrap_err().is_retryable());
        assert_eq!(names(&house), 0);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_lies_there_once_and_goes_with_its_last_file() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let (db, clock) = (shop.app.db().clone(), shop.app.clock().clone());
    let blobs = std::sync::Arc::clone(&shop.app.state().blobs);

    let first = upload(&shop, &visitor.token, "a.txt", b"hello").await.url();
    let second = upload(&shop, &visitor.token, "b.md", b"hello").await.url();
    let sweep = move || {
        Scheduler::new(db.clone()).run_due(clock.now()).unwrap();
        remove_strays(&db, &*blobs, clock.now()).unwrap()
    };
    let sweep = std::sync::Arc::new(sweep);
    let once = std::sync::Arc::clone(&sweep);
    tokio::task::spawn_blocking(move || once()).await.unwrap();

    assert_eq!(contents(&shop), 1);
    assert_eq!(get(&first, &[]).await.body, b"hello");
    assert_eq!(get(&second, &[]).await.body, b"hello");

    shop.app.clock().turn(DAY_MS);
    assert_eq!(get(&first, &[]).await.status, 404);
    assert_eq!(get(&second, &[]).await.status, 404);
    tokio::task::spawn_blocking(move || {
        // The program's own loop may have been first with either step.
        until("nothing is left", || {
            sweep();
            contents(&shop) == 0
        });
    })
    .await
    .unwrap();
}
