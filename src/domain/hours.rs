//! Opening hours of a group: intervals of the wall clock on each day of the week, in a time zone.
//!
//! Only the clock on the wall counts. So in the hour that a change of clocks repeats a group is open twice, and in the
//! one that it skips nobody misses anything.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Refusal;

/// Minutes of a day.
pub const DAY_MIN: u16 = 24 * 60;
/// Most intervals of one day.
pub const MAX_INTERVALS: usize = 4;
/// The names of the days in forms, Monday first.
pub const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// When a group is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// IANA name of the time zone, such as `Europe/Berlin`.
    pub zone: String,
    /// The intervals of each day, Monday first; a day without any is closed.
    pub days: [Vec<Interval>; 7],
}

/// A stretch of the wall clock. One that ends no later than it begins ends on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// First minute of the day, 0–1439.
    pub from_min: u16,
    /// The minute at which it is over, 0–1440.
    pub to_min: u16,
}

impl Interval {
    const fn crosses_midnight(self) -> bool {
        self.to_min <= self.from_min
    }

    /// An interval as people write one, such as `09:00-17:30`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once(['-', '–'])?;
        let (from_min, to_min) = (parse_time(from)?, parse_time(to)?);
        (from_min < DAY_MIN).then_some(Self { from_min, to_min })
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, to) = (self.from_min, self.to_min);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

impl Hours {
    /// The hours as they were typed: the name of a time zone and a line for each day, such as `9:00-12:00, 13:00-17:30`.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `zone` or of the day, `monday` to `sunday`.
    pub fn parse(zone: &str, lines: &[&str; 7]) -> Result<Self, Refusal> {
        let zone = zone.trim();
        if TimeZone::get(zone).is_err() {
            let reason = "a time zone such as Europe/Berlin";
            return Err(Refusal::invalid("zone", reason));
        }
        let mut days: [Vec<Interval>; 7] = Default::default();
        for ((day, line), name) in days.iter_mut().zip(lines).zip(DAYS) {
            *day = parse_day(line).ok_or_else(|| {
                let reason = format!(
                    "at most {MAX_INTERVALS} times such as 09:00-12:00, 13:00-17:30; empty for closed"
                );
                Refusal::invalid(name.to_ascii_lowercase(), reason)
            })?;
        }
        Ok(Self {
            zone: zone.to_owned(),
            days,
        })
    }

    /// A day as [`Hours::parse`] reads it.
    #[must_use]
    pub fn line(&self, day: usize) -> String {
        let intervals = self.days.get(day).map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<String> = intervals.iter().map(ToString::to_string).collect();
        texts.join(", ")
    }

    /// Whether it is open at this time, Unix ms. A zone that this program does not know is always open.
    #[must_use]
    pub fn is_open(&self, now: i64) -> bool {
        let (Ok(zone), Ok(at)) = (TimeZone::get(&self.zone), Timestamp::from_millisecond(now))
        else {
            return true;
        };
        let local = at.to_zoned(zone).datetime();
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let minute = minute.unwrap_or_default();
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or_default();
        let today = &self.days[day % 7];
        let yesterday = &self.days[(day + 6) % 7];
        let is_in = |interval: &Interval| {
            minute >= interval.from_min && (interval.crosses_midnight() || minute < interval.to_min)
        };
        let is_left_over =
            |interval: &Interval| interval.crosses_midnight() && minute < interval.to_min;
        today.iter().any(is_in) || yesterday.iter().any(is_left_over)
    }
}

fn parse_day(line: &str) -> Option<Vec<Interval>> {
    let parts = line.split([',', ';']).map(str::trim);
    let intervals: Vec<Interval> = parts
        .filter(|part| !part.is_empty())
        .map(Interval::parse)
        .collect::<Option<_>>()?;
    (intervals.len() <= MAX_INTERVALS).then_some(intervals)
}

/// `9`, `09:00` or `24:00` in minutes.
fn parse_time(text: &str) -> Option<u16> {
    let text = text.trim();
    let (hour, minute) = text.split_once([':', '.']).unwrap_or((text, "0"));
    let is_number = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60)
        .then_some(hour * 60 + minute)
        .filter(|at| *at <= DAY_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_group_is_open_by_the_clock_on_its_wall() {
        // 2026-11-20 is a Friday; Berlin is at UTC+1 then.
        let shop = Hours::parse(
            "Europe/Berlin",
            &[
                "9-12, 13:00-17:30",
                "",
                "",
                "",
                "9-12, 13:00-17:30",
                "22:00-02:00",
                "",
            ],
        )
        .unwrap();
        for (when, want) in [
            ("2026-11-20T07:59:59Z", false),
            ("2026-11-20T08:00:00Z", true),
            ("2026-11-20T10:59:59Z", true),
            ("2026-11-20T11:00:00Z", false),
            ("2026-11-20T12:00:00Z", true),
            ("2026-11-20T16:30:00Z", false),
            ("2026-11-19T10:00:00Z", false),
            ("2026-11-21T20:59:00Z", false),
            ("2026-11-21T21:00:00Z", true),
            ("2026-11-21T23:30:00Z", true),
            ("2026-11-22T00:59:00Z", true),
            ("2026-11-22T01:00:00Z", false),
        ] {
            assert_eq!(shop.is_open(at(when)), want, "{when}");
        }
    }

    #[test]
    fn a_change_of_clocks_moves_the_hours_with_the_wall() {
        let all = ["1:30-3:30"; 7];
        let berlin = Hours::parse("Europe/Berlin", &all).unwrap();
        for (when, want) in [
            // 2026-03-29: at 02:00 the clock jumps to 03:00.
            ("2026-03-29T00:29:00Z", false),
            ("2026-03-29T00:30:00Z", true),
            ("2026-03-29T01:29:00Z", true),
            ("2026-03-29T01:30:00Z", false),
            // 2026-10-25: at 03:00 it goes back to 02:00, so the interval lasts an hour longer.
            ("2026-10-24T23:30:00Z", true),
            ("2026-10-25T02:29:00Z", true),
            ("2026-10-25T02:30:00Z", false),
        ] {
            assert_eq!(berlin.is_open(at(when)), want, "{when}");
        }
    }

    #[test]
    fn a_whole_day_ends_at_midnight() {
        let line = ["", "", "", "", "0:00-24:00", "", ""];
        let friday = Hours::parse("UTC", &line).unwrap();
        for (when, want) in [
            ("2026-11-19T23:59:59Z", false),
            ("2026-11-20T00:00:00Z", true),
            ("2026-11-20T23:59:59Z", true),
            ("2026-11-21T00:00:00Z", false),
        ] {
            assert_eq!(friday.is_open(at(when)), want, "{when}");
        }
        assert_eq!(friday.line(4), "00:00-24:00");
        assert_eq!(friday.line(0), "");
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        for bad in [
            "9",
            "9-",
            "25:00-26:00",
            "24:00-1:00",
            "9:60-10:00",
            "9-10 11-12",
            "x-y",
            "1-2,3-4,5-6,7-8,9-10",
        ] {
            let lines = ["", bad, "", "", "", "", ""];
            let refused = Hours::parse("UTC", &lines).unwrap_err();
            assert!(
                matches!(&refused, Refusal::Validation { field, .. } if field == "tuesday"),
                "{bad}: {refused}"
            );
        }
        let refused = Hours::parse("Europe/Atlantis", &[""; 7]).unwrap_err();
        assert!(matches!(&refused, Refusal::Validation { field, .. } if field == "zone"));
    }
}
