//! What of a stranger's text may become a link: http, https and mailto, nothing else.

use linkify::{LinkFinder, LinkKind};
use url::Url;

/// A stretch of text, with an address where it is a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What is shown.
    pub(crate) text: String,
    /// Where it leads.
    pub(crate) href: Option<String>,
}

/// Parts a text into links and what stands between them; all pieces together are the text again.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut finder = LinkFinder::new();
    finder.url_must_have_scheme(true);
    finder
        .spans(text)
        .map(|span| Piece {
            text: span.as_str().to_owned(),
            href: match span.kind() {
                Some(LinkKind::Url) => outside(span.as_str()),
                Some(LinkKind::Email) => Some(format!("mailto:{}", span.as_str())),
                _ => None,
            },
        })
        .collect()
}

/// The address as a link, if its scheme is http or https.
pub(crate) fn outside(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| address.to_owned())
}

/// Path and query of an address, which is what tells pages of one site apart; other text stays as it is.
pub(crate) fn path(address: &str) -> String {
    let Ok(url) = Url::parse(address) else {
        return address.to_owned();
    };
    if url.cannot_be_a_base() {
        return address.to_owned();
    }
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    format!("{}{query}", url.path())
}

/// The host an address names, without `www.`; other text stays as it is.
pub(crate) fn host(address: &str) -> String {
    Url::parse(address)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .map_or_else(
            || address.to_owned(),
            |host| host.strip_prefix("www.").unwrap_or(&host).to_owned(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_and_mail_addresses_become_links() {
        for (text, wanted) in [
            (
                "see https://a.example/x?y=1.",
                vec![Some("https://a.example/x?y=1")],
            ),
            ("javascript:alert(1)", vec![]),
            ("data:text/html,<b>", vec![]),
            ("ftp://a.example/x", vec![]),
            ("mail ada@a.example now", vec![Some("mailto:ada@a.example")]),
            (
                "<a href=\"https://a.example\">",
                vec![Some("https://a.example")],
            ),
        ] {
            let found = pieces(text);

            let links: Vec<_> = found
                .iter()
                .filter(|piece| piece.href.is_some())
                .map(|piece| piece.href.as_deref())
                .collect();
            assert_eq!(links, wanted, "{text}");
            let whole: String = found.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn addresses_are_shown_short() {
        assert_eq!(path("https://a.example/shop?x=1#y"), "/shop?x=1");
        assert_eq!(path("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(host("https://www.a.example/x"), "a.example");
        assert_eq!(host("not an address"), "not an address");
        assert_eq!(outside("javascript:alert(1)"), None);
        assert_eq!(outside("JaVaScript:alert(1)"), None);
    }
}
