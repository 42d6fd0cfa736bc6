//! What a browser says it is: client hints first, then the user agent line; and which lines are a crawler's.

/// Browser, operating system and kind of device, each empty where unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Browser, such as `Firefox`.
    pub browser: String,
    /// Its version as far as it is told.
    pub browser_version: String,
    /// Operating system, such as `Windows`.
    pub os: String,
    /// Its version as far as it is told.
    pub os_version: String,
    /// `desktop`, `mobile`, `tablet` or `other`.
    pub kind: String,
}

/// What the page read from `navigator.userAgentData`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHints {
    /// Brand and version, in the browser's (deliberately shuffled) order.
    pub brands: Vec<(String, String)>,
    /// Operating system.
    pub platform: String,
    /// Its version.
    pub platform_version: String,
    /// Whether it wants pages for phones.
    pub is_mobile: bool,
    /// Model of the device; empty on desktops.
    pub model: String,
}

/// Most characters of anything shown of a device.
const MAX_CHARS: usize = 64;

/// What the hints say, and the user agent line where they are silent.
#[must_use]
pub fn recognise(user_agent: &str, hints: Option<&ClientHints>) -> Device {
    let mut device = of_line(user_agent);
    let Some(hints) = hints else {
        return device;
    };
    if let Some((brand, version)) = main_brand(&hints.brands) {
        device.browser = cut(brand);
        device.browser_version = cut(version);
    }
    if !hints.platform.is_empty() {
        device.os = cut(match hints.platform.as_str() {
            "Chromium OS" => "Chrome OS",
            other => other,
        });
        device.os_version = os_version(&hints.platform, &hints.platform_version);
        let is_pad = hints.platform == "Android" && !hints.is_mobile;
        device.kind = match (hints.is_mobile, is_pad) {
            (true, _) => "mobile",
            (false, true) => "tablet",
            (false, false) => "desktop",
        }
        .into();
    }
    device
}

/// Whether a user agent line is a crawler's, a monitor's or a program's.
///
/// The line decides alone. `navigator.webdriver` and `HeadlessChrome` do not mark a bot: they are how site owners' own
/// end-to-end tests look, and those must find their visitors in the list.
#[must_use]
pub fn is_bot(user_agent: &str) -> bool {
    let line = user_agent.trim().to_ascii_lowercase();
    if line.is_empty() {
        return true;
    }
    PROGRAMS.iter().any(|name| line.starts_with(name))
        || ROBOTS.iter().any(|name| line.contains(name))
        || names_a_bot(&line)
        || woothee::parser::Parser::new()
            .parse(user_agent)
            .is_some_and(|found| found.category == "crawler")
}

/// Lines that begin so are a program's, not a browser's.
const PROGRAMS: [&str; 12] = [
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "okhttp/",
    "ruby",
    "libwww-perl",
    "axios/",
    "node-fetch",
    "apache-httpclient",
    "guzzlehttp",
];

/// Lines that hold one of these are a crawler's or a monitor's.
const ROBOTS: [&str; 22] = [
    "crawler",
    "crawling",
    "spider",
    "slurp",
    "facebookexternalhit",
    "embedly",
    "preview/",
    "lighthouse",
    "pagespeed",
    "gtmetrix",
    "pingdom",
    "uptimerobot",
    "statuscake",
    "ia_archiver",
    "archive.org",
    "mediapartners-google",
    "adsbot",
    "feedfetcher",
    "google-inspectiontool",
    "ahrefs",
    "semrush",
    "headless-render",
];

/// Whether a word of the line ends in “bot”, except the telephone maker Cubot.
fn names_a_bot(line: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word.ends_with("bot") && word != "cubot")
}

fn of_line(user_agent: &str) -> Device {
    let parser = woothee::parser::Parser::new();
    let Some(found) = parser.parse(user_agent) else {
        return Device {
            kind: "other".into(),
            ..Device::default()
        };
    };
    let known = |text: &str| match text {
        "UNKNOWN" => String::new(),
        text => cut(text),
    };
    let os = match found.os {
        os if os.starts_with("Windows") => "Windows".to_owned(),
        "Mac OSX" => "macOS".to_owned(),
        "iPhone" | "iPad" | "iPod" => "iOS".to_owned(),
        os => known(os),
    };
    let is_tablet = found.os == "iPad"
        || user_agent.contains("Tablet")
        || (found.os == "Android" && !user_agent.contains("Mobile"));
    Device {
        browser: known(found.name),
        browser_version: known(found.version),
        os,
        os_version: known(&found.os_version),
        kind: match found.category {
            _ if is_tablet => "tablet",
            "pc" => "desktop",
            "smartphone" | "mobilephone" => "mobile",
            _ => "other",
        }
        .into(),
    }
}

/// The brand people know the browser by: not the made-up one, and the engine's only where there is no other.
fn main_brand(brands: &[(String, String)]) -> Option<(&str, &str)> {
    let real = || {
        brands
            .iter()
            .filter(|(brand, _)| !is_made_up(brand))
            .map(|(brand, version)| (brand.as_str(), version.as_str()))
    };
    let (brand, version) = real()
        .find(|(brand, _)| *brand != "Chromium")
        .or_else(|| real().next())?;
    let brand = match brand {
        "Google Chrome" | "HeadlessChrome" => "Chrome",
        "Microsoft Edge" => "Edge",
        other => other,
    };
    Some((brand, version))
}

/// Browsers add a brand such as `Not)A;Brand`, so that nobody relies on the list.
fn is_made_up(brand: &str) -> bool {
    let letters: String = brand.chars().filter(char::is_ascii_alphabetic).collect();
    letters.eq_ignore_ascii_case("notabrand") || letters.eq_ignore_ascii_case("notanybrand")
}

/// Windows tells the version of an interface: 13 and up is Windows 11, 1 to 10 is Windows 10.
fn os_version(platform: &str, version: &str) -> String {
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    match (platform, major) {
        ("Windows", 13..) => "11".into(),
        ("Windows", 1..=12) => "10".into(),
        ("Windows", 0) => String::new(),
        _ => cut(version),
    }
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
    const HEADLESS: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36";

    #[test]
    fn a_line_tells_browser_system_and_kind() {
        let cases = [
            (CHROME, "Chrome", "Windows", "desktop"),
            (FIREFOX, "Firefox", "Linux", "desktop"),
            (IPHONE, "Safari", "iOS", "mobile"),
            (HEADLESS, "Chrome", "Linux", "desktop"),
        ];
        for (line, browser, os, kind) in cases {
            let device = recognise(line, None);
            assert_eq!(
                (
                    device.browser.as_str(),
                    device.os.as_str(),
                    device.kind.as_str()
                ),
                (browser, os, kind),
                "{line}"
            );
        }
    }

    #[test]
    fn hints_go_before_the_line() {
        let brand = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let hints = ClientHints {
            brands: vec![
                brand("Not)A;Brand", "8"),
                brand("Chromium", "141"),
                brand("Microsoft Edge", "141"),
            ],
            platform: "Windows".into(),
            platform_version: "15.0.0".into(),
            is_mobile: false,
            model: String::new(),
        };

        let device = recognise(CHROME, Some(&hints));

        assert_eq!(device.browser, "Edge");
        assert_eq!(
            (device.os.as_str(), device.os_version.as_str()),
            ("Windows", "11")
        );
    }

    #[test]
    fn crawlers_are_bots_and_automated_browsers_are_not() {
        for line in [
            "",
            "curl/8.5.0",
            "python-requests/2.32",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        ] {
            assert!(is_bot(line), "{line}");
        }
        for line in [
            CHROME,
            FIREFOX,
            IPHONE,
            HEADLESS,
            "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
        ] {
            assert!(!is_bot(line), "{line}");
        }
    }

    #[test]
    fn a_hostile_line_is_harmless() {
        for line in [
            "\u{7}\u{0}<script>",
            &"(".repeat(5000),
            "Mozilla/5.0 (\u{202e}",
        ] {
            assert!(recognise(line, None).browser.len() <= MAX_CHARS * 4);
        }
    }
}
