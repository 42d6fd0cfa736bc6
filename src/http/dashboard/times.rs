//! How pages write times down. The browser writes them again in its own zone and keeps the ages growing.

use actix_web::HttpRequest;
use jiff::Timestamp;
use jiff::tz::TimeZone;

const SECOND_MS: i64 = 1000;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3600;
const DAY_S: i64 = 86_400;

/// The name of the cookie in which the browser tells its time zone, so that the first text is already right.
pub(crate) const ZONE_COOKIE: &str = "parlor_zone";

/// The zone and the moment a page is written in.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    zone: TimeZone,
    now: i64,
}

impl Times {
    /// Times for this IANA zone; an unknown one is UTC.
    pub(crate) fn new(zone: Option<&str>, now: i64) -> Self {
        let zone = zone
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or(TimeZone::UTC);
        Self { zone, now }
    }

    /// Times in the zone of the browser that sent this request.
    pub(crate) fn of(req: &HttpRequest, now: i64) -> Self {
        let cookie = req.cookie(ZONE_COOKIE);
        Self::new(cookie.as_ref().map(|cookie| cookie.value()), now)
    }

    /// The moment this is written at, Unix milliseconds.
    pub(crate) const fn now(&self) -> i64 {
        self.now
    }

    /// Hour and minute.
    pub(crate) fn clock(&self, at: i64) -> String {
        self.written("%H:%M", at)
    }

    /// The day, to compare and to group by.
    pub(crate) fn day_key(&self, at: i64) -> String {
        self.written("%Y-%m-%d", at)
    }

    /// The day, for people.
    pub(crate) fn day(&self, at: i64) -> String {
        let key = self.day_key(at);
        if key == self.day_key(self.now) {
            "Today".to_owned()
        } else if key == self.day_key(self.now - DAY_S * SECOND_MS) {
            "Yesterday".to_owned()
        } else {
            self.written("%A, %-d %B", at)
        }
    }

    /// Day and hour, as short as it can be said.
    pub(crate) fn when(&self, at: i64) -> String {
        if self.day_key(at) == self.day_key(self.now) {
            format!("Today, {}", self.clock(at))
        } else if self.written("%Y", at) == self.written("%Y", self.now) {
            self.written("%-d %b, %H:%M", at)
        } else {
            self.written("%-d %b %Y", at)
        }
    }

    /// How long ago, in one unit.
    pub(crate) fn age(&self, at: i64) -> String {
        let seconds = self.seconds_since(at);
        match seconds {
            s if s < MINUTE_S => "now".to_owned(),
            s if s < HOUR_S => format!("{} min", s / MINUTE_S),
            s if s < DAY_S => format!("{} h", s / HOUR_S),
            s => format!("{} d", s / DAY_S),
        }
    }

    /// How long since, as a running time.
    pub(crate) fn span_since(&self, at: i64) -> String {
        span(self.now - at)
    }

    fn seconds_since(&self, at: i64) -> i64 {
        ((self.now - at) / SECOND_MS).max(0)
    }

    fn written(&self, format: &str, at: i64) -> String {
        Timestamp::from_millisecond(at).map_or_else(
            |_| String::new(),
            |stamp| {
                stamp
                    .to_zoned(self.zone.clone())
                    .strftime(format)
                    .to_string()
            },
        )
    }
}

/// A time for `datetime=`: RFC 3339 in UTC, empty outside the years that can be written.
pub(crate) fn iso(at: i64) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |stamp| stamp.to_string())
}

/// A length of time such as `0:42`, `12:05` or `1:02:33`; never negative.
pub(crate) fn span(ms: i64) -> String {
    let seconds = (ms / SECOND_MS).max(0);
    let (hours, minutes, rest) = (
        seconds / HOUR_S,
        seconds / MINUTE_S % MINUTE_S,
        seconds % MINUTE_S,
    );
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_spans_are_short_and_never_negative() {
        let times = Times::new(None, 1_000_000_000);
        for (ago_s, age, span) in [
            (-5, "now", "0:00"),
            (59, "now", "0:59"),
            (61, "1 min", "1:01"),
            (3_753, "1 h", "1:02:33"),
            (90_000, "1 d", "25:00:00"),
        ] {
            assert_eq!(times.age(1_000_000_000 - ago_s * 1000), age);
            assert_eq!(times.span_since(1_000_000_000 - ago_s * 1000), span);
        }
    }

    #[test]
    fn days_are_those_of_the_reader() {
        let late_evening = 1_780_008_600_000; // 2026-05-28T22:50:00Z
        let utc = Times::new(Some("nowhere/else"), late_evening);
        let berlin = Times::new(Some("Europe/Berlin"), late_evening);

        assert_eq!(utc.clock(late_evening), "22:50");
        assert_eq!(berlin.clock(late_evening), "00:50");
        assert_eq!(utc.day_key(late_evening), "2026-05-28");
        assert_eq!(berlin.day_key(late_evening), "2026-05-29");
        assert_eq!(berlin.day(late_evening - 3_600_000), "Yesterday");
        assert_eq!(iso(late_evening), "2026-05-28T22:50:00Z");
    }
}
