//! What is taken and what is refused.

use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::bans::{self, NewBan};
use serde_json::Value;

use super::*;
use crate::dashboard_room::Room;

const LIMIT: usize = 10 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ten_mebibytes_is_taken_and_one_byte_more_is_not() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let text = vec![b'a'; LIMIT + 1];

    let fits = upload(&shop, &visitor.token, "a.txt", &text[..LIMIT]).await;
    let large = upload(&shop, &visitor.token, "a.txt", &text).await;

    assert_eq!(fits.status, 200);
    let back = get(&fits.url(), &[]).await;
    assert_eq!((back.status, back.body.len()), (200, LIMIT));
    assert_eq!(
        (large.status, large.error().as_str()),
        (413, "entity_too_large")
    );
    assert_eq!(large.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(large.header("access-control-allow-credentials"), "true");
    assert_eq!(contents(&shop), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_decides_and_not_the_name_or_the_type() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let mut polyglot = png(3, 3);
    polyglot.extend_from_slice(b"<script>alert(1)</script>PK\x03\x04");
    let bearer = format!("Bearer {}", visitor.token.as_str());

    for (name, bytes) in [
        (
            "photo.png",
            &b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"[..],
        ),
        ("photo.png", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"),
        ("notes.txt", b"#!/bin/sh\nrm -rf /\n"),
        ("notes.txt", b"<!doctype html><script>1</script>"),
        (
            "image.svg",
            b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        ),
        ("photo.png", b"\x89PNG\r\n\x1a\n and no more"),
        ("empty.txt", b""),
    ] {
        let refused = upload(&shop, &visitor.token, name, bytes).await;
        assert!(
            (400..500).contains(&refused.status),
            "{name}: {}",
            refused.status
        );
        assert_eq!(refused.error(), "validation", "{name}");
    }
    assert_eq!(contents(&shop), 0);

    let lying = upload_as(
        &shop,
        &bearer,
        form("../../evil.exe", "text/html", &polyglot),
    )
    .await;
    assert!(lying.url().ends_with("/evil.png"), "{}", lying.url());
    let back = get(&lying.url(), &[]).await;
    assert_eq!(back.header("content-type"), "image/png");
    assert!(!back.body.windows(7).any(|part| part == b"<script"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_of_an_image_is_refused_by_its_header() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let mut bomb = png(3, 3);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut sum = flate2::Crc::new();
    sum.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.sum().to_be_bytes());

    let refused = upload(&shop, &visitor.token, "bomb.png", &bomb).await;

    assert_eq!(
        (refused.status, refused.error().as_str()),
        (400, "validation")
    );
    assert!(refused.json().to_string().contains("25 megapixels"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_visitor_of_the_site_uploads_and_hears_what_is_wrong() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let bearer = format!("Bearer {}", visitor.token.as_str());
    let other = Shop::open().await;
    let foreign = other.visitor().await;
    let foreign = format!("Bearer {}", foreign.token.as_str());
    let file = form("a.txt", "text/plain", b"hello");

    for authorization in [
        "",
        "Bearer",
        "Bearer nonsense",
        &foreign,
        visitor.token.as_str(),
    ] {
        let refused = upload_as(&shop, authorization, file.clone()).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (401, "authentication")
        );
    }
    for body in [
        &b""[..],
        b"--XX--\r\n",
        b"nonsense",
        b"--XX\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--XX--\r\n",
    ] {
        let refused = upload_as(&shop, &bearer, body.to_vec()).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (400, "validation")
        );
    }
    let elsewhere = address(&shop).replace(&shop.site.organization_id, "nobody");
    let request = ureq::http::Request::post(elsewhere)
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(file)
        .unwrap();
    let unknown = send(request).await;
    assert_eq!(
        (unknown.status, unknown.error().as_str()),
        (404, "license_not_found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_visitor_uploads_nothing() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let (site, root) = (shop.house.site, visitor.id().parse().unwrap());
    shop.house
        .write(move |tx, now| {
            let on_visitor = Object::Visitor { site, root };
            let permit = authorize(&Subject::System, Action::BanVisitor, on_visitor)?;
            bans::ban(tx, &permit, &NewBan::default(), now)
        })
        .unwrap();

    let refused = upload(&shop, &visitor.token, "a.txt", b"hello").await;

    assert_eq!(
        (refused.status, refused.error().as_str()),
        (403, "customer_banned")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_site_is_let_in_and_another_is_not() {
    let shop = Shop::open().await;
    let ask = |origin: &'static str| {
        let request = ureq::http::Request::builder()
            .method("OPTIONS")
            .uri(address(&shop))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .body(Vec::new())
            .unwrap();
        send(request)
    };

    let own = ask(ORIGIN).await;
    let foreign = ask("https://evil.example").await;

    assert_eq!(own.status, 204);
    assert_eq!(own.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(own.header("access-control-allow-credentials"), "true");
    let allowed = own.header("access-control-allow-headers").to_lowercase();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"));
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_a_hundred_uploads() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let first = upload(&shop, &visitor.token, "a.txt", b"hello").await;
    assert_eq!(first.status, 200);
    // 99 more rows of the same file, as a hundred uploads would leave them.
    shop.house
        .write(|tx, _| {
            for n in 1..100_i64 {
                tx.exec(
                    "insert into files (id, site_id, secret, base_url, visitor_id, browser_id, blob_hash, name, \
                     content_type, size, created_at) \
                     select id + ?1, site_id, secret, base_url, visitor_id, browser_id, blob_hash, name, \
                     content_type, size, created_at from files where id = (select max(id) - (?1 - 1) from files)",
                    &[n.into()],
                )?;
            }
            tx.int("select count(*) from files", &[])
        })
        .map(|count| assert_eq!(count, 100))
        .unwrap();

    let refused = upload(&shop, &visitor.token, "b.txt", b"hello").await;
    shop.app.clock().turn(24 * 60 * 60 * 1000);
    let later = upload(&shop, &visitor.token, "b.txt", b"hello").await;

    assert_eq!(
        (refused.status, refused.error().as_str()),
        (429, "too_many_requests")
    );
    assert_eq!(later.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn haste_is_told_to_wait() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let mut last = upload(&shop, &visitor.token, "a.txt", b"hello").await;
    for _ in 0..11 {
        if last.status != 200 {
            break;
        }
        last = upload(&shop, &visitor.token, "a.txt", b"hello").await;
    }

    assert_eq!(
        (last.status, last.error().as_str()),
        (429, "too_many_requests")
    );
    assert!(last.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[test]
fn an_agent_uploads_from_a_page_of_our_own_only() {
    let room = Room::open();
    let send = |origin: &str, cookie: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(format!("{}/chats/upload", room.owner.url))
            .header("cookie", cookie)
            .header("origin", origin)
            .header("content-type", "multipart/form-data; boundary=XX")
            .send(form("plan.png", "image/png", &png(400, 200)))
            .unwrap();
        let json: Value = answer.body_mut().read_json().unwrap();
        (answer.status().as_u16(), json)
    };
    let (own, cookie) = (room.owner.url.clone(), room.owner.cookie.clone());

    let (status, file) = send(&own, &cookie);

    assert_eq!(status, 200, "{file}");
    let url = file["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{own}/files/")), "{url}");
    assert!(file["thumbnail_url"].as_str().unwrap().contains("/300/"));
    assert_eq!(file["thumbnail2x_url"], file["url"]);
    assert_eq!(
        (
            &file["name"],
            &file["content_type"],
            &file["width"],
            &file["height"]
        ),
        (
            &"plan.png".into(),
            &"image/png".into(),
            &400.into(),
            &200.into()
        )
    );
    assert_eq!(send("https://evil.example", &cookie).0, 403);
    assert_eq!(send(&own, "").0, 401);
}
