//! `get_url_info` against a small web server of the test: what is read, and what is never gone to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor::Config;
use parlor::db::{Lane, Result, Tx};
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::domain::site::SiteSettings;
use parlor::http::previews::PreviewOptions;
use parlor::store::sites::{self, NewSite};
use parlor::store::url_infos;
use serde_json::{Value, json};

use crate::customer::{ORIGIN, Shop, Visitor};

/// Answers by path; a path it does not know is never answered.
struct Web {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn open(pages: impl Fn(SocketAddr) -> Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages: HashMap<_, _> = pages(address).into_iter().collect();
        let asked = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (count, seen) = (Arc::clone(&asked), Arc::clone(&heads));
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap() > 0 {}
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                match pages.get(path.as_str()) {
                    // The peer may have read enough.
                    Some(answer) => drop(stream.write_all(answer)),
                    None => unanswered.push(stream),
                }
            }
        });
        Self {
            address,
            asked,
            heads,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn page(html: &str) -> Vec<u8> {
    answer(
        "200 OK",
        "Content-Type: text/html\r\nSet-Cookie: a=b\r\n",
        html.as_bytes(),
    )
}

fn moved(to: &str) -> Vec<u8> {
    answer("302 Found", &format!("Location: {to}\r\n"), b"")
}

/// A Parlor that may look at this machine, for a site that shows previews, and a visitor.
async fn previewing(allow_loopback: bool) -> (Shop, Visitor) {
    let shop = Shop::open_with(Config {
        previews: PreviewOptions {
            allow_loopback,
            timeout: Duration::from_millis(700),
        },
        ..Config::ephemeral()
    })
    .await;
    let (site, house) = (shop.site.id, shop.house.clone());
    tokio::task::spawn_blocking(move || {
        let change = move |tx: &mut dyn Tx, now| {
            let settings = SiteSettings {
                link_previews: true,
                ..SiteSettings::default()
            };
            let new = NewSite {
                name: "Tea Shop",
                origins: &[ORIGIN.to_owned()],
                settings: &settings,
            };
            let permit = authorize(&Subject::System, Action::ChangeSite, Object::Site(site))?;
            sites::update(tx, &permit, &new, now)
        };
        house.write(change).unwrap();
    })
    .await
    .unwrap();
    let visitor = shop.visitor().await;
    (shop, visitor)
}

async fn info(visitor: &mut Visitor, url: &str) -> Value {
    visitor
        .client
        .done("get_url_info", json!({"url": url}))
        .await
}

fn png() -> Vec<u8> {
    let image = image::RgbImage::from_pixel(40, 30, image::Rgb([1, 2, 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    answer("200 OK", "Content-Type: image/png\r\n", &bytes.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_once_and_shown_with_its_image() {
    let web = Web::open(|_| {
        let html = "<title>Plain</title><meta property='og:title' content='Caf&eacute;'>\
            <meta name=description content='All about it'><meta property=og:image content='/i.png'>";
        vec![
            ("/a", moved("/b?x=1")),
            ("/b?x=1", page(html)),
            ("/i.png", png()),
        ]
    });
    let (shop, mut visitor) = previewing(true).await;

    let first = info(&mut visitor, &web.url("/a")).await;
    let again = info(&mut visitor, &web.url("/a")).await;

    let image = web.url("/i.png");
    assert_eq!(
        first,
        json!({"url": web.url("/a"), "title": "Café", "description": "All about it",
            "image_url": image.strip_prefix("http://"), "image_original_url": image,
            "image_width": 40, "image_height": 30})
    );
    assert_eq!(again, first);
    assert_eq!(
        web.asked(),
        3,
        "page, its new place, image, and nothing twice"
    );
    let heads = web.heads.lock().unwrap().join("").to_lowercase();
    assert!(heads.contains("user-agent: parlor/"));
    assert!(!heads.contains("cookie:"));

    shop.app.clock().turn(24 * 60 * 60 * 1000);
    info(&mut visitor, &web.url("/a")).await;
    assert_eq!(web.asked(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_or_leads_inwards_shows_nothing() {
    let web = Web::open(|address| {
        let title = "<title>secret</title>";
        let port = address.port();
        let body = format!("{}<title>late</title>", " ".repeat(600 << 10));
        vec![
            ("/inside", moved("http://10.0.0.1/")),
            ("/metadata", moved("http://169.254.169.254/latest/")),
            ("/file", moved("file:///etc/passwd")),
            ("/port", moved("http://198.51.100.1:22/")),
            ("/loop", moved("/loop")),
            (
                "/plain",
                answer("200 OK", "Content-Type: text/plain\r\n", title.as_bytes()),
            ),
            (
                "/missing",
                answer(
                    "404 Not Found",
                    "Content-Type: text/html\r\n",
                    title.as_bytes(),
                ),
            ),
            ("/late", page(&body)),
            ("/broken", b"nonsense\r\n\r\n".to_vec()),
            (
                "/user",
                moved(&format!("http://a:b@127.0.0.1:{port}/plain")),
            ),
        ]
    });
    let (_shop, mut visitor) = previewing(true).await;

    for path in [
        "/inside",
        "/metadata",
        "/file",
        "/port",
        "/plain",
        "/missing",
        "/late",
        "/broken",
        "/user",
        "/loop",
    ] {
        let url = web.url(path);
        assert_eq!(
            info(&mut visitor, &url).await,
            json!({"url": url}),
            "{path}"
        );
    }
    assert_eq!(
        web.asked(),
        9 + 4,
        "one for each, and three redirects of the loop"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_leads_inwards_is_left_out() {
    let web = Web::open(|_| {
        let html = "<title>t</title><meta property=og:image content='http://10.0.0.1/i.png'>";
        vec![("/a", page(html))]
    });
    let (_shop, mut visitor) = previewing(true).await;

    let shown = info(&mut visitor, &web.url("/a")).await;

    assert_eq!(shown, json!({"url": web.url("/a"), "title": "t"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_not_looked_at_unless_a_test_says_so() {
    let web = Web::open(|_| vec![("/a", page("<title>secret</title>"))]);
    let (_shop, mut visitor) = previewing(false).await;

    for url in [
        web.url("/a"),
        web.url("/a").replace("127.0.0.1", "localhost"),
    ] {
        assert_eq!(info(&mut visitor, &url).await, json!({"url": url}));
    }
    assert_eq!(web.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_costs_a_bounded_time() {
    let web = Web::open(|_| Vec::new());
    let (_shop, mut visitor) = previewing(true).await;

    let url = web.url("/silence");
    let start = std::time::Instant::now();
    let shown = info(&mut visitor, &url).await;

    assert_eq!(shown, json!({"url": url}));
    assert_eq!(web.asked(), 1);
    assert!(
        start.elapsed() >= Duration::from_millis(600),
        "it was waited for"
    );
    // That it is not asked again for a while.
    assert_eq!(info(&mut visitor, &url).await, json!({"url": url}));
    assert_eq!(web.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_previews_gets_the_address_alone() {
    let web = Web::open(|_| vec![("/a", page("<title>t</title>"))]);
    let shop = Shop::open_with(Config {
        previews: PreviewOptions {
            allow_loopback: true,
            ..PreviewOptions::default()
        },
        ..Config::ephemeral()
    })
    .await;
    let mut visitor = shop.visitor().await;

    let url = web.url("/a");
    assert_eq!(info(&mut visitor, &url).await, json!({"url": url}));
    assert_eq!(web.asked(), 0);
    for (payload, message) in [
        (json!({}), "validation: url: is required"),
        (json!({"url": 1}), "validation: url: must be a string"),
        (
            json!({"url": "nonsense"}),
            "validation: url: must be an absolute URL",
        ),
        (
            json!({"url": "file:///a"}),
            "validation: url: must be an http or https URL",
        ),
    ] {
        assert_eq!(
            visitor.client.refused("get_url_info", payload).await,
            message
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn haste_is_told_to_wait() {
    let web = Web::open(|_| vec![("/a", page("<title>t</title>"))]);
    let (_shop, mut visitor) = previewing(true).await;
    for _ in 0..20 {
        info(&mut visitor, &web.url("/a")).await;
    }

    let mut refused = None;
    for _ in 0..3 {
        let answer = visitor
            .client
            .ask("get_url_info", json!({"url": web.url("/a")}))
            .await
            .unwrap();
        if answer["success"] == false {
            refused = Some(answer["payload"]["error"]["type"].clone());
        }
    }

    assert_eq!(refused, Some("too_many_requests".into()));
}

#[test]
fn answers_are_kept_for_a_day_and_no_more_than_ten_thousand() {
    crate::support::each_engine(|db, clock| {
        let start = clock.now();
        let write = |work: fn(&mut dyn Tx, i64) -> Result<u64>| {
            db.write_blocking(Lane::Tracking, move |tx| work(tx, start))
                .unwrap()
        };
        write(|tx, now| {
            url_infos::keep(tx, "https://a.example/", "{\"title\":\"a\"}", now)?;
            url_infos::keep(tx, "https://b.example/", "{}", now)?;
            Ok(2)
        });
        let fresh = |url: &'static str, after_ms: i64| {
            let now = start + after_ms;
            db.read_blocking(move |tx| url_infos::fresh(tx, url, now))
                .unwrap()
                .is_some()
        };

        assert!(fresh("https://a.example/", 23 * 60 * 60 * 1000));
        assert!(!fresh("https://a.example/", 24 * 60 * 60 * 1000));
        assert!(
            fresh("https://b.example/", 9 * 60 * 1000),
            "that there is nothing holds for a while"
        );
        assert!(!fresh("https://b.example/", 10 * 60 * 1000));
        assert_eq!(write(|tx, now| url_infos::prune(tx, now, 100)), 0);
        write(|tx, now| {
            for n in 0..10_000_i64 {
                url_infos::keep(tx, &format!("https://{n}.example/"), "{}", now + 1 + n)?;
            }
            Ok(0)
        });
        assert_eq!(
            write(|tx, now| url_infos::prune(tx, now, 100)),
            2,
            "the oldest go"
        );
        assert!(!fresh("https://a.example/", 0));
    });
}
