//! How a file is handed out.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_shown_in_place_with_two_copies() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let url = upload(&shop, &visitor.token, "Über uns.png", &png(900, 450))
        .await
        .url();
    let (folder, name) = url.rsplit_once('/').unwrap();

    let image = get(&url, &[]).await;
    let small = get(&format!("{folder}/300/{name}"), &[]).await;
    let fine = get(&format!("{folder}/600/{name}"), &[]).await;

    assert!(url.starts_with(&format!("http://{}/files/", shop.app.address())));
    assert_eq!(image.status, 200);
    assert_eq!(image.header("content-type"), "image/png");
    assert_eq!(
        image.header("content-disposition"),
        "inline; filename=\"_ber uns.png\"; filename*=UTF-8''%C3%9Cber%20uns.png"
    );
    assert_eq!(
        image.header("content-security-policy"),
        "sandbox; default-src 'none'"
    );
    assert_eq!(image.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(image.header("x-content-type-options"), "nosniff");
    assert_eq!(
        image.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    let width = |reply: &Reply| image::load_from_memory(&reply.body).unwrap().width();
    assert_eq!(
        (width(&image), width(&small), width(&fine)),
        (900, 300, 600)
    );
    assert_eq!(small.header("content-type"), "image/jpeg");
    assert_eq!(contents(&shop), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_is_a_download_in_parts_if_asked() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let url = upload(&shop, &visitor.token, "digits.csv", b"0123456789")
        .await
        .url();

    let whole = get(&url, &[]).await;
    let etag = whole.header("etag").to_owned();
    assert_eq!(
        whole.header("content-disposition"),
        "attachment; filename=\"digits.csv\"; filename*=UTF-8''digits.csv"
    );
    assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(whole.header("accept-ranges"), "bytes");

    for (range, status, body, content_range) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=0-1,4-5", 200, "0123456789", ""),
        ("nonsense", 200, "0123456789", ""),
    ] {
        let part = get(&url, &[("range", range)]).await;
        assert_eq!(part.status, status, "{range}");
        assert_eq!(part.body, body.as_bytes(), "{range}");
        assert_eq!(part.header("content-range"), content_range, "{range}");
    }
    let changed = get(&url, &[("range", "bytes=2-4"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (200, 10));
    let known = get(&url, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let head = ureq::http::Request::head(&url).body(Vec::new()).unwrap();
    let head = send(head).await;
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, "10", 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_tells_nothing() {
    let shop = Shop::open().await;
    let visitor = shop.visitor().await;
    let url = upload(&shop, &visitor.token, "a.txt", b"hello").await.url();
    let (folder, name) = url.rsplit_once('/').unwrap();
    let (base, key) = folder.rsplit_once('/').unwrap();
    let last = if key.ends_with('A') { 'B' } else { 'A' };
    let guessed = format!("{}{last}", &key[..31]);

    let mut answers = Vec::new();
    for path in [
        format!("{base}/{guessed}/{name}"),
        format!("{base}/{}/{name}", "A".repeat(32)),
        format!("{base}/short/{name}"),
        format!("{folder}/300/{name}"),
        format!("{base}/%2e%2e/{name}"),
    ] {
        let answer = get(&path, &[]).await;
        let cache = answer.header("cache-control").to_owned();
        answers.push((answer.status, answer.body, cache));
    }

    assert_eq!(answers[0].0, 404);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(get(&url, &[]).await.status, 200);
}
