//! Processes under test: Parlor's release binary and the baselines, with their CPU time and memory as the system counts them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    /// What Parlor said when it was ready; null for a baseline.
    pub(crate) ready: Value,
}

/// The release binary beside which this program was built.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/parlor");
    let path = std::env::var_os("PARLOR_BINARY").map_or(path, PathBuf::from);
    anyhow::ensure!(
        path.exists(),
        "{} is missing: run `make bench`",
        path.display()
    );
    Ok(path)
}

impl Server {
    /// Parlor with a temporary folder, one owner and one site, and limits wide enough for a load from one address.
    pub(crate) fn parlor() -> anyhow::Result<Self> {
        let mut command = Command::new(binary()?);
        command.args([
            "serve",
            "--ephemeral",
            "--listen",
            "127.0.0.1:0",
            "--owner-email",
            "owner@example.com",
            "--owner-password",
            OWNER_PASSWORD,
            "--site-origin",
            ORIGIN,
        ]);
        Self::spawn(command, true)
    }

    /// Parlor on an existing data folder.
    pub(crate) fn parlor_on(data: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(binary()?);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        Self::spawn(command, false)
    }

    /// A baseline of [`crate::baseline`] in a process of its own.
    pub(crate) fn baseline(kind: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["baseline", kind]);
        Self::spawn(command, true)
    }

    fn spawn(mut command: Command, is_json: bool) -> anyhow::Result<Self> {
        // One client address opens every connection here, which no real visitor does.
        command.env("PARLOR_SOCKETS_PER_ADDRESS", "1000000");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let (address, ready) = loop {
            let line = lines
                .next()
                .context("the server ended before it was ready")??;
            if is_json {
                let ready: Value = serde_json::from_str(&line)?;
                break (ready["url"].as_str().context("no url")?.to_owned(), ready);
            }
            if let Some(at) = line.find("http://") {
                let url = line[at..].split_whitespace().next().unwrap_or_default();
                break (url.to_owned(), Value::Null);
            }
        };
        // The pipe stays open for the server's later lines.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            child,
            address,
            ready,
        })
    }

    /// CPU seconds used so far by all threads, user and system, as the scheduler counts them in nanoseconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut nanoseconds = 0.0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += stat
                .split(' ')
                .next()
                .context("schedstat")?
                .parse::<f64>()?;
        }
        Ok(nanoseconds / 1e9)
    }

    /// Resident memory in MiB.
    pub(crate) fn rss_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|l| l.starts_with("VmRSS:"))
            .context("VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The origin the loads say they come from; the site lists it.
pub(crate) const ORIGIN: &str = "http://shop.example";
/// The owner's password in every measured instance.
pub(crate) const OWNER_PASSWORD: &str = "correct horse battery";
