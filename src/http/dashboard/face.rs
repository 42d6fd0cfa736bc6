//! How a person is shown who has no picture or name: a colour made from the id, and a friendly name.

const COLOURS: [&str; 24] = [
    "Amber", "Azure", "Bronze", "Cedar", "Cobalt", "Copper", "Coral", "Crimson", "Ebony",
    "Emerald", "Golden", "Indigo", "Ivory", "Jade", "Lilac", "Maroon", "Ochre", "Olive", "Pearl",
    "Russet", "Saffron", "Silver", "Teal", "Violet",
];

const ANIMALS: [&str; 32] = [
    "Badger", "Beaver", "Bison", "Crane", "Curlew", "Dormouse", "Egret", "Falcon", "Finch", "Fox",
    "Gannet", "Hare", "Hedgehog", "Heron", "Ibex", "Jackdaw", "Kestrel", "Lapwing", "Linnet",
    "Lynx", "Marten", "Newt", "Otter", "Owl", "Pipit", "Plover", "Robin", "Stoat", "Swift", "Tern",
    "Vole", "Wren",
];

/// How many colours avatars have: classes `tint-0` to `tint-11`.
const TINTS: u64 = 12;

/// The name of a visitor who gave none, such as "Teal Heron": the same for an id at all times.
pub(crate) fn friendly_name(id: i64) -> String {
    let mixed = mix(id);
    let colour = COLOURS[(mixed % COLOURS.len() as u64) as usize];
    let animal = ANIMALS[(mixed / 97 % ANIMALS.len() as u64) as usize];
    format!("{colour} {animal}")
}

/// The name to show: the given one, else the e-mail address, else a friendly one.
pub(crate) fn shown_name(id: i64, name: Option<&str>, email: Option<&str>) -> String {
    [name, email]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|text| !text.is_empty())
        .map_or_else(|| friendly_name(id), str::to_owned)
}

/// The first letters of the first and the last word, in upper case; `?` where there are none.
pub(crate) fn initials(name: &str) -> String {
    let mut letters = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = letters.next();
    let both: String = first.into_iter().chain(letters.next_back()).collect();
    if both.is_empty() {
        "?".to_owned()
    } else {
        both.to_uppercase()
    }
}

/// The colour of an avatar, 0–11.
pub(crate) fn tint(id: i64) -> u8 {
    (mix(id) % TINTS) as u8
}

/// Spreads neighbouring ids (the finaliser of `SplitMix64`).
const fn mix(id: i64) -> u64 {
    let mut x = id.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_take_the_first_and_the_last_word() {
        for (name, wanted) in [
            ("Ada Lovelace", "AL"),
            ("Jean Luc van Damme", "JD"),
            ("ada", "A"),
            ("<script>", "S"),
            ("  ", "?"),
            ("Änne Öl", "ÄÖ"),
        ] {
            assert_eq!(initials(name), wanted, "{name}");
        }
    }

    #[test]
    fn a_visitor_without_a_name_keeps_its_friendly_one() {
        let first = friendly_name(42);

        assert_eq!(first, friendly_name(42));
        assert_ne!(first, friendly_name(43));
        assert_eq!(shown_name(42, Some("  "), None), first);
        assert_eq!(shown_name(42, None, Some("a@b.example")), "a@b.example");
    }
}
