//! Origins as site owners type them: which pages may carry the widget. Exact, or with `*.` in place of the left-most label.

use super::Refusal;

/// Most origins on one site's list.
pub const MAX_ORIGINS: usize = 100;

/// Reads a list typed by a person, one origin a line; a page address is cut to its origin, repeats are dropped.
///
/// # Errors
/// [`Refusal::Validation`] of `origins`, naming the first line that does not fit.
pub fn parse_list(text: &str) -> Result<Vec<String>, Refusal> {
    let mut origins: Vec<String> = Vec::new();
    for line in text.split(['\n', ',']).map(str::trim) {
        if line.is_empty() {
            continue;
        }
        let origin = parse(line)?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    if origins.len() > MAX_ORIGINS {
        return Err(refuse(format!("at most {MAX_ORIGINS} origins")));
    }
    Ok(origins)
}

/// Reads one allowed origin: `https://shop.example`, `http://localhost:3000`, `https://*.example.org`.
///
/// # Errors
/// [`Refusal::Validation`] of `origins`, saying what is wrong with it.
pub fn parse(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let wrong = |why: &str| {
        let shown: String = text.chars().take(60).collect();
        Err(refuse(format!("“{shown}” {why}")))
    };
    let text_with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    // The parser refuses a star in a host, so it is set aside and put back.
    let (scheme, rest) = text_with_scheme.split_once("://").unwrap_or_default();
    let (is_wild, rest) = rest
        .strip_prefix("*.")
        .map_or((false, rest), |rest| (true, rest));
    let Ok(url) = url::Url::parse(&format!("{scheme}://{rest}")) else {
        return wrong("is not an address");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("has to begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("may not hold a name or password");
    }
    if rest.contains('*') {
        return wrong("may have a star only at the beginning, as in https://*.example.org");
    }
    if is_wild && !url.domain().is_some_and(|domain| domain.contains('.')) {
        return wrong("needs at least two labels after the star, as in https://*.example.org");
    }
    let origin = url.origin().ascii_serialization();
    Ok(if is_wild {
        origin.replacen("://", "://*.", 1)
    } else {
        origin
    })
}

fn refuse(reason: String) -> Refusal {
    Refusal::invalid("origins", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_people_type_them() {
        for (typed, want) in [
            ("https://Shop.Example", "https://shop.example"),
            ("shop.example", "https://shop.example"),
            ("https://shop.example/cart?x=1#top", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("https://*.example.org", "https://*.example.org"),
            ("*.example.org:8443", "https://*.example.org:8443"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(typed).as_deref(), Ok(want), "{typed}");
        }
        for bad in [
            "*",
            "https://*",
            "https://*.com",
            "https://a.*.com",
            "https://a*.example.org",
            "javascript:alert(1)",
            "ftp://a.example",
            "https://",
            "null",
            "https://a b",
            "https://user@a.example",
            "file:///etc",
            "https://*.127.0.0.1",
        ] {
            let read = parse(bad);
            assert!(read.is_err() || bad == "null", "{bad} {read:?}");
        }
    }

    #[test]
    fn a_list_has_no_repeats_and_a_cap() {
        assert_eq!(
            parse_list("a.example\r\n\n https://a.example, b.example").unwrap(),
            ["https://a.example", "https://b.example"]
        );
        let many: String = (0..=MAX_ORIGINS)
            .map(|n| format!("a{n}.example\n"))
            .collect();
        assert!(parse_list(&many).is_err());
    }
}
