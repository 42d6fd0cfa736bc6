//! What a page says of itself for previews: title, description and image, read out of its head. Tolerant, and bounded.

/// Longest title, in characters.
const MAX_TITLE_CHARS: usize = 300;
/// Longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// Longest address of an image, in bytes.
const MAX_IMAGE_BYTES: usize = 2_048;

/// What the head of a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its title: `og:title`, `twitter:title` or `<title>`.
    pub title: Option<String>,
    /// `og:description`, `twitter:description` or `description`.
    pub description: Option<String>,
    /// `og:image` or `twitter:image`, as it stands there.
    pub image: Option<String>,
}

impl Head {
    /// Reads the head of an HTML page; what does not read is passed over.
    #[must_use]
    pub fn read(html: &str) -> Self {
        let mut best = Best::default();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = rest.get(at + 1..).unwrap_or_default();
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = after(comment, "-->");
                continue;
            }
            let name_bytes = rest
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric() || *b == b'/')
                .count();
            let (name, inside) = rest.split_at(name_bytes);
            match name.to_ascii_lowercase().as_str() {
                "body" | "/head" => break,
                "meta" => {
                    let (attributes, next) = attributes(inside);
                    best.meta(&attributes);
                    rest = next;
                }
                "title" => {
                    let text = after(inside, ">");
                    let end = find_closing(text, "title");
                    best.offer(Slot::Title, 0, text.get(..end).unwrap_or_default());
                    rest = text.get(end..).unwrap_or_default();
                }
                name @ ("script" | "style" | "noscript" | "template" | "svg") => {
                    let end = find_closing(inside, name);
                    rest = inside.get(end..).unwrap_or_default();
                }
                _ => rest = inside,
            }
        }
        best.head()
    }
}

#[derive(Clone, Copy)]
enum Slot {
    Title,
    Description,
    Image,
}

/// The best value found so far for each slot, with how good its source is.
#[derive(Default)]
struct Best([Option<(u8, String)>; 3]);

impl Best {
    fn meta(&mut self, attributes: &[(String, String)]) {
        let value = |wanted: &str| {
            let found = attributes.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let Some(content) = value("content") else {
            return;
        };
        let name = value("property")
            .or_else(|| value("name"))
            .unwrap_or_default();
        let (slot, rank) = match name.trim().to_ascii_lowercase().as_str() {
            "og:title" => (Slot::Title, 2),
            "twitter:title" => (Slot::Title, 1),
            "og:description" => (Slot::Description, 2),
            "twitter:description" => (Slot::Description, 1),
            "description" => (Slot::Description, 0),
            "og:image" | "og:image:url" => (Slot::Image, 2),
            "twitter:image" | "twitter:image:src" => (Slot::Image, 1),
            _ => return,
        };
        self.offer(slot, rank, content);
    }

    fn offer(&mut self, slot: Slot, rank: u8, text: &str) {
        let Some(kept) = self.0.get_mut(slot as usize) else {
            return;
        };
        let text = text_of(text);
        if !text.is_empty() && kept.as_ref().is_none_or(|(known, _)| *known < rank) {
            *kept = Some((rank, text));
        }
    }

    fn head(self) -> Head {
        let [title, description, image] = self.0.map(|kept| kept.map(|(_, text)| text));
        Head {
            title: title.map(|text| cut(&text, MAX_TITLE_CHARS)),
            description: description.map(|text| cut(&text, MAX_DESCRIPTION_CHARS)),
            image: image.filter(|url| url.len() <= MAX_IMAGE_BYTES),
        }
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// Where `</name` stands, or the end.
fn find_closing(text: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("</")) {
        let start = from + at + 2;
        let is_it = text
            .as_bytes()
            .get(start..start + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if is_it {
            return from + at;
        }
        from = start;
    }
    text.len()
}

/// The attributes of a tag, names in lower case, and what follows the tag.
fn attributes(tag: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (found, rest);
        }
        let name_end = rest
            .find(|c: char| c.is_ascii_whitespace() || "=/>".contains(c))
            .unwrap_or(rest.len())
            // Whatever it is, each round takes something.
            .max(rest.chars().next().map_or(0, char::len_utf8));
        let (name, next) = rest.split_at(name_end);
        rest = next.trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let (value, next) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inside = value.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            _ => {
                let end = value
                    .find(|c: char| c.is_ascii_whitespace() || c == '>')
                    .unwrap_or(value.len());
                value.split_at(end)
            }
        };
        found.push((name.to_ascii_lowercase(), value.to_owned()));
        rest = next;
    }
}

/// Text as people read it: entities resolved, no control characters, one space between words.
fn text_of(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, entity)) = rest.split_once('&') {
        text.push_str(before);
        match entity
            .split_once(';')
            .and_then(|(name, next)| Some((character(name)?, next)))
        {
            Some((c, next)) => {
                text.push(c);
                rest = next;
            }
            None => {
                text.push('&');
                rest = entity;
            }
        }
    }
    text.push_str(rest);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32)
    };
    if let Some(digits) = name.strip_prefix('#') {
        return match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16),
            None => number(digits, 10),
        };
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> [Option<String>; 3] {
        let head = Head::read(html);
        [head.title, head.description, head.image]
    }

    #[test]
    fn the_best_source_wins_wherever_it_stands() {
        let html = r#"<!doctype html><html><head><!-- <title>no</title> -->
            <title> Plain &amp;
              simple </title><META NAME=description content='Old &#x41;&#66;&quot;'>
            <script>var x = "<meta property='og:title' content='no'>";</script>
            <meta property="og:title" content="The &lt;best&gt;"/>
            <meta content="https://a.example/i.png?a=1&amp;b=2" property=og:image>
            <meta name="twitter:title" content="second"></head>
            <body><meta property="og:description" content="too late"></body>"#;

        assert_eq!(
            read(html),
            ["The <best>", "Old AB\"", "https://a.example/i.png?a=1&b=2"]
                .map(|t| Some(t.to_owned()))
        );
    }

    #[test]
    fn what_does_not_read_is_passed_over() {
        for html in [
            "",
            "<",
            "<meta",
            "<meta content",
            "<meta content=",
            "<meta content=\"",
            "<meta ===>",
            "<meta \u{e4}=\u{e4}>",
            "<!--",
            "<title",
            "<title>",
            "<script>",
            "<meta property='og:title' content='  '>",
            "& &; &#; &#x110000; &nothing;",
        ] {
            assert_eq!(read(html), [None, None, None], "{html}");
        }
        assert_eq!(
            Head::read("<title>AT&T &nothing; &#0;x").title.as_deref(),
            Some("AT&T &nothing; x")
        );
        assert_eq!(
            Head::read("<title>a</titl").title.as_deref(),
            Some("a</titl")
        );
    }

    #[test]
    fn what_is_long_is_cut() {
        let html = format!(
            "<title>{}</title><meta name=description content={}><meta property=og:image content={}>",
            "ä".repeat(400),
            "b".repeat(2_000),
            "c".repeat(3_000)
        );

        let head = Head::read(&html);

        assert_eq!(head.title.unwrap().chars().count(), MAX_TITLE_CHARS);
        assert_eq!(head.description.unwrap().len(), MAX_DESCRIPTION_CHARS);
        assert_eq!(head.image, None);
    }
}
