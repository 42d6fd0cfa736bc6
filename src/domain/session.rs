//! A session: a visitor's time on a site. When it goes on, when it ends.

/// What a new activity does to the visitor's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none: one starts.
    Starts,
    /// The open one goes on.
    GoesOn,
    /// The open one had been silent too long: it ended, and a new one starts.
    Restarts,
}

/// What an activity at `at` does to a session last seen at `last_seen_at`; all in Unix milliseconds.
///
/// An activity older than the last one (a late delivery, a clock that went back) never ends a session.
#[must_use]
pub const fn step(last_seen_at: Option<i64>, at: i64, idle_ms: i64) -> Step {
    match last_seen_at {
        None => Step::Starts,
        Some(seen) if at.saturating_sub(seen) > idle_ms => Step::Restarts,
        Some(_) => Step::GoesOn,
    }
}

/// The longest an activity may lie back when it arrives: what a browser kept while it was offline.
pub const MAX_LATE_MS: i64 = 24 * 60 * 60 * 1000;

/// When an activity happened by our clock: the client's own difference between `sent_at` and `at`, taken off `now`.
///
/// Only differences of the client's clock count, so a wrong one does no harm. Never in the future, never more than
/// [`MAX_LATE_MS`] back; `now` where the client gave no times.
#[must_use]
pub fn occurred_at(now: i64, sent_at: Option<i64>, at: Option<i64>) -> i64 {
    match (sent_at, at) {
        (Some(sent), Some(at)) => now.saturating_sub(sent.saturating_sub(at).clamp(0, MAX_LATE_MS)),
        _ => now,
    }
}

/// The open session of a visitor as it was before a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The last sign of life.
    pub last_seen_at: i64,
    /// When the page being looked at was opened.
    pub page_at: i64,
    /// The call id of that page, or empty.
    pub page_call_id: String,
    /// Whether that page was closed since.
    pub has_left: bool,
}

/// What one call says of the visitor's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign<'a> {
    /// A page was opened by the call with this id.
    Page(&'a str),
    /// Something happened.
    Event,
    /// A page is still looked at.
    Seen(Option<&'a str>),
    /// A page was closed.
    Leave(&'a str),
}

/// The page a session shows from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageNow<'a> {
    /// The one that the sign with this number opened.
    Opened(usize),
    /// An earlier one, by its call id.
    Again(&'a str, i64),
}

/// What a batch does to one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch<'a> {
    /// Whether the batch starts it; else it is the one that was open before.
    pub is_new: bool,
    /// The first sign of life in this batch.
    pub first_at: i64,
    /// The last sign of life.
    pub last_seen_at: i64,
    /// Pages opened.
    pub page_views: i64,
    /// The page it shows from now on, where that changes.
    pub page: Option<PageNow<'a>>,
    /// When the page it shows was closed; `None` while it is open.
    pub left_at: Option<i64>,
    /// Whether `left_at` changes.
    pub moves_left_at: bool,
    /// Whether it ended, since the next sign came too late.
    pub is_ended: bool,
}

/// What a batch does to a visitor's sessions, and to which of them each sign belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan<'a> {
    /// In order; only the last one is not ended.
    pub stretches: Vec<Stretch<'a>>,
    /// For each sign the number of its stretch; a `Leave` without a session has none.
    pub of: Vec<Option<usize>>,
}

impl Plan<'_> {
    /// Whether a session starts.
    #[must_use]
    pub fn starts_any(&self) -> bool {
        self.stretches.iter().any(|stretch| stretch.is_new)
    }
}

/// Decides what the signs, each with its time, do to the open session.
#[must_use]
pub fn plan<'a>(open: Option<&'a Open>, signs: &[(i64, Sign<'a>)], idle_ms: i64) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut shown = Shown::default();
    if let Some(open) = open {
        shown = Shown {
            call_id: &open.page_call_id,
            at: open.page_at,
            has_left: open.has_left,
        };
        plan.stretches.push(Stretch::new(false, open.last_seen_at));
    }
    for (number, (at, sign)) in signs.iter().enumerate() {
        let seen = plan.stretches.last().map(|stretch| stretch.last_seen_at);
        let is_leave = matches!(sign, Sign::Leave(_));
        match step(seen, *at, idle_ms) {
            Step::Starts | Step::Restarts if is_leave => {
                plan.of.push(None);
                continue;
            }
            Step::GoesOn => {}
            Step::Starts | Step::Restarts => {
                if let Some(last) = plan.stretches.last_mut() {
                    last.is_ended = true;
                }
                shown = Shown::default();
                plan.stretches.push(Stretch::new(true, *at));
            }
        }
        plan.of.push(Some(plan.stretches.len() - 1));
        if let Some(stretch) = plan.stretches.last_mut() {
            stretch.last_seen_at = stretch.last_seen_at.max(*at);
            stretch.show(&mut shown, number, *at, *sign);
        }
    }
    plan
}

/// The page a session shows while a plan is made.
#[derive(Default)]
struct Shown<'a> {
    call_id: &'a str,
    at: i64,
    has_left: bool,
}

impl<'a> Stretch<'a> {
    const fn new(is_new: bool, at: i64) -> Self {
        Self {
            is_new,
            first_at: at,
            last_seen_at: at,
            page_views: 0,
            page: None,
            left_at: None,
            moves_left_at: false,
            is_ended: false,
        }
    }

    fn show(&mut self, shown: &mut Shown<'a>, number: usize, at: i64, sign: Sign<'a>) {
        match sign {
            Sign::Page(call_id) => {
                self.page_views += 1;
                // A page that arrives late is counted, but the newer one stays in view.
                if at >= shown.at {
                    self.turn_to(shown, PageNow::Opened(number), call_id, at);
                }
            }
            Sign::Seen(Some(call_id)) if call_id == shown.call_id => self.come_back(shown),
            // Another tab is in view, and the page we knew of is closed or unknown.
            Sign::Seen(Some(call_id)) if shown.has_left || shown.call_id.is_empty() => {
                self.turn_to(shown, PageNow::Again(call_id, at), call_id, at);
            }
            Sign::Leave(call_id) if call_id == shown.call_id => {
                shown.has_left = true;
                self.left_at = Some(at);
                self.moves_left_at = true;
            }
            Sign::Event | Sign::Seen(_) | Sign::Leave(_) => {}
        }
    }

    fn turn_to(&mut self, shown: &mut Shown<'a>, page: PageNow<'a>, call_id: &'a str, at: i64) {
        self.page = Some(page);
        shown.call_id = call_id;
        shown.at = at;
        self.come_back(shown);
    }

    fn come_back(&mut self, shown: &mut Shown<'a>) {
        shown.has_left = false;
        self.left_at = None;
        self.moves_left_at = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;

    #[test]
    fn a_session_goes_on_for_thirty_minutes_after_the_last_activity() {
        let cases = [
            (None, 0, Step::Starts),
            (Some(0), 0, Step::GoesOn),
            (Some(0), 30 * MIN, Step::GoesOn),
            (Some(0), 30 * MIN + 1, Step::Restarts),
            (Some(60 * MIN), 0, Step::GoesOn),
            (Some(i64::MAX), i64::MIN, Step::GoesOn),
            (Some(i64::MIN), i64::MAX, Step::Restarts),
        ];
        for (seen, at, want) in cases {
            assert_eq!(step(seen, at, 30 * MIN), want, "{seen:?} {at}");
        }
    }

    #[test]
    fn a_wrong_clock_does_no_harm() {
        let now = 1_800_000_000_000;
        let cases = [
            (Some(1000), Some(400), now - 600),
            (Some(400), Some(1000), now),
            (Some(i64::MAX), Some(i64::MIN), now - MAX_LATE_MS),
            (Some(i64::MIN), Some(i64::MAX), now),
            (Some(now), Some(0), now - MAX_LATE_MS),
            (None, Some(0), now),
            (Some(0), None, now),
        ];
        for (sent, at, want) in cases {
            assert_eq!(occurred_at(now, sent, at), want, "{sent:?} {at:?}");
        }
    }

    fn open(page: &str) -> Open {
        Open {
            last_seen_at: 0,
            page_at: 0,
            page_call_id: page.into(),
            has_left: false,
        }
    }

    #[test]
    fn pages_go_on_with_the_open_session() {
        let open = open("p0");

        let plan = plan(
            Some(&open),
            &[(MIN, Sign::Page("p1")), (2 * MIN, Sign::Event)],
            30 * MIN,
        );

        assert_eq!(plan.of, [Some(0), Some(0)]);
        let only = &plan.stretches[0];
        assert!(!only.is_new && !only.is_ended);
        assert_eq!((only.last_seen_at, only.page_views), (2 * MIN, 1));
        assert_eq!(only.page, Some(PageNow::Opened(0)));
    }

    #[test]
    fn silence_ends_a_session_and_the_next_sign_starts_one() {
        let open = open("p0");

        let plan = plan(
            Some(&open),
            &[
                (MIN, Sign::Event),
                (40 * MIN, Sign::Leave("p0")),
                (40 * MIN, Sign::Page("p1")),
                (80 * MIN, Sign::Seen(Some("p1"))),
            ],
            30 * MIN,
        );

        assert_eq!(plan.of, [Some(0), None, Some(1), Some(2)]);
        let ends: Vec<(i64, bool)> = plan
            .stretches
            .iter()
            .map(|s| (s.last_seen_at, s.is_ended))
            .collect();
        assert_eq!(ends, [(MIN, true), (40 * MIN, true), (80 * MIN, false)]);
        assert_eq!(plan.stretches[2].page, Some(PageNow::Again("p1", 80 * MIN)));
    }

    #[test]
    fn only_the_page_in_view_can_be_left() {
        let open = open("p1");
        let left = |signs: &[(i64, Sign<'static>)]| {
            let plan = plan(Some(&open), signs, 30 * MIN);
            (plan.stretches[0].left_at, plan.stretches[0].moves_left_at)
        };

        assert_eq!(left(&[(5, Sign::Leave("p0"))]), (None, false));
        assert_eq!(left(&[(5, Sign::Leave("p1"))]), (Some(5), true));
        assert_eq!(
            left(&[(5, Sign::Leave("p1")), (6, Sign::Seen(Some("p1")))]),
            (None, true)
        );
        assert_eq!(
            left(&[(5, Sign::Leave("p1")), (6, Sign::Page("p2"))]),
            (None, true)
        );
        assert_eq!(
            left(&[(5, Sign::Page("p2")), (6, Sign::Leave("p1"))]),
            (None, true)
        );
    }

    #[test]
    fn a_late_page_is_counted_and_does_not_come_into_view() {
        let open = Open {
            page_at: 10 * MIN,
            last_seen_at: 10 * MIN,
            ..open("p1")
        };

        let plan = plan(Some(&open), &[(MIN, Sign::Page("p0"))], 30 * MIN);

        assert_eq!(plan.stretches[0].page, None);
        assert_eq!(plan.stretches[0].page_views, 1);
        assert_eq!(plan.stretches[0].last_seen_at, 10 * MIN);
    }

    #[test]
    fn leaving_starts_no_session() {
        let plan = plan(None, &[(0, Sign::Leave("p1"))], 30 * MIN);

        assert!(plan.stretches.is_empty());
        assert!(!plan.starts_any());
    }
}
