//! The pace of one socket: how fast it may talk, and when it counts as gone. Pure; the time is an argument.

use std::time::{Duration, Instant};

/// The times of a chat socket; tests turn them down, nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTiming {
    /// How long a new socket may take to log in.
    pub login_within: Duration,
    /// How often the server sends a WebSocket Ping; a peer that misses two is dropped.
    pub ping_every: Duration,
    /// How long a visitor may neither chat nor change the page before the server hangs up.
    pub inactive_after: Duration,
}

impl Default for SocketTiming {
    fn default() -> Self {
        Self {
            login_within: Duration::from_secs(30),
            ping_every: Duration::from_secs(25),
            inactive_after: Duration::from_mins(30),
        }
    }
}

/// Pings in a row that may stay without any frame from the peer.
const MISSED_PINGS: u32 = 2;

/// Frames a second of one socket, and how many it may have saved up.
const FRAMES: Rate = Rate {
    per_second: 60.0,
    burst: 120.0,
};

/// Refused frames after which the peer is not merely hasty: the socket closes. They are forgiven at one a second.
const STRIKES: Rate = Rate {
    per_second: 1.0,
    burst: 120.0,
};

#[derive(Clone, Copy, Debug)]
struct Rate {
    per_second: f64,
    burst: f64,
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    const fn full(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            filled_at: now,
        }
    }

    /// Takes one token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Verdict {
    /// Within the limit.
    Take,
    /// Above it: refuse the frame with `too_many_requests`.
    Refuse,
    /// Far above it for long: Close 1008.
    Close,
}

/// The limits of one socket.
#[derive(Debug)]
pub(in crate::http) struct Pace {
    frames: Bucket,
    strikes: Bucket,
}

impl Pace {
    /// Full buckets.
    pub(in crate::http) const fn new(now: Instant) -> Self {
        Self {
            frames: Bucket::full(FRAMES, now),
            strikes: Bucket::full(STRIKES, now),
        }
    }

    /// Counts one frame of any kind, control frames included.
    pub(in crate::http) fn frame(&mut self, now: Instant) -> Verdict {
        if self.frames.take(now) {
            Verdict::Take
        } else if self.strikes.take(now) {
            Verdict::Refuse
        } else {
            Verdict::Close
        }
    }
}

/// Whether the peer is still there.
#[derive(Debug, Default)]
pub(in crate::http) struct Heart {
    unanswered: u32,
}

impl Heart {
    /// Anything at all came from the peer: published clients never ping by themselves.
    pub(in crate::http) const fn heard(&mut self) {
        self.unanswered = 0;
    }

    /// It is time for a Ping; true if the peer missed too many and is to be dropped instead.
    pub(in crate::http) const fn beat(&mut self) -> bool {
        self.unanswered += 1;
        self.unanswered > MISSED_PINGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_with_time_and_not_above_its_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::full(FRAMES, start);

        let first = (0..200).filter(|_| bucket.take(start)).count();
        let one_second = (0..200)
            .filter(|_| bucket.take(start + Duration::from_secs(1)))
            .count();
        let one_hour = (0..200)
            .filter(|_| bucket.take(start + Duration::from_hours(1)))
            .count();

        assert_eq!((first, one_second, one_hour), (120, 60, 120));
    }

    #[test]
    fn a_hasty_peer_is_refused_and_a_flood_is_cut() {
        let now = Instant::now();
        let mut pace = Pace::new(now);

        let verdicts: Vec<_> = (0..241).map(|_| pace.frame(now)).collect();

        assert!(verdicts[..120].iter().all(|v| *v == Verdict::Take));
        assert!(verdicts[120..240].iter().all(|v| *v == Verdict::Refuse));
        assert_eq!(verdicts[240], Verdict::Close);
        assert_eq!(pace.frame(now + Duration::from_secs(1)), Verdict::Take);
    }

    #[test]
    fn a_peer_that_misses_two_pings_is_dropped_at_the_third_beat() {
        let mut heart = Heart::default();

        assert!(!heart.beat());
        assert!(!heart.beat());
        heart.heard();
        assert!(!heart.beat());
        assert!(!heart.beat());
        assert!(heart.beat());
    }
}
