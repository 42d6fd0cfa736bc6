//! From the common SQL text to PostgreSQL's: `?1` becomes `$1`, outside of literals, quoted names and comments.

/// Rewrites the placeholders of `sql`; returns the text and the highest placeholder number.
pub(super) fn rewrite(sql: &str) -> (String, usize) {
    let mut out = String::with_capacity(sql.len());
    let mut highest = 0;
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '\'', '"', '-', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = match from.as_bytes() {
            [b'?', ..] => {
                let digits = from[1..].bytes().take_while(u8::is_ascii_digit).count();
                if let Ok(number) = from[1..=digits].parse::<usize>() {
                    highest = highest.max(number);
                    out.push('$');
                } else {
                    out.push('?');
                }
                out.push_str(&from[1..=digits]);
                rest = &from[1 + digits..];
                continue;
            }
            [quote @ (b'\'' | b'"'), ..] => quoted(from, char::from(*quote)),
            [b'-', b'-', ..] => from.find('\n').unwrap_or(from.len()),
            [b'/', b'*', ..] => from.find("*/").map_or(from.len(), |end| end + 2),
            _ => 1,
        };
        out.push_str(&from[..length]);
        rest = &from[length..];
    }
    out.push_str(rest);
    (out, highest)
}

/// Bytes of the quoted thing at the start of `text`; a doubled quote simply begins the next one.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_rewritten_and_nothing_else_is() {
        for (common, expected, highest) in [
            ("select 1", "select 1", 0),
            (
                "a = ?1 and b = ?12 or c = ?1",
                "a = $1 and b = $12 or c = $1",
                12,
            ),
            ("'?1' = ?1", "'?1' = $1", 1),
            ("'it''s ?1' || ?2", "'it''s ?1' || $2", 2),
            ("\"?1\" = ?1", "\"?1\" = $1", 1),
            ("-- ?1\n?2", "-- ?1\n$2", 2),
            ("/* ?1 */ ?2", "/* ?1 */ $2", 2),
            ("a - ?1 / ?2", "a - $1 / $2", 2),
            ("body ->> 'x' = ?1", "body ->> 'x' = $1", 1),
            ("'open ?1", "'open ?1", 0),
            ("é = ?1", "é = $1", 1),
        ] {
            assert_eq!(rewrite(common), (expected.to_owned(), highest), "{common}");
        }
    }
}
