//! Holding the writer still, so that a test decides what shares a batch; and waiting for what threads do.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parlor::db::{Db, Lane};

/// The SQLite writer, busy with a job that ends when this is dropped.
pub struct Held {
    release: Option<Sender<()>>,
    job: Option<JoinHandle<()>>,
}

impl Held {
    /// Returns when the writer has begun the job: what is queued from now on shares the next batch.
    pub fn new(db: &Db) -> Self {
        let (release, released) = channel::<()>();
        let (begun, began) = channel();
        let db = db.clone();
        let job = std::thread::spawn(move || {
            let held = db.write_blocking(Lane::Chat, move |_| {
                begun.send(()).unwrap();
                // Ends with the sender.
                let _ = released.recv();
                Ok(())
            });
            held.expect("the holding job does nothing that could fail");
        });
        began.recv().expect("the writer begins the job");
        Self {
            release: Some(release),
            job: Some(job),
        }
    }

    /// Lets the writer go on.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(job) = self.job.take() {
            job.join().expect("the holding job ends");
        }
    }
}

/// Waits until `holds`; a thread's progress has no event that a test could await.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let (_kept, never): (Sender<()>, Receiver<()>) = channel();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        let _ = never.recv_timeout(Duration::from_millis(2));
    }
}
