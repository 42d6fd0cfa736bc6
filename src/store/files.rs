//! Uploaded files: stored under a permit, opened by their key, claimed by the event that shows them, deleted unused.

use crate::blobs::{Blob, BlobHash, BlobName};
use crate::db::{Error, Result, Row, Tx};
use crate::domain::Refusal;
use crate::domain::file::{File, FileKey, ImageSize, SECRET_BYTES};
use crate::domain::ids::{AgentId, BrowserId, ChatId, FileId, SiteId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::store::blobs;

/// An upload that no event uses is deleted after this time.
pub const UNUSED_MS: i64 = 24 * 60 * 60 * 1000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Uploads of one visitor in a day, and their bytes.
const VISITOR_DAY: Quota = Quota {
    files: 100,
    bytes: 200 << 20,
};
/// Uploads to one site in a day, and their bytes.
const SITE_DAY: Quota = Quota {
    files: 20_000,
    bytes: 10 << 30,
};

struct Quota {
    files: i64,
    bytes: i64,
}

/// What a new file is made of; its contents are written already.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The random part of its key.
    pub secret: [u8; SECRET_BYTES],
    /// Where the uploader's browser reaches this Parlor, without a trailing slash.
    pub base_url: String,
    /// Its cleaned name.
    pub name: String,
    /// Its type, found out by its content.
    pub content_type: String,
    /// Its content.
    pub content: Blob,
    /// Its size in pixels, if it is shown in place.
    pub image: Option<ImageSize>,
    /// A copy of at most 300 pixels, where it is larger.
    pub thumbnail: Option<Blob>,
    /// A copy of at most 600 pixels, where it is larger.
    pub thumbnail2x: Option<Blob>,
    /// The type of both copies.
    pub thumbnail_type: Option<&'static str>,
}

/// Which of its contents is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The file itself.
    Original,
    /// At most 300 pixels.
    Thumbnail,
    /// At most 600 pixels.
    Thumbnail2x,
}

/// A content ready to be sent.
#[derive(Clone, Debug)]
pub struct Content {
    /// What it is kept under.
    pub blob: BlobName,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub hash: Vec<u8>,
}

/// Who uploads under a permit.
#[derive(Clone, Copy)]
enum Uploader {
    Visitor(VisitorId, BrowserId),
    Agent(AgentId),
}

impl Uploader {
    fn of(permit: &Permit) -> Result<Self, Refusal> {
        match permit.subject() {
            Subject::Visitor {
                visitor, browser, ..
            } => Ok(Self::Visitor(*visitor, *browser)),
            Subject::Agent { agent, .. }
            | Subject::ApiKey {
                agent: Some(agent), ..
            } => Ok(Self::Agent(*agent)),
            Subject::ApiKey { agent: None, .. }
            | Subject::Setup
            | Subject::System
            | Subject::Nobody => Err(Refusal::NotAllowed),
        }
    }
}

/// Whether `bytes` more may be uploaded under this permit today.
///
/// # Errors
/// [`Error::Refused`] with [`Refusal::LimitReached`] above 100 files or 200 MiB of a visitor, or 20,000 files or 10 GiB
/// of a site, in 24 hours; or without a permit to upload; or any other [`Error`].
pub fn check_quota(tx: &mut dyn Tx, permit: &Permit, bytes: u64, now: i64) -> Result<()> {
    let site = permit.site(&[Action::Upload])?;
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let used = |row: &dyn Row| Ok((row.i64(0)?, row.i64(1)?));
    let fits = |(files, sum): (i64, i64), most: &Quota| {
        files < most.files && sum.saturating_add(bytes) <= most.bytes
    };
    if let Uploader::Visitor(visitor, _) = Uploader::of(permit)? {
        let used = tx.one(
            "select count(*), cast(coalesce(sum(size), 0) as bigint) from files \
             where visitor_id = ?1 and created_at > ?2",
            &[visitor.into(), (now - DAY_MS).into()],
            used,
        )?;
        if !fits(used, &VISITOR_DAY) {
            return Err(Refusal::LimitReached("uploads of a visitor in a day").into());
        }
    }
    let used = tx.one(
        "select count(*), cast(coalesce(sum(size), 0) as bigint) from files \
         where site_id = ?1 and created_at > ?2",
        &[site.into(), (now - DAY_MS).into()],
        used,
    )?;
    if !fits(used, &SITE_DAY) {
        return Err(Refusal::LimitReached("uploads to a site in a day").into());
    }
    Ok(())
}

/// Stores a file whose contents were announced and written.
///
/// # Errors
/// [`Error::Refused`] as [`check_quota`], or any other [`Error`].
pub fn insert(tx: &mut dyn Tx, permit: &Permit, new: &NewFile, now: i64) -> Result<File> {
    let site = permit.site(&[Action::Upload])?;
    check_quota(tx, permit, new.content.size, now)?;
    let contents = [
        Some(&new.content),
        new.thumbnail.as_ref(),
        new.thumbnail2x.as_ref(),
    ];
    for blob in contents.into_iter().flatten() {
        blobs::keep(tx, blob, now)?;
    }
    let id = FileId(tx.new_id(now));
    let (visitor, browser, agent) = match Uploader::of(permit)? {
        Uploader::Visitor(visitor, browser) => (Some(visitor), Some(browser), None),
        Uploader::Agent(agent) => (None, None, Some(agent)),
    };
    tx.exec(
        "insert into files (id, site_id, secret, base_url, visitor_id, agent_id, browser_id, blob_hash, \
         name, content_type, size, width, height, thumbnail_hash, thumbnail2x_hash, thumbnail_type, created_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        &[
            id.into(),
            site.into(),
            (&new.secret).into(),
            (&new.base_url).into(),
            visitor.into(),
            agent.into(),
            browser.into(),
            (&new.content.hash).into(),
            (&new.name).into(),
            (&new.content_type).into(),
            i64::try_from(new.content.size).unwrap_or(i64::MAX).into(),
            new.image.map(|size| i64::from(size.width)).into(),
            new.image.map(|size| i64::from(size.height)).into(),
            new.thumbnail.as_ref().map(|blob| &blob.hash).into(),
            new.thumbnail2x.as_ref().map(|blob| &blob.hash).into(),
            new.thumbnail_type.into(),
            now.into(),
        ],
    )?;
    let found = tx.opt(
        &format!("select {COLUMNS} from files f where f.id = ?1"),
        &[id.into()],
        file,
    )?;
    found.ok_or(Error::NotFound)
}

const COLUMNS: &str = "f.id, f.secret, f.site_id, f.base_url, f.name, f.content_type, f.size, f.width, \
    f.height, f.thumbnail_hash, f.thumbnail2x_hash, f.thumbnail_type";

/// The file that this key opens; one that no event uses is gone after a day, swept or not.
///
/// # Errors
/// Any [`Error`].
pub fn by_key(tx: &mut dyn Tx, key: &FileKey, now: i64) -> Result<Option<File>> {
    let found = tx.opt(
        &format!(
            "select {COLUMNS} from files f \
             where f.id = ?1 and (f.used_at is not null or f.created_at > ?2)"
        ),
        &[key.id.into(), (now - UNUSED_MS).into()],
        file,
    )?;
    Ok(found.filter(|file| key.fits(&file.key.secret)))
}

/// The file that this key opens, and one of its contents; `None` too where there is no such copy.
///
/// # Errors
/// Any [`Error`].
pub fn content(
    tx: &mut dyn Tx,
    key: &FileKey,
    variant: Variant,
    now: i64,
) -> Result<Option<(File, Content)>> {
    let Some(file) = by_key(tx, key, now)? else {
        return Ok(None);
    };
    let column = match variant {
        Variant::Original => "blob_hash",
        Variant::Thumbnail => "thumbnail_hash",
        Variant::Thumbnail2x => "thumbnail2x_hash",
    };
    let found = tx.opt(
        &format!(
            "select b.hash, b.size from files f join blobs b on b.hash = f.{column} where f.id = ?1"
        ),
        &[key.id.into()],
        |row| Ok((row.blob(0)?, row.i64(1)?)),
    )?;
    let Some((hash, size)) = found else {
        return Ok(None);
    };
    let content = Content {
        blob: blobs::name(tx, &hash)?,
        size: u64::try_from(size).unwrap_or_default(),
        hash,
    };
    Ok(Some((file, content)))
}

/// Makes a file part of a chat: call it, under the permit to write there, for the event that shows the file.
///
/// A repeat changes nothing. The chat's row has to exist in the transaction. The file has to be the writer's own: of the
/// same browser, of a proven identity of the same visitor, or of the same agent; and of the same site.
///
/// # Errors
/// [`Refusal::Validation`] of `url` for every other address, one of another chat or older than a day included; or any other [`Error`].
pub fn claim(tx: &mut dyn Tx, permit: &Permit, url: &str, chat: ChatId, now: i64) -> Result<File> {
    let refused = || {
        Refusal::invalid(
            "url",
            "must be the address that an upload of yours returned",
        )
    };
    let key = FileKey::in_url(url).ok_or_else(refused)?;
    let found = tx.opt(
        &format!(
            "select {COLUMNS}, f.browser_id, f.agent_id, coalesce(v.merged_into, v.id) \
             from files f \
             join chats c on c.site_id = f.site_id \
             left join visitors v on v.id = f.visitor_id \
             where f.id = ?1 and c.id = ?2"
        ),
        &[key.id.into(), chat.into()],
        |row| {
            let owner = Owner {
                browser: row.opt_i64(12)?.map(BrowserId),
                agent: row.opt_i64(13)?.map(AgentId),
                root: row.opt_i64(14)?.map(VisitorId),
            };
            Ok((file(row)?, owner))
        },
    )?;
    let (file, owner) = found.ok_or_else(refused)?;
    if !key.fits(&file.key.secret) || file.url() != url || !owner.is(permit.subject()) {
        return Err(refused().into());
    }
    let claimed = tx.exec(
        "update files set chat_id = ?2, used_at = coalesce(used_at, ?3) \
         where id = ?1 \
           and (chat_id = ?2 or chat_id is null and created_at > ?4)",
        &[
            key.id.into(),
            chat.into(),
            now.into(),
            (now - UNUSED_MS).into(),
        ],
    )?;
    match claimed {
        1 => Ok(file),
        _ => Err(refused().into()),
    }
}

/// Whose a file is.
struct Owner {
    browser: Option<BrowserId>,
    agent: Option<AgentId>,
    root: Option<VisitorId>,
}

impl Owner {
    fn is(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Visitor {
                visitor,
                browser,
                signed,
                ..
            } => self.browser == Some(*browser) || (*signed && self.root == Some(*visitor)),
            Subject::Agent { agent, .. }
            | Subject::ApiKey {
                agent: Some(agent), ..
            } => self.agent == Some(*agent),
            Subject::ApiKey { agent: None, .. }
            | Subject::Setup
            | Subject::System
            | Subject::Nobody => false,
        }
    }
}

/// Deletes at most `limit` files that no event used within a day, and tells how many; what nobody names any more
/// becomes a stray.
///
/// # Errors
/// Any [`Error`].
pub fn delete_unused(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64> {
    let lock = tx.dialect().skip_locked();
    let sql = format!(
        "select {HASHES} from files \
         where used_at is null and created_at <= ?1 \
         order by created_at \
         limit ?2{lock}"
    );
    delete(tx, &sql, &[(now - UNUSED_MS).into(), limit.into()], now)
}

/// Deletes all files of this visitor row: those it uploaded, and those of the chats it began. Call it before the chats
/// are deleted.
///
/// # Errors
/// Any [`Error`].
pub fn delete_of_visitor(tx: &mut dyn Tx, visitor: VisitorId, now: i64) -> Result<u64> {
    let lock = tx.dialect().for_update();
    let sql = format!(
        "select {HASHES} from files \
         where visitor_id = ?1 or chat_id in (select id from chats where visitor_id = ?1) \
         order by id{lock}"
    );
    delete(tx, &sql, &[visitor.into()], now)
}

const HASHES: &str = "id, blob_hash, thumbnail_hash, thumbnail2x_hash";

fn delete(tx: &mut dyn Tx, sql: &str, args: &[crate::db::Value<'_>], now: i64) -> Result<u64> {
    let doomed = tx.all(sql, args, |row| {
        let hashes = [row.opt_blob(1)?, row.opt_blob(2)?, row.opt_blob(3)?];
        Ok((row.i64(0)?, hashes))
    })?;
    for (id, _) in &doomed {
        tx.exec("delete from files where id = ?1", &[(*id).into()])?;
    }
    let mut hashes: Vec<BlobHash> = doomed
        .iter()
        .flat_map(|(_, hashes)| hashes.iter().flatten())
        .filter_map(|hash| hash.as_slice().try_into().ok())
        .collect();
    // One order for all transactions.
    hashes.sort_unstable();
    hashes.dedup();
    for hash in &hashes {
        blobs::release(tx, hash, now)?;
    }
    Ok(doomed.len() as u64)
}

fn file(row: &dyn Row) -> Result<File> {
    let secret = row.blob(1)?;
    let secret = secret
        .try_into()
        .map_err(|_| Error::Db("files.secret has another length".into()))?;
    let pixels = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
    Ok(File {
        key: FileKey {
            id: FileId(row.i64(0)?),
            secret,
        },
        site: SiteId(row.i64(2)?),
        base_url: row.text(3)?,
        name: row.text(4)?,
        content_type: row.text(5)?,
        size: u64::try_from(row.i64(6)?).unwrap_or_default(),
        image: pixels(row.opt_i64(7)?)
            .zip(pixels(row.opt_i64(8)?))
            .map(|(width, height)| ImageSize { width, height }),
        thumbnail_type: row.opt_text(11)?,
        has_thumbnail: row.opt_blob(9)?.is_some(),
        has_thumbnail2x: row.opt_blob(10)?.is_some(),
    })
}
