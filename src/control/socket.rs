//! The control socket of a running server: `parlor.sock` in the data folder, mode 0600, one JSON line each way.
//!
//! Whoever can open it can also read the database file, so it asks for nothing else.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Ask, Reply};

const NAME: &str = "parlor.sock";
/// A question is a line of names and a hash; anything longer is not one.
const MAX_ASK_BYTES: u64 = 16 * 1024;
/// The other side is a program on this machine, which says at once what it wants.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the command line waits for an answer; a check of a large database takes its time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest path that fits into the address of a Unix socket on every system.
const MAX_PATH_BYTES: usize = 100;

/// The open socket; dropping it removes it and ends its thread.
pub struct ControlSocket {
    path: PathBuf,
    address: Address,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Opens the socket in the folder and answers on a thread of its own. The folder's lock must be held.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path, answer: impl Fn(Ask) -> Reply + Send + 'static) -> io::Result<Self> {
        let path = folder.join(NAME);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let address = Address::of(folder)?;
        // The folder is 0700, so nobody can be faster than the change of mode.
        let listener = UnixListener::bind(&address.path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = std::thread::Builder::new()
            .name("parlor-control".into())
            .spawn(move || serve(&listener, &ends, answer))?;
        Ok(Self {
            path,
            address,
            is_over,
            thread: Some(thread),
        })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Wakes the thread from its wait; if that fails it is not waiting any more.
        drop(UnixStream::connect(&self.address.path));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the control socket panicked");
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket was gone already");
        }
    }
}

/// Asks the server of this data folder; `None` when none is running.
///
/// # Errors
/// What the system says, or that the answer is not one.
pub fn ask(folder: &Path, ask: &Ask) -> io::Result<Option<Reply>> {
    let Ok(address) = Address::of(folder) else {
        return Ok(None);
    };
    let mut stream = match UnixStream::connect(&address.path) {
        Ok(stream) => stream,
        Err(error) => {
            // Refused: the file of a server that was killed.
            let is_down =
                [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind());
            return if is_down { Ok(None) } else { Err(error) };
        }
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    write_line(&mut stream, ask)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    serde_json::from_str(&line)
        .map(Some)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the server gave no answer"))
}

fn serve(listener: &UnixListener, is_over: &AtomicBool, answer: impl Fn(Ask) -> Reply) {
    for stream in listener.incoming() {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let served = stream.and_then(|stream| serve_one(stream, &answer));
        if let Err(error) = served {
            tracing::debug!(%error, "a question on the control socket was not answered");
        }
    }
}

fn serve_one(mut stream: UnixStream, answer: &impl Fn(Ask) -> Reply) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new((&stream).take(MAX_ASK_BYTES)).read_line(&mut line)?;
    let reply = match serde_json::from_str(&line) {
        Ok(ask) => answer(ask),
        Err(_) => Reply::Refused {
            reason: "this server does not know the command; are both of the same version?".into(),
        },
    };
    write_line(&mut stream, &reply)
}

fn write_line(stream: &mut UnixStream, message: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_string(message).map_err(io::Error::other)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

/// Where the socket is, in few enough bytes: a long folder is named by an open descriptor.
struct Address {
    path: PathBuf,
    _folder: Option<std::fs::File>,
}

impl Address {
    fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        if path.as_os_str().len() <= MAX_PATH_BYTES {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let folder = std::fs::File::open(folder)?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd())),
            _folder: Some(folder),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_while_a_server_runs() {
        for depth in [0, 12] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("a-long-name/".repeat(depth));
            std::fs::create_dir_all(&folder).unwrap();
            assert_eq!(ask(&folder, &Ask::ListAgents).unwrap(), None);

            let socket = ControlSocket::open(&folder, |ask| {
                assert_eq!(ask, Ask::ListAgents);
                Reply::Agents { agents: Vec::new() }
            })
            .unwrap();
            let mode = std::fs::metadata(folder.join(NAME))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
            let reply = ask(&folder, &Ask::ListAgents).unwrap();
            assert_eq!(reply, Some(Reply::Agents { agents: Vec::new() }));

            drop(socket);
            assert_eq!(ask(&folder, &Ask::ListAgents).unwrap(), None);
        }
    }

    #[test]
    fn what_is_not_a_question_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let socket = ControlSocket::open(folder.path(), |_| Reply::Done).unwrap();

        let mut stream = UnixStream::connect(folder.path().join(NAME)).unwrap();
        stream.write_all(b"{\"ask\":\"launch\"}\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();

        assert!(line.contains("\"refused\""), "{line}");
        drop(socket);
    }
}
