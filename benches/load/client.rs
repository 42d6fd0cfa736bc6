//! The load's side of HTTP and sockets: keep-alive connections that post a body and read an answer, as cheaply as they can.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One keep-alive HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
            host: address.to_owned(),
        })
    }

    /// Sends one request and returns the status and body.
    pub(crate) async fn send(&mut self, head: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        let (status, _, body) = self.exchange(head, body).await?;
        Ok((status, body))
    }

    /// Sends one request and returns the status, the head and the body.
    pub(crate) async fn exchange(
        &mut self,
        head: &str,
        body: &[u8],
    ) -> anyhow::Result<(u16, String, Vec<u8>)> {
        let mut request = format!(
            "{head}\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.buffer.clear();
        loop {
            if let Some((status, start, length)) = head_of(&self.buffer) {
                while self.buffer.len() < start + length {
                    self.read().await?;
                }
                let head = String::from_utf8_lossy(&self.buffer[..start]).into_owned();
                return Ok((status, head, self.buffer[start..start + length].to_vec()));
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let n = self.stream.read_buf(&mut self.buffer).await?;
        anyhow::ensure!(n > 0, "the server closed the connection");
        Ok(())
    }
}

/// Status, where the body starts and how long it is, once the head is complete.
fn head_of(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|v| v.trim().to_owned())
        })
        .and_then(|v| v.parse().ok())
        .unwrap_or(0);
    Some((status, end, length))
}

/// What a load of requests came to.
pub(crate) struct Load {
    pub(crate) answered: u64,
    pub(crate) seconds: f64,
    pub(crate) latencies_ms: Vec<f64>,
}

/// Posts bodies from `connections` connections for `seconds`; `body(connection, n)` makes each.
pub(crate) async fn post_for(
    address: &str,
    path: &'static str,
    connections: usize,
    seconds: f64,
    body: impl Fn(usize, u64) -> Vec<u8> + Clone + Send + 'static,
) -> anyhow::Result<Load> {
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(seconds);
    let mut tasks = Vec::new();
    for c in 0..connections {
        let (address, body) = (address.to_owned(), body.clone());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let head = format!(
                "POST {path} HTTP/1.1\r\nContent-Type: text/plain\r\nOrigin: {}",
                crate::process::ORIGIN
            );
            let mut latencies = Vec::new();
            let mut n = 0;
            while Instant::now() < until {
                let bytes = body(c, n);
                let sent = Instant::now();
                let (status, answer) = connection.send(&head, &bytes).await?;
                anyhow::ensure!(
                    status == 200,
                    "{path} answered {status}: {}",
                    String::from_utf8_lossy(&answer)
                );
                latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
                n += 1;
            }
            anyhow::Ok(latencies)
        }));
    }
    let mut latencies_ms = Vec::new();
    for task in tasks {
        latencies_ms.extend(task.await.context("a connection's task")??);
    }
    Ok(Load {
        answered: latencies_ms.len() as u64,
        seconds: started.elapsed().as_secs_f64(),
        latencies_ms,
    })
}

/// A runtime for the load's side.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
