//! When a greeting is sent: a tree of conditions, and what is known of the visitor when it is asked.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use crate::domain::Refusal;

/// When a greeting is sent by itself: all of these hold. None at all holds at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What has to hold.
    #[serde(default)]
    pub all: Vec<Condition>,
}

/// One thing that holds or does not.
///
/// Stored as JSON by `kind`: a further kind needs no migration, and a server that does not know it yet sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    /// The page looked at.
    Url(Pattern),
    /// Where the visit came from.
    Referrer(Pattern),
    /// The page has been looked at for so long.
    TimeOnPage {
        /// Seconds, up to [`Rules::MAX_SECONDS`].
        at_least_s: u32,
    },
    /// The visit has lasted so long.
    TimeOnSite {
        /// Seconds, up to [`Rules::MAX_SECONDS`].
        at_least_s: u32,
    },
    /// So many pages were opened in this visit.
    PagesSeen {
        /// At least; this page counts.
        at_least: u32,
    },
    /// So many visits, this one included.
    Visits {
        /// At least.
        at_least: u32,
        /// At most; `None` is without end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<u32>,
    },
    /// The browser speaks one of these languages; `de` is also `de-AT`.
    Language {
        /// BCP 47 tags.
        is: Vec<String>,
    },
    /// The visitor uses one of these devices.
    Device {
        /// `desktop`, `mobile` or `tablet`.
        is: Vec<String>,
    },
    /// Somebody of the greeting's group takes chats.
    Online {},
    /// All of these hold.
    All {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// One of these holds.
    Any {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// A kind that this server does not know: it never holds.
    #[serde(other)]
    Unknown,
}

/// What is known of a visitor when a greeting is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Address of the page looked at.
    pub url: String,
    /// Where the visit came from, or empty.
    pub referrer: String,
    /// How long the page has been looked at, in milliseconds.
    pub page_ms: i64,
    /// How long the visit has lasted, in milliseconds.
    pub site_ms: i64,
    /// Pages opened in this visit.
    pub pages: i64,
    /// Visits, this one included.
    pub visits: i64,
    /// Language of the browser.
    pub language: String,
    /// `desktop`, `mobile`, `tablet` or empty.
    pub device: String,
}

/// Whether a greeting is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Now,
    /// Not for so many milliseconds, if nothing else changes.
    NotBefore(i64),
    /// It is not; only another page or another visit can change that.
    No,
}

impl Rules {
    /// Most conditions of a greeting, over the whole tree.
    pub const MAX_CONDITIONS: usize = 50;
    /// Deepest nesting of the tree.
    pub const MAX_DEPTH: usize = 4;
    /// The longest time a condition waits for, in seconds: a day.
    pub const MAX_SECONDS: u32 = 86_400;
    /// The highest count a condition waits for.
    pub const MAX_COUNT: u32 = 10_000;

    /// Checks sizes and values.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `rules`.
    pub fn check(&self) -> Result<(), Refusal> {
        let mut count = 0;
        check_all(&self.all, 1, &mut count)
    }

    /// Whether somebody of the group has to be there.
    #[must_use]
    pub fn asks_who_is_online(&self) -> bool {
        self.all.iter().any(asks_who_is_online)
    }
}

/// Whether a greeting with these rules is due; `is_online` tells whether its group takes chats.
#[must_use]
pub fn matches(rules: &Rules, situation: &Situation, is_online: bool) -> Match {
    all(&rules.all, situation, is_online)
}

fn all(conditions: &[Condition], situation: &Situation, is_online: bool) -> Match {
    let mut wait_ms = 0;
    for condition in conditions {
        match holds(condition, situation, is_online) {
            Match::Now => {}
            Match::NotBefore(ms) => wait_ms = wait_ms.max(ms),
            Match::No => return Match::No,
        }
    }
    waiting(wait_ms)
}

fn any(conditions: &[Condition], situation: &Situation, is_online: bool) -> Match {
    let mut soonest = Match::No;
    for condition in conditions {
        soonest = match (soonest, holds(condition, situation, is_online)) {
            (Match::Now, _) | (_, Match::Now) => return Match::Now,
            (Match::NotBefore(a), Match::NotBefore(b)) => Match::NotBefore(a.min(b)),
            (Match::No, other) | (other, Match::No) => other,
        };
    }
    soonest
}

fn holds(condition: &Condition, situation: &Situation, is_online: bool) -> Match {
    let when = |holds: bool| if holds { Match::Now } else { Match::No };
    match condition {
        Condition::Url(pattern) => when(pattern.fits(&situation.url)),
        Condition::Referrer(pattern) => when(pattern.fits(&situation.referrer)),
        Condition::TimeOnPage { at_least_s } => time(*at_least_s, situation.page_ms),
        Condition::TimeOnSite { at_least_s } => time(*at_least_s, situation.site_ms),
        Condition::PagesSeen { at_least } => when(situation.pages >= i64::from(*at_least)),
        Condition::Visits { at_least, at_most } => {
            let is_most = at_most.is_none_or(|most| situation.visits <= i64::from(most));
            when(situation.visits >= i64::from(*at_least) && is_most)
        }
        Condition::Language { is } => when(is.iter().any(|tag| speaks(&situation.language, tag))),
        Condition::Device { is } => when(is.contains(&situation.device)),
        Condition::Online {} => when(is_online),
        Condition::All { of } => all(of, situation, is_online),
        Condition::Any { of } => any(of, situation, is_online),
        Condition::Unknown => Match::No,
    }
}

fn time(at_least_s: u32, elapsed_ms: i64) -> Match {
    waiting(i64::from(at_least_s) * 1_000 - elapsed_ms)
}

const fn waiting(ms: i64) -> Match {
    if ms > 0 {
        Match::NotBefore(ms)
    } else {
        Match::Now
    }
}

/// Whether the browser's language is the wished one or a narrower one.
fn speaks(language: &str, wished: &str) -> bool {
    let (language, wished) = (language.to_lowercase(), wished.to_lowercase());
    language
        .strip_prefix(&wished)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

fn asks_who_is_online(condition: &Condition) -> bool {
    match condition {
        Condition::Online {} => true,
        Condition::All { of } | Condition::Any { of } => of.iter().any(asks_who_is_online),
        Condition::Url(_)
        | Condition::Referrer(_)
        | Condition::TimeOnPage { .. }
        | Condition::TimeOnSite { .. }
        | Condition::PagesSeen { .. }
        | Condition::Visits { .. }
        | Condition::Language { .. }
        | Condition::Device { .. }
        | Condition::Unknown => false,
    }
}

fn check_all(conditions: &[Condition], depth: usize, count: &mut usize) -> Result<(), Refusal> {
    *count += conditions.len();
    if *count > Rules::MAX_CONDITIONS || depth > Rules::MAX_DEPTH {
        let most = Rules::MAX_CONDITIONS;
        let reason = format!("at most {most} conditions, {} deep", Rules::MAX_DEPTH);
        return Err(Refusal::invalid("rules", reason));
    }
    conditions
        .iter()
        .try_for_each(|condition| check(condition, depth, count))
}

fn check(condition: &Condition, depth: usize, count: &mut usize) -> Result<(), Refusal> {
    let fits = match condition {
        Condition::Url(pattern) | Condition::Referrer(pattern) => return pattern.check("rules"),
        Condition::All { of } | Condition::Any { of } => return check_all(of, depth + 1, count),
        Condition::TimeOnPage { at_least_s } | Condition::TimeOnSite { at_least_s } => {
            *at_least_s <= Rules::MAX_SECONDS
        }
        Condition::PagesSeen { at_least } => *at_least <= Rules::MAX_COUNT,
        Condition::Visits { at_least, at_most } => {
            *at_least <= Rules::MAX_COUNT && at_most.is_none_or(|most| most >= *at_least)
        }
        Condition::Language { is } => is_list(is, |tag| {
            tag.len() <= 35 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        }),
        Condition::Device { is } => is_list(is, |device| {
            ["desktop", "mobile", "tablet"].contains(&device)
        }),
        Condition::Online {} => true,
        Condition::Unknown => false,
    };
    if fits {
        Ok(())
    } else {
        let reason = "holds a condition that is not known or out of bounds";
        Err(Refusal::invalid("rules", reason))
    }
}

fn is_list(items: &[String], fits: impl Fn(&str) -> bool) -> bool {
    !items.is_empty()
        && items.len() <= Rules::MAX_CONDITIONS
        && items.iter().all(|item| !item.is_empty() && fits(item))
}

#[cfg(test)]
mod tests {
    use super::super::pattern::How;
    use super::*;

    fn url(text: &str) -> Condition {
        Condition::Url(Pattern::new("url", How::Contains, text).unwrap())
    }

    fn on_page(at_least_s: u32) -> Condition {
        Condition::TimeOnPage { at_least_s }
    }

    fn situation() -> Situation {
        Situation {
            url: "https://shop.example/cart".into(),
            referrer: "https://search.example/?q=tea".into(),
            page_ms: 4_000,
            site_ms: 30_000,
            pages: 3,
            visits: 2,
            language: "de-AT".into(),
            device: "desktop".into(),
        }
    }

    fn languages(tags: &[&str]) -> Condition {
        Condition::Language {
            is: tags.iter().map(|&tag| tag.to_owned()).collect(),
        }
    }

    #[test]
    fn each_condition_holds_or_waits() {
        use Match::{No, NotBefore, Now};
        let visits = |at_least, at_most| Condition::Visits { at_least, at_most };
        let device = |is: &str| Condition::Device {
            is: vec![is.into()],
        };
        for (condition, want) in [
            (url("/cart"), Now),
            (url("/checkout"), No),
            (
                Condition::Referrer(Pattern::new("x", How::Wildcard, "*search*").unwrap()),
                Now,
            ),
            (on_page(4), Now),
            (on_page(10), NotBefore(6_000)),
            (Condition::TimeOnSite { at_least_s: 30 }, Now),
            (Condition::TimeOnSite { at_least_s: 31 }, NotBefore(1_000)),
            (Condition::PagesSeen { at_least: 3 }, Now),
            (Condition::PagesSeen { at_least: 4 }, No),
            (visits(2, None), Now),
            (visits(3, None), No),
            (visits(1, Some(1)), No),
            (visits(1, Some(2)), Now),
            (languages(&["en", "de"]), Now),
            (languages(&["de-at"]), Now),
            (languages(&["de-CH"]), No),
            (languages(&["d"]), No),
            (device("desktop"), Now),
            (device("mobile"), No),
            (Condition::Unknown, No),
        ] {
            let rules = Rules {
                all: vec![condition.clone()],
            };
            assert_eq!(matches(&rules, &situation(), false), want, "{condition:?}");
        }
    }

    #[test]
    fn a_tree_waits_for_the_last_of_all_and_the_first_of_any() {
        use Match::{No, NotBefore, Now};
        let any = |of: Vec<Condition>| Condition::Any { of };
        let all = |of: Vec<Condition>| Condition::All { of };
        for (conditions, want) in [
            (vec![], Now),
            (vec![on_page(10), on_page(20)], NotBefore(16_000)),
            (vec![on_page(10), url("/x")], No),
            (vec![any(vec![on_page(20), on_page(10)])], NotBefore(6_000)),
            (vec![any(vec![on_page(20), url("/cart")])], Now),
            (vec![any(vec![url("/x"), on_page(10)])], NotBefore(6_000)),
            (vec![any(vec![])], No),
            (
                vec![any(vec![all(vec![url("/cart"), on_page(5)]), url("/x")])],
                NotBefore(1_000),
            ),
            (vec![any(vec![Condition::Unknown, url("/cart")])], Now),
        ] {
            let rules = Rules {
                all: conditions.clone(),
            };
            assert_eq!(matches(&rules, &situation(), true), want, "{conditions:?}");
        }
    }

    #[test]
    fn only_while_somebody_is_there_means_that() {
        let rules = Rules {
            all: vec![Condition::Online {}],
        };

        assert!(rules.asks_who_is_online());
        assert_eq!(matches(&rules, &situation(), true), Match::Now);
        assert_eq!(matches(&rules, &situation(), false), Match::No);
    }

    #[test]
    fn a_kind_of_a_later_server_is_read_and_never_holds() {
        let stored =
            r#"{"all":[{"kind":"segment","segment":"7"},{"kind":"url","how":"exact","text":"a"}]}"#;

        let rules: Rules = serde_json::from_str(stored).unwrap();

        assert_eq!(matches(&rules, &situation(), true), Match::No);
        assert!(rules.check().is_err(), "and cannot be saved");
    }

    #[test]
    fn rules_come_back_as_they_were_stored() {
        let rules = Rules {
            all: vec![
                Condition::Any {
                    of: vec![url("/a"), url("/b")],
                },
                on_page(5),
                languages(&["de"]),
                Condition::Online {},
            ],
        };

        let text = serde_json::to_string(&rules).unwrap();

        assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
        assert_eq!(rules.check(), Ok(()));
    }

    #[test]
    fn rules_are_bounded() {
        let deep = (0..5).fold(url("/a"), |inner, _| Condition::All { of: vec![inner] });
        for bad in [
            vec![url("/a"); 51],
            vec![Condition::Any {
                of: vec![url("/a"); 50],
            }],
            vec![deep],
            vec![on_page(86_401)],
            vec![languages(&[])],
            vec![languages(&["not a tag"])],
            vec![Condition::Device {
                is: vec!["tv".into()],
            }],
            vec![Condition::Visits {
                at_least: 3,
                at_most: Some(2),
            }],
        ] {
            let rules = Rules { all: bad };
            assert!(rules.check().is_err(), "{rules:?}");
        }
    }
}
