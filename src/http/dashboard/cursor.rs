//! Where the next page of a list begins, as it stands in a URL: `1760000000000-42`.

use crate::domain::Refusal;
use crate::store::inbox_view::Cursor;

/// The cursor in a URL; absent is the start of the list.
///
/// # Errors
/// [`Refusal::Validation`] of `before` when it is not one of ours.
pub(crate) fn parse(text: Option<&str>) -> Result<Cursor, Refusal> {
    let Some(text) = text else {
        return Ok(Cursor::START);
    };
    let both = text
        .split_once('-')
        .and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    both.map(|(at, id)| Cursor { at, id })
        .ok_or_else(|| Refusal::invalid("before", "is not a place in this list"))
}

/// The cursor for a URL.
pub(crate) fn written(at: i64, id: i64) -> String {
    format!("{at}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went_and_others_are_refused() {
        assert_eq!(
            parse(Some(&written(5, 9))).unwrap(),
            Cursor { at: 5, id: 9 }
        );
        assert_eq!(parse(None).unwrap(), Cursor::START);
        for bad in ["", "5", "5-", "-9", "a-b", "5-9-1", "5_9"] {
            assert!(parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
