//! Pages: which URLs may be tracked, how they are written, and what their campaign parameters say.

use std::borrow::Cow;

use url::Url;

use super::refusal::Refusal;

/// Most characters of a page's or referrer's URL.
pub const MAX_URL_CHARS: usize = 4096;

/// An http or https URL in its normal form, without user name and password.
///
/// # Errors
/// A refusal of `field` when the text is no such URL or longer than [`MAX_URL_CHARS`].
pub fn web_url(field: &str, text: &str) -> Result<String, Refusal> {
    let url = parse(field, text)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::invalid(field, "must be an http or https URL"));
    }
    Ok(without_credentials(url))
}

/// Where a page was come from: empty, an http(s) URL, or the name of an Android app.
///
/// # Errors
/// A refusal of `field` for anything else.
pub fn referrer(field: &str, text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = parse(field, text)?;
    if !matches!(url.scheme(), "http" | "https" | "android-app") {
        return Err(Refusal::invalid(field, "must be an http or https URL"));
    }
    Ok(without_credentials(url))
}

fn parse(field: &str, text: &str) -> Result<Url, Refusal> {
    if text.len() > MAX_URL_CHARS {
        let reason = format!("must be at most {MAX_URL_CHARS} characters");
        return Err(Refusal::invalid(field, reason));
    }
    Url::parse(text).map_err(|_| Refusal::invalid(field, "must be an absolute URL"))
}

fn without_credentials(mut url: Url) -> String {
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only for URLs without a host, which web URLs have.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.into()
}

/// The referrer of a visit: empty where it is a page of the same host, since that is no arrival.
#[must_use]
pub fn arrival<'a>(referrer: &'a str, page: &str) -> &'a str {
    let host = |text: &str| {
        Url::parse(text)
            .ok()
            .and_then(|u| u.host_str().map(str::to_owned))
    };
    match (host(referrer), host(page)) {
        (Some(from), Some(here)) if from == here => "",
        _ => referrer,
    }
}

const CAMPAIGN: [&str; 6] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
];

/// The campaign parameters of a page's URL as a JSON object of text; the first of each name, cut at 256 characters.
#[must_use]
pub fn campaign(page: &str) -> Cow<'static, str> {
    if !page.contains("utm_") {
        return Cow::Borrowed("{}");
    }
    let Ok(url) = Url::parse(page) else {
        return Cow::Borrowed("{}");
    };
    let mut found = serde_json::Map::new();
    for (name, value) in url.query_pairs() {
        if CAMPAIGN.contains(&name.as_ref()) && !found.contains_key(name.as_ref()) {
            let value: String = value.chars().filter(|c| *c != '\0').take(256).collect();
            found.insert(name.into_owned(), value.into());
        }
    }
    Cow::Owned(serde_json::Value::Object(found).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_are_pages() {
        for bad in [
            "",
            "/relative",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://",
            "about:blank",
        ] {
            let refused = web_url("url", bad).unwrap_err();
            assert!(refused.to_string().starts_with("url: "), "{bad}");
        }
        assert!(web_url("url", &format!("https://a/{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn a_page_is_written_in_its_normal_form() {
        let cases = [
            ("HTTPS://Example.COM", "https://example.com/"),
            ("https://example.com:443/a?b#c", "https://example.com/a?b#c"),
            ("https://user:secret@example.com/", "https://example.com/"),
            (
                "http://bücher.example/ä",
                "http://xn--bcher-kva.example/%C3%A4",
            ),
        ];
        for (text, want) in cases {
            assert_eq!(web_url("url", text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn an_arrival_comes_from_elsewhere() {
        assert_eq!(arrival("https://a.example/x", "https://a.example/y"), "");
        assert_eq!(
            arrival("https://b.example/x", "https://a.example/y"),
            "https://b.example/x"
        );
        assert_eq!(referrer("referrer", ""), Ok(String::new()));
        assert!(referrer("referrer", "javascript:1").is_err());
        assert!(referrer("referrer", "android-app://com.example/").is_ok());
    }

    #[test]
    fn campaign_parameters_are_kept_once() {
        let page =
            "https://a.example/?utm_source=news%20letter&utm_source=x&utm_other=1&utm_id=7%00";

        let json: serde_json::Value = serde_json::from_str(&campaign(page)).unwrap();

        assert_eq!(
            json,
            serde_json::json!({"utm_source": "news letter", "utm_id": "7"})
        );
        assert_eq!(campaign("https://a.example/"), "{}");
    }
}
