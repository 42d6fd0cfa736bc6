//! Which part of a file is asked for: one range of bytes, as RFC 9110 has it.

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything: no range, several, or one that does not read, which is the same as none.
    Whole,
    /// These bytes, the last one included.
    Bytes {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A range outside the file.
    Outside,
}

impl Part {
    /// Reads the header for a file of `size` bytes.
    pub(super) fn of(header: Option<&str>, size: u64) -> Self {
        let range = header
            .and_then(|text| text.strip_prefix("bytes="))
            .and_then(|range| range.trim().split_once('-'));
        let Some((first, last)) = range else {
            return Self::Whole;
        };
        match (Bound::of(first), Bound::of(last)) {
            (Bound::At(first), Bound::At(last)) if last < first => Self::Whole,
            (Bound::At(first), Bound::At(_) | Bound::Open) if first >= size => Self::Outside,
            (Bound::At(first), Bound::At(last)) => Self::Bytes {
                first,
                last: last.min(size - 1),
            },
            (Bound::At(first), Bound::Open) => Self::Bytes {
                first,
                last: size - 1,
            },
            (Bound::Open, Bound::At(count)) if count == 0 || size == 0 => Self::Outside,
            (Bound::Open, Bound::At(count)) => Self::Bytes {
                first: size.saturating_sub(count),
                last: size - 1,
            },
            (Bound::Open, Bound::Open) | (Bound::Junk, _) | (_, Bound::Junk) => Self::Whole,
        }
    }
}

enum Bound {
    Open,
    At(u64),
    Junk,
}

impl Bound {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::Open;
        }
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::Junk;
        }
        // Digits alone: too many of them mean far behind the end.
        Self::At(text.parse().unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_cut_to_the_file() {
        let bytes = |first, last| Part::Bytes { first, last };
        let cases = [
            (None, Part::Whole),
            (Some("bytes=0-3"), bytes(0, 3)),
            (Some("bytes=2-"), bytes(2, 9)),
            (Some("bytes=2-99999999999999999999999"), bytes(2, 9)),
            (Some("bytes=-4"), bytes(6, 9)),
            (Some("bytes=-99"), bytes(0, 9)),
            (Some("bytes=9-9"), bytes(9, 9)),
            (Some("bytes=10-"), Part::Outside),
            (Some("bytes=-0"), Part::Outside),
            (Some("bytes=5-2"), Part::Whole),
            (Some("bytes=0-1,3-4"), Part::Whole),
            (Some("bytes=a-b"), Part::Whole),
            (Some("bytes=-"), Part::Whole),
            (Some("lines=0-1"), Part::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(Part::of(header, 10), expected, "{header:?}");
        }
    }
}
