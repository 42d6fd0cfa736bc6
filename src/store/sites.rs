//! Sites: made at set-up, found by key, id, license or organization, changed on the settings page.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::ids::{GroupId, SiteId};
use crate::domain::origin::MAX_ORIGINS;
use crate::domain::permission::{Action, Permit};
use crate::domain::site::{Site, SiteSettings};
use crate::domain::{Hint, Refusal};
use crate::token;

/// What a new site is made of; key, license and organization are made here.
#[derive(Clone, Copy, Debug)]
pub struct NewSite<'a> {
    /// Its name, as agents and visitors see it.
    pub name: &'a str,
    /// Origins allowed to load the widget.
    pub origins: &'a [String],
    /// What the owner chose.
    pub settings: &'a SiteSettings,
}

/// License numbers count from here, well past 1520, which stock chat SDKs divert to a server of their vendor.
const FIRST_LICENSE: i64 = 100_000;
/// How often a license number that another transaction took is replaced by the next one.
const LICENSE_TRIES: u32 = 50;

const COLUMNS: &str = "id, key, name, license_id, organization_id, origins, settings, updated_at";

/// Makes a site with its inbox and its default group, number 0.
///
/// # Errors
/// Any [`Error`]; [`Error::Retry`] if 50 other transactions took the license numbers meanwhile.
pub fn create(tx: &mut dyn Tx, new: &NewSite<'_>, now: i64) -> Result<Site> {
    let id = SiteId(tx.new_id(now));
    insert(tx, id, new, now)?;
    tx.exec(
        "insert into inbox_heads (site_id) values (?1)",
        &[id.into()],
    )?;
    let group = GroupId(tx.new_id(now));
    tx.exec(
        "insert into groups (id, site_id, number, name, settings, created_at) \
         values (?1, ?2, 0, ?3, '{}', ?4)",
        &[group.into(), id.into(), "General".into(), now.into()],
    )?;
    tx.emit(Hint::SiteChanged { site: id })?;
    by_id(tx, id)?.ok_or(Error::NotFound)
}

fn insert(tx: &mut dyn Tx, id: SiteId, new: &NewSite<'_>, now: i64) -> Result<()> {
    let (key, organization) = (public_key(), uuid());
    let origins = to_json(&new.origins)?;
    let settings = to_json(new.settings)?;
    for _ in 0..LICENSE_TRIES {
        let license = tx.int(
            "select cast(coalesce(max(license_id), ?1) as bigint) + 1 from sites",
            &[FIRST_LICENSE.into()],
        )?;
        let made = tx.exec(
            "insert into sites (id, key, name, license_id, organization_id, origins, settings, \
             created_at, updated_at) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) \
             on conflict (license_id) do nothing",
            &[
                id.into(),
                (&key).into(),
                new.name.into(),
                license.into(),
                (&organization).into(),
                (&origins).into(),
                (&settings).into(),
                now.into(),
            ],
        )?;
        if made == 1 {
            return Ok(());
        }
    }
    Err(Error::Retry("no free license number".into()))
}

/// The site with this public key.
///
/// # Errors
/// Any [`Error`].
pub fn by_key(tx: &mut dyn Tx, key: &str) -> Result<Option<Site>> {
    tx.opt(
        &format!("select {COLUMNS} from sites where key = ?1"),
        &[key.into()],
        site,
    )
}

/// The site with this id.
///
/// # Errors
/// Any [`Error`].
pub fn by_id(tx: &mut dyn Tx, id: SiteId) -> Result<Option<Site>> {
    tx.opt(
        &format!("select {COLUMNS} from sites where id = ?1"),
        &[id.into()],
        site,
    )
}

/// The site with this license number.
///
/// # Errors
/// Any [`Error`].
pub fn by_license(tx: &mut dyn Tx, license_id: i64) -> Result<Option<Site>> {
    tx.opt(
        &format!("select {COLUMNS} from sites where license_id = ?1"),
        &[license_id.into()],
        site,
    )
}

/// The site with this organization UUID, in lower case.
///
/// # Errors
/// Any [`Error`].
pub fn by_organization(tx: &mut dyn Tx, organization_id: &str) -> Result<Option<Site>> {
    tx.opt(
        &format!("select {COLUMNS} from sites where organization_id = ?1"),
        &[organization_id.into()],
        site,
    )
}

/// All sites, the oldest first. There are few: no page is needed.
///
/// # Errors
/// Any [`Error`].
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Site>> {
    tx.all(
        &format!("select {COLUMNS} from sites order by created_at, id"),
        &[],
        site,
    )
}

/// Saves name, origins and settings of the permit's site; `updated_at` always grows, since browsers cache by it.
///
/// # Errors
/// [`Error::Refused`] without a permit to change the site, [`Error::NotFound`], or any other [`Error`].
pub fn update(tx: &mut dyn Tx, permit: &Permit, new: &NewSite<'_>, now: i64) -> Result<()> {
    let id = permit.site(&[Action::ChangeSite])?;
    let origins = to_json(&new.origins)?;
    let settings = to_json(new.settings)?;
    let changed = tx.exec(
        "update sites set name = ?2, origins = ?3, settings = ?4, \
         updated_at = case when updated_at < ?5 then ?5 else updated_at + 1 end \
         where id = ?1",
        &[
            id.into(),
            new.name.into(),
            (&origins).into(),
            (&settings).into(),
            now.into(),
        ],
    )?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    tx.emit(Hint::SiteChanged { site: id })
}

/// Adds one allowed origin; one that is listed already changes nothing.
///
/// # Errors
/// [`Error::Refused`] without a permit to change the site or when the list is full, or any other [`Error`].
pub fn allow_origin(tx: &mut dyn Tx, permit: &Permit, origin: &str, now: i64) -> Result<()> {
    let id = permit.site(&[Action::ChangeSite])?;
    let lock = tx.dialect().for_update();
    let mut found = tx.one(
        &format!("select {COLUMNS} from sites where id = ?1{lock}"),
        &[id.into()],
        site,
    )?;
    if found.origins.iter().any(|listed| listed == origin) {
        return Ok(());
    }
    if found.origins.len() >= MAX_ORIGINS {
        let reason = format!("at most {MAX_ORIGINS} origins");
        return Err(Refusal::invalid("origins", reason).into());
    }
    found.origins.push(origin.to_owned());
    let new = NewSite {
        name: &found.name,
        origins: &found.origins,
        settings: &found.settings,
    };
    update(tx, permit, &new, now)
}

/// Whether any page of the site was ever seen: what the start page waits for.
///
/// # Errors
/// Any [`Error`].
pub fn has_page_views(tx: &mut dyn Tx, id: SiteId) -> Result<bool> {
    let seen = tx.opt(
        "select 1 from activities where site_id = ?1 and kind = 'page_view' limit 1",
        &[id.into()],
        |row| row.i64(0),
    )?;
    Ok(seen.is_some())
}

fn site(row: &dyn Row) -> Result<Site> {
    Ok(Site {
        id: SiteId(row.i64(0)?),
        key: row.text(1)?,
        name: row.text(2)?,
        license_id: row.i64(3)?,
        organization_id: row.text(4)?,
        origins: from_json("sites.origins", &row.text(5)?)?,
        settings: from_json("sites.settings", &row.text(6)?)?,
        updated_at: row.i64(7)?,
    })
}

fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::Db(format!("{column} does not read: {e}")))
}

fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Db(format!("does not write as JSON: {e}")))
}

/// 20 characters that are easy to read aloud: public, but not to be guessed.
fn public_key() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    token::fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b & 31)]))
        .collect()
}

/// A random UUID (version 4) in lower case.
fn uuid() -> String {
    let mut bytes = [0; 16];
    token::fill(&mut bytes);
    let random = u128::from_be_bytes(bytes);
    let version = (random & !(0xf << 76)) | (0x4 << 76);
    let n = (version & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{n:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_a_uuid_of_version_4() {
        for _ in 0..100 {
            let id = uuid();
            assert_eq!(id.len(), 36, "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }

    #[test]
    fn a_key_is_twenty_plain_characters() {
        let key = public_key();

        assert_eq!(key.len(), 20);
        assert!(
            key.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        );
        assert_ne!(key, public_key());
    }
}
