//! A TCP proxy that cuts connections at random byte positions, abruptly and in either direction.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a doomed connection may be silent.
const SILENCE: Duration = Duration::from_millis(100);

/// The proxy; ends when dropped.
pub struct Cutter {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    cuts: watch::Sender<usize>,
    /// Cuts still to make; afterwards connections live.
    left: AtomicUsize,
    seed: AtomicU64,
}

impl Cutter {
    /// Listens on a free port and forwards to `upstream` until `cuts` connections were cut.
    pub async fn start(upstream: SocketAddr, cuts: usize, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            cuts: watch::Sender::new(0),
            left: AtomicUsize::new(cuts),
            seed: AtomicU64::new(seed),
        });
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, Arc::clone(&accepting)));
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// How many connections were cut so far; the receiver hears of each.
    pub fn cuts(&self) -> watch::Receiver<usize> {
        self.shared.cuts.subscribe()
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// The next number of a small generator; the tests need spread, not secrecy.
    fn random(&self) -> u64 {
        let mut z = self
            .seed
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Bytes until the cut: 1 to 65,536, as many short ones as long ones.
    fn budget(&self) -> usize {
        let magnitude = self.random() % 17;
        let spread = self.random() % (1 << magnitude) + (1 << magnitude) / 2;
        usize::try_from(spread).unwrap().clamp(1, 65_536)
    }

    /// Claims one of the cuts still to make.
    fn claim(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

async fn forward(client: TcpStream, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(shared.upstream).await else {
        return;
    };
    let mut budgets = [usize::MAX; 2];
    let is_doomed = shared.claim();
    if is_doomed {
        let direction = usize::try_from(shared.random() % 2).unwrap();
        budgets[direction] = shared.budget();
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let max_read = shared.budget();
    // A doomed connection whose budget nothing uses up is cut while it is silent.
    let silence = if is_doomed { SILENCE } else { Duration::MAX };
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, budgets[0], max_read, Duration::MAX) => {}
        () = pump(&mut from_server, &mut to_client, budgets[1], max_read, silence) => {}
    }
    if is_doomed {
        shared.cuts.send_modify(|cuts| *cuts += 1);
    }
    // No lingering: the peers see a reset, as when a cable is pulled and a router notices.
    for stream in [
        from_client.reunite(to_client).ok(),
        from_server.reunite(to_server).ok(),
    ]
    .into_iter()
    .flatten()
    {
        let _ = stream.set_zero_linger();
    }
}

/// Copies until the budget is used up, a side ends, or nothing came for too long.
async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut budget: usize,
    max_read: usize,
    silence: Duration,
) {
    let mut buffer = vec![0; max_read];
    while budget > 0 {
        let limit = buffer.len().min(budget);
        let Ok(Ok(read @ 1..)) = timeout(silence, from.read(&mut buffer[..limit])).await else {
            return;
        };
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        budget -= read;
    }
}
