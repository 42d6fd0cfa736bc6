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
}
