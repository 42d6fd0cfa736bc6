//! The files of the Customer SDK: readable by every page, typed, tagged, and of one piece.

use parlor::{App, Config};

use crate::support::lint;
use crate::support::program::{get, request};

const FILES: [(&str, &str); 3] = [
    ("customer-sdk.js", "text/javascript; charset=utf-8"),
    ("customer-sdk.mjs", "text/javascript; charset=utf-8"),
    ("customer-sdk.d.ts", "application/typescript; charset=utf-8"),
];

#[test]
fn every_page_may_read_the_sdk_and_asks_again_by_its_tag() {
    lint::watch();
    let app = App::start(Config::ephemeral()).unwrap();
    for (name, media_type) in FILES {
        let path = format!("/sdk/{name}");
        let plain = get(app.address(), &path);
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(plain.header("content-type"), Some(media_type));
        assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
        assert_eq!(
            plain.header("cross-origin-resource-policy"),
            Some("cross-origin")
        );
        assert!(plain.header("cache-control").is_some());

        let known = format!("if-none-match: {}\r\n", plain.header("etag").unwrap());
        let again = request(app.address(), "GET", &path, &known, "");
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let packed = request(
            app.address(),
            "HEAD",
            &path,
            "accept-encoding: gzip\r\n",
            "",
        );
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        let elsewhere = get(app.address(), &format!("/widget/{name}"));
        assert_eq!(elsewhere.status, 404, "{name} has one address");
    }
    assert_eq!(get(app.address(), "/sdk/other.js").status, 404);
}
