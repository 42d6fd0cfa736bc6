//! The real executable, started as a person would start it, and HTTP as bytes on a socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No answer of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The executable with no environment of ours but what it needs.
pub fn parlor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PARLOR_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running `parlor serve --ephemeral`, killed when dropped.
pub struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it printed when it was ready.
    pub ready: Value,
}

impl Program {
    /// Starts one with more arguments and waits until it is ready.
    pub fn ephemeral(more: &[&str]) -> Self {
        let mut child = parlor()
            .args(["serve", "--ephemeral"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self {
            child,
            stdout,
            ready: serde_json::from_str(&line).unwrap(),
        }
    }

    /// A text of the ready line.
    pub fn ready(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// The number of the process that was started.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let url = url::Url::parse(self.ready("url")).unwrap();
        format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
            .parse()
            .unwrap()
    }

    /// Sends a signal by its name, as `kill` knows it.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Waits for the end, and tells what else it printed and how long the end took.
    pub fn ended(mut self) -> (ExitStatus, String, Duration) {
        let start = Instant::now();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        (status, rest, start.elapsed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test waited for it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An open connection with a time-out on everything.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes on a connection of their own and reads until the server closes it.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The server may have refused and closed before it read all.
    drop(stream.write_all(bytes));
    let mut text = Vec::new();
    drop(stream.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// One request with a method, a path and more header lines, each ended by `\r\n`.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = match body {
        "" => String::new(),
        body => format!("content-length: {}\r\n", body.len()),
    };
    let text = raw(
        address,
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{length}{headers}\r\n{body}")
            .as_bytes(),
    );
    parse(&text)
}

/// A plain GET.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, "", "")
}

/// An answer from its text.
pub fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
