//! Tries at credentials: one count for passwords, one-time links, tickets and keys alike, so that no way in is easier.
//!
//! A try is counted when it begins and forgiven when it succeeds: a busy office and a test suite that log in all day are
//! never locked out, and a hundred guesses sent at once do not slip through before the first has failed.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::limit::Wait;

/// The time over which failures are counted: 15 minutes.
const WINDOW_MS: i64 = 15 * 60_000;
/// Failures at one account, from wherever they come.
const PER_ACCOUNT: usize = 10;
/// Failures from one IPv4 address or IPv6 /64, at whatever account.
const PER_ADDRESS: usize = 50;
/// Failures of the whole process. It also bounds the maps: no more keys than this can be counted.
const IN_ALL: usize = 1000;

/// The counts of one process.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Held for a look-up and never across an await, so a plain mutex.
    counts: Mutex<Counts>,
    /// Keys are kept as seeded hashes: small, and no list of addresses lies in memory.
    seed: RandomState,
}

/// One try that has begun; dropped without [`Attempt::succeeded`] it stays counted as a failure.
#[derive(Debug)]
#[must_use = "a try that succeeded has to say so"]
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: [u64; 2],
    at: i64,
}

#[derive(Debug, Default)]
struct Counts {
    by_key: HashMap<u64, VecDeque<i64>>,
    all: VecDeque<i64>,
}

impl Attempts {
    /// Begins a try at `account` (a folded e-mail address, the name of a kind of link) from `address`.
    ///
    /// `address` is an IPv4 address or an IPv6 /64; `now` is Unix ms.
    ///
    /// # Errors
    /// [`Wait`] when account, address or process have failed too often in the last 15 minutes.
    pub fn begin(&self, account: &str, address: IpAddr, now: i64) -> Result<Attempt<'_>, Wait> {
        let keys = [
            self.seed.hash_one(("account", account)),
            self.seed.hash_one(("address", address)),
        ];
        let mut counts = self.lock();
        counts.forget_old(now);
        let waits = [
            wait(counts.by_key.get(&keys[0]), PER_ACCOUNT, now),
            wait(counts.by_key.get(&keys[1]), PER_ADDRESS, now),
            wait(Some(&counts.all), IN_ALL, now),
        ];
        if let Some(longest) = waits.into_iter().flatten().max_by_key(|w| w.retry_after_s) {
            return Err(longest);
        }
        for key in keys {
            counts.by_key.entry(key).or_default().push_back(now);
        }
        counts.all.push_back(now);
        Ok(Attempt {
            attempts: self,
            keys,
            at: now,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The credential was right: the try is not counted, nor are the earlier failures at this account.
    pub fn succeeded(self) {
        let [account, address] = self.keys;
        let mut counts = self.attempts.lock();
        counts.by_key.remove(&account);
        if let Some(times) = counts.by_key.get_mut(&address) {
            forgive(times, self.at);
        }
        forgive(&mut counts.all, self.at);
    }
}

impl Counts {
    /// Times ahead of `now` go too: the clock was set back, and nobody may be locked out until it catches up.
    fn forget_old(&mut self, now: i64) {
        let is_recent = |at: &i64| (now - WINDOW_MS < *at) && *at <= now;
        if self.all.iter().all(is_recent) {
            return;
        }
        self.all.retain(is_recent);
        self.by_key.retain(|_, times| {
            times.retain(is_recent);
            !times.is_empty()
        });
    }
}

fn wait(times: Option<&VecDeque<i64>>, most: usize, now: i64) -> Option<Wait> {
    let times = times?;
    // The oldest of the last `most` tries has to leave the window before another fits.
    let frees = times.len().checked_sub(most)?;
    let left_ms = times.get(frees)? + WINDOW_MS - now;
    let seconds = u32::try_from(left_ms.div_euclid(1000) + 1).unwrap_or(1);
    Some(Wait {
        retry_after_s: seconds.max(1),
    })
}

fn forgive(times: &mut VecDeque<i64>, at: i64) {
    if let Some(n) = times.iter().rposition(|time| *time == at) {
        times.remove(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[test]
    fn an_account_may_fail_ten_times_in_any_quarter_of_an_hour() {
        let attempts = Attempts::default();
        for n in 0..10 {
            assert!(attempts.begin("ada", from(n), i64::from(n)).is_ok(), "{n}");
        }

        let refused = attempts.begin("ada", from(99), 10).unwrap_err();

        assert_eq!(refused.retry_after_s, 900);
        assert!(attempts.begin("bob", from(99), 10).is_ok());
        assert!(attempts.begin("ada", from(99), WINDOW_MS - 1).is_err());
        assert!(attempts.begin("ada", from(99), WINDOW_MS).is_ok());
        assert!(attempts.begin("ada", from(99), WINDOW_MS).is_err());
    }

    #[test]
    fn an_address_may_fail_fifty_times_over_all_accounts() {
        let attempts = Attempts::default();
        for n in 0..50 {
            assert!(attempts.begin(&format!("a{n}"), from(1), 0).is_ok(), "{n}");
        }

        assert!(attempts.begin("a50", from(1), 0).is_err());
        assert!(attempts.begin("a50", from(2), 0).is_ok());
    }

    #[test]
    fn what_succeeds_is_never_counted() {
        let attempts = Attempts::default();

        for now in 0..2000 {
            attempts.begin("ada", from(1), now).unwrap().succeeded();
        }

        assert!(attempts.begin("ada", from(1), 2000).is_ok());
    }

    #[test]
    fn the_process_has_a_cap_and_the_maps_with_it() {
        let attempts = Attempts::default();
        let all = (0..3000)
            .filter(|n| {
                let address = IpAddr::from(u32::to_be_bytes(*n));
                attempts.begin(&format!("a{n}"), address, 0).is_ok()
            })
            .count();

        assert_eq!(all, IN_ALL);
        assert_eq!(attempts.lock().by_key.len(), 2 * IN_ALL);
        assert!(attempts.begin("ada", from(1), WINDOW_MS).is_ok());
        assert_eq!(attempts.lock().by_key.len(), 2);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert!(attempts.begin("ada", from(1), 5 * WINDOW_MS).is_ok());
        }

        assert!(attempts.begin("ada", from(1), WINDOW_MS).is_ok());
    }
}
