//! The tokens browsers hold: which visitor each leads to, bound once, revoked for good. Only their SHA-256 is here.

use crate::db::{Result, Tx};
use crate::domain::ids::{BrowserId, SiteId, TokenId, VisitorId};
use crate::store::endings::{self, Ending};
use crate::token::TokenHash;

/// How a token came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Made by the browser and used for as long as it is there.
    Browser,
    /// Handed out by the token endpoint of the Customer Chat protocol, for a time.
    Access,
}

impl TokenKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Access => "access",
        }
    }
}

/// A token and where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's row.
    pub token: TokenId,
    /// The site it is good for; on any other it opens nothing.
    pub site: SiteId,
    /// The visitor row it is bound to: what is tracked with it is written there.
    pub visitor: VisitorId,
    /// The root that row leads to: who the browser is.
    pub root: VisitorId,
    /// The browser that holds it.
    pub browser: BrowserId,
    /// Whether it was bound by a proven identity.
    pub is_signed: bool,
    /// When it ended or will end, Unix milliseconds.
    pub ends_at: Option<i64>,
}

impl Bearer {
    /// Whether the token opens nothing any more.
    #[must_use]
    pub fn has_ended(&self, now: i64) -> bool {
        self.ends_at.is_some_and(|at| at <= now)
    }
}

/// What a token with this hash leads to, ended or not; look at [`Bearer::has_ended`] and the site.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn find(tx: &mut dyn Tx, hash: &TokenHash) -> Result<Option<Bearer>> {
    tx.opt(
        "select t.id, t.site_id, t.visitor_id, coalesce(v.merged_into, v.id), t.browser_id, t.is_signed, \
                coalesce(t.revoked_at, t.expires_at) \
         from visitor_tokens t \
         join visitors v on v.id = t.visitor_id \
         where t.token_hash = ?1",
        &[hash.into()],
        |row| {
            Ok(Bearer {
                token: TokenId(row.i64(0)?),
                site: SiteId(row.i64(1)?),
                visitor: VisitorId(row.i64(2)?),
                root: VisitorId(row.i64(3)?),
                browser: BrowserId(row.i64(4)?),
                is_signed: row.bool(5)?,
                ends_at: row.opt_i64(6)?,
            })
        },
    )
}

/// What a new token is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// SHA-256 of the secret.
    pub hash: &'a TokenHash,
    /// The site it is good for.
    pub site: SiteId,
    /// The visitor row it is bound to.
    pub visitor: VisitorId,
    /// The browser that holds it; `None` for a browser not seen before.
    pub browser: Option<BrowserId>,
    /// How it came to be.
    pub kind: TokenKind,
    /// Whether a proven identity binds it.
    pub is_signed: bool,
    /// When it ends by itself, Unix milliseconds.
    pub expires_at: Option<i64>,
}

/// Binds a token; `None` when this token was bound before, by whomever.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn bind(tx: &mut dyn Tx, new: &NewToken<'_>, now: i64) -> Result<Option<Bearer>> {
    let token = TokenId(tx.new_id(now));
    let browser = match new.browser {
        Some(browser) => browser,
        None => BrowserId(tx.new_id(now)),
    };
    let bound = tx.exec(
        "insert into visitor_tokens (id, token_hash, site_id, visitor_id, browser_id, kind, is_signed, created_at, \
         expires_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         on conflict (token_hash) do nothing",
        &[
            token.into(),
            new.hash.into(),
            new.site.into(),
            new.visitor.into(),
            browser.into(),
            new.kind.as_str().into(),
            new.is_signed.into(),
            now.into(),
            new.expires_at.into(),
        ],
    )?;
    Ok((bound == 1).then_some(Bearer {
        token,
        site: new.site,
        visitor: new.visitor,
        root: new.visitor,
        browser,
        is_signed: new.is_signed,
        ends_at: new.expires_at,
    }))
}

/// Ends one token: it opens nothing from now on, and the visitor's sockets log in again.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn revoke(tx: &mut dyn Tx, bearer: &Bearer, now: i64) -> Result<()> {
    tx.exec(
        "update visitor_tokens set revoked_at = ?2 where id = ?1 and revoked_at is null",
        &[bearer.token.into(), now.into()],
    )?;
    endings::note(tx, Ending::Tokens(bearer.visitor), now)
}

/// Ends every token of one browser.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn revoke_browser(tx: &mut dyn Tx, bearer: &Bearer, now: i64) -> Result<()> {
    tx.exec(
        "update visitor_tokens \
         set revoked_at = ?3 \
         where visitor_id = ?1 and browser_id = ?2 and revoked_at is null",
        &[bearer.visitor.into(), bearer.browser.into(), now.into()],
    )?;
    endings::note(tx, Ending::Tokens(bearer.visitor), now)
}

/// Deletes at most `limit` tokens that expired before `before` (Unix milliseconds), and tells how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_expired(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64> {
    let sql = format!(
        "delete from visitor_tokens \
         where id in (\
           select id from visitor_tokens \
           where expires_at is not null and expires_at < ?1 \
           order by expires_at \
           limit ?2{})",
        tx.dialect().skip_locked()
    );
    tx.exec(&sql, &[before.into(), limit.into()])
}
