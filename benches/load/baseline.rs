//! The bare programs Parlor is measured against: the least that does the same kind of work with the same libraries.

use std::io::Write as _;
use std::sync::{Arc, Mutex, mpsc};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::StreamExt as _;
use serde::Deserialize;

/// Serves one baseline until killed, after printing where.
pub(crate) fn serve(kind: &str, _rest: &[String]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let state = State {
        writer: writer(&folder.path().join("baseline.sqlite"))?,
        sockets: Arc::new(Mutex::new(Vec::new())),
        echo: match kind {
            "echo" => Echo::AtOnce,
            "commit" => Echo::Stored,
            _ => Echo::Never,
        },
    };
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.clone()))
                .route("/track", web::post().to(track))
                .route("/socket", web::get().to(socket))
                .route("/broadcast", web::post().to(broadcast))
        })
        .tcp_nodelay(true)
        .max_connections(100_000)
        .bind("127.0.0.1:0")?;
        writeln!(
            std::io::stdout(),
            "{{\"url\":\"http://{}\"}}",
            server.addrs()[0]
        )?;
        server.run().await?;
        drop(folder);
        anyhow::Ok(())
    })
}

#[derive(Clone)]
struct State {
    writer: mpsc::SyncSender<Job>,
    sockets: Arc<Mutex<Vec<tokio::sync::mpsc::Sender<bytes::Bytes>>>>,
    echo: Echo,
}

/// What a bare socket does with a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    Never,
    AtOnce,
    /// Once a row with it is on disk.
    Stored,
}

struct Job {
    calls: Vec<Call>,
    token: String,
    done: tokio::sync::oneshot::Sender<()>,
}

#[derive(Deserialize)]
struct Body {
    token: String,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
    at: i64,
    url: String,
    title: String,
    referrer: String,
}

/// Parses the same body and group-commits one row a call with an fsync.
async fn track(state: web::Data<State>, body: web::Bytes) -> HttpResponse {
    let Ok(body) = serde_json::from_slice::<Body>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let results: Vec<_> = body
        .calls
        .iter()
        .map(|c| serde_json::json!({"id": c.id, "ok": true}))
        .collect();
    if !store(&state, body).await {
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::Ok().json(serde_json::json!({"results": results}))
}

/// Whether the rows are on disk.
async fn store(state: &State, Body { token, calls }: Body) -> bool {
    let (done, answered) = tokio::sync::oneshot::channel();
    let job = Job { calls, token, done };
    state.writer.try_send(job).is_ok() && answered.await.is_ok()
}

/// One row that holds a text.
fn row_of(text: &str) -> Body {
    let call = Call {
        id: text.get(..16).unwrap_or(text).to_owned(),
        at: 0,
        url: text.to_owned(),
        title: String::new(),
        referrer: String::new(),
    };
    Body {
        token: String::new(),
        calls: vec![call],
    }
}

const INSERT: &str = "insert into activities (id, token, client_id, url, title, referrer, at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

fn open(path: &std::path::Path) -> anyhow::Result<rusqlite::Connection> {
    let db = rusqlite::Connection::open(path)?;
    db.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full;
         create table if not exists activities (id integer primary key, token text, client_id text, url text, title text, referrer text, at integer) strict;",
    )?;
    Ok(db)
}

fn writer(path: &std::path::Path) -> anyhow::Result<mpsc::SyncSender<Job>> {
    let mut db = open(path)?;
    let (send, receive) = mpsc::sync_channel::<Job>(8192);
    std::thread::spawn(move || -> anyhow::Result<()> {
        let mut id = 0;
        while let Ok(first) = receive.recv() {
            let jobs: Vec<Job> = std::iter::once(first)
                .chain(receive.try_iter().take(255))
                .collect();
            let tx = db.transaction()?;
            {
                let mut insert = tx.prepare_cached(INSERT)?;
                for c in jobs
                    .iter()
                    .flat_map(|j| j.calls.iter().map(move |c| (j, c)))
                {
                    id += 1;
                    insert.execute(rusqlite::params![
                        id,
                        c.0.token,
                        c.1.id,
                        c.1.url,
                        c.1.title,
                        c.1.referrer,
                        c.1.at
                    ])?;
                }
            }
            tx.commit()?;
            for job in jobs {
                let _ = job.done.send(());
            }
        }
        Ok(())
    });
    Ok(send)
}

/// Rows per second of plain inserts, 128 a commit, each commit flushed.
pub(crate) fn bare_inserts_per_second() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut db = open(&folder.path().join("bare.sqlite"))?;
    let started = std::time::Instant::now();
    let mut id = 0_i64;
    while started.elapsed().as_secs_f64() < 3.0 {
        let tx = db.transaction()?;
        for _ in 0..128 {
            id += 1;
            tx.prepare_cached(INSERT)?.execute(rusqlite::params![
                id,
                "token",
                id.to_string(),
                "https://shop.example/product/1?ref=bench",
                "A fine product",
                "https://search.example/",
                id
            ])?;
        }
        tx.commit()?;
    }
    Ok(id as f64 / started.elapsed().as_secs_f64())
}

/// A bare socket: echoes text where asked to, at once or once it is on disk, and sends what is broadcast.
async fn socket(
    request: HttpRequest,
    body: web::Payload,
    state: web::Data<State>,
) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    let (send, mut receive) = tokio::sync::mpsc::channel::<bytes::Bytes>(64);
    if let Ok(mut sockets) = state.sockets.lock() {
        sockets.push(send);
    }
    actix_web::rt::spawn(async move {
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(actix_ws::Message::Text(text))) if state.echo != Echo::Never => {
                        let is_there = state.echo == Echo::AtOnce || store(&state, row_of(&text)).await;
                        if !is_there || session.text(text).await.is_err() { break }
                    }
                    Some(Ok(actix_ws::Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
                bytes = receive.recv() => {
                    let Some(text) = bytes.and_then(bytestring) else { break };
                    if session.text(text).await.is_err() { break }
                }
            }
        }
    });
    Ok(response)
}

fn bytestring(bytes: bytes::Bytes) -> Option<bytestring::ByteString> {
    bytestring::ByteString::try_from(bytes).ok()
}

async fn broadcast(state: web::Data<State>, body: web::Bytes) -> HttpResponse {
    if let Ok(sockets) = state.sockets.lock() {
        for socket in sockets.iter() {
            let _ = socket.try_send(body.clone());
        }
    }
    HttpResponse::Ok().finish()
}
