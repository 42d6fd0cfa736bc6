//! Agents: who answers. Made by set-up, by invitation or on the command line; never deleted, only deactivated.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::agent::{Agent, AgentSettings, AgentStatus, Email, Role};
use crate::domain::ids::{AgentId, LoginId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::domain::{Hint, Refusal};
use crate::store::{logins, routing};

/// What a new agent is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewAgent<'a> {
    /// Name, as visitors see it.
    pub name: &'a str,
    /// Where the agent is reached, and what they sign in with.
    pub email: &'a Email,
    /// The hashed password, or empty while an invitation is open: nothing matches an empty hash.
    pub password_hash: &'a str,
    /// What the agent may do.
    pub role: Role,
}

/// What the password check needs of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose password it is.
    pub agent: AgentId,
    /// The argon2 text, or empty while an invitation is open.
    pub password_hash: String,
    /// The first site of the agent; `None` if they have none.
    pub site: Option<SiteId>,
}

/// The most chats an agent may be set to take at once.
pub const MAX_CHATS: i64 = 1_000;

const COLUMNS: &str = "id, name, email, role, status, job_title, avatar_url, max_chats, settings, \
                       created_at, deactivated_at, is_bot";

/// Makes an agent who answers on `sites`, as a member of their default groups.
///
/// # Errors
/// [`Error::Refused`] naming `email` when the address is taken, or any other [`Error`].
pub fn create(tx: &mut dyn Tx, new: &NewAgent<'_>, sites: &[SiteId], now: i64) -> Result<AgentId> {
    let id = AgentId(tx.new_id(now));
    let settings = settings_json(&AgentSettings::default())?;
    let made = tx.exec(
        "insert into agents (id, name, email, email_fold, password_hash, role, settings, \
         created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) \
         on conflict (email_fold) do nothing",
        &[
            id.into(),
            new.name.into(),
            new.email.address().into(),
            new.email.fold().into(),
            new.password_hash.into(),
            new.role.as_str().into(),
            (&settings).into(),
            now.into(),
        ],
    )?;
    if made == 0 {
        return Err(email_taken());
    }
    for site in sites {
        join_site(tx, id, *site)?;
    }
    tx.emit(Hint::AgentChanged { agent: id })?;
    Ok(id)
}

/// Makes a bot that answers on `site`: an agent who cannot sign in. It takes no chats until it says so itself, and then only
/// while a key of it is in use.
///
/// # Errors
/// Any [`Error`].
pub fn create_bot(tx: &mut dyn Tx, site: SiteId, name: &str, now: i64) -> Result<AgentId> {
    let id = AgentId(tx.new_id(now));
    let settings = settings_json(&AgentSettings::default())?;
    // No address has this form, so nobody signs in with it or takes it.
    let fold = format!("bot-{id}");
    tx.exec(
        "insert into agents (id, name, email, email_fold, password_hash, role, settings, status, \
         created_at, updated_at, is_bot) \
         values (?1, ?2, '', ?3, '', ?4, ?5, ?6, ?7, ?7, 1)",
        &[
            id.into(),
            name.into(),
            (&fold).into(),
            Role::Agent.as_str().into(),
            (&settings).into(),
            AgentStatus::NotAccepting.as_str().into(),
            now.into(),
        ],
    )?;
    join_site(tx, id, site)?;
    tx.emit(Hint::AgentChanged { agent: id })?;
    Ok(id)
}

fn join_site(tx: &mut dyn Tx, agent: AgentId, site: SiteId) -> Result<()> {
    tx.exec(
        "insert into agent_sites (agent_id, site_id) values (?1, ?2) \
         on conflict (agent_id, site_id) do nothing",
        &[agent.into(), site.into()],
    )?;
    tx.exec(
        "insert into group_members (group_id, agent_id) \
         select id, ?1 from groups where site_id = ?2 and number = 0 \
         on conflict (group_id, agent_id) do nothing",
        &[agent.into(), site.into()],
    )?;
    Ok(())
}

fn email_taken() -> Error {
    Refusal::invalid("email", "another agent has this address").into()
}

/// The agent with this id, deactivated ones included.
///
/// # Errors
/// Any [`Error`].
pub fn get(tx: &mut dyn Tx, id: AgentId) -> Result<Option<Agent>> {
    tx.opt(
        &format!("select {COLUMNS} from agents where id = ?1"),
        &[id.into()],
        agent,
    )
}

/// The agent with this folded e-mail address, deactivated ones included.
///
/// # Errors
/// Any [`Error`].
pub fn by_email(tx: &mut dyn Tx, email_fold: &str) -> Result<Option<Agent>> {
    tx.opt(
        &format!("select {COLUMNS} from agents where email_fold = ?1"),
        &[email_fold.into()],
        agent,
    )
}

/// All agents of all sites, deactivated ones last, by name.
///
/// # Errors
/// Any [`Error`].
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Agent>> {
    tx.all(
        &format!(
            "select {COLUMNS} from agents \
             order by case when deactivated_at is null then 0 else 1 end, name, id"
        ),
        &[],
        agent,
    )
}

/// The agents of a site, deactivated ones last, by name.
///
/// # Errors
/// Any [`Error`].
pub fn of_site(tx: &mut dyn Tx, site: SiteId) -> Result<Vec<Agent>> {
    tx.all(
        &format!(
            "select {COLUMNS} from agents \
             where id in (select agent_id from agent_sites where site_id = ?1) \
             order by case when deactivated_at is null then 0 else 1 end, name, id"
        ),
        &[site.into()],
        agent,
    )
}

/// The agent with this id if they answer on `site`: what every page looks people up by.
///
/// # Errors
/// Any [`Error`].
pub fn of_site_by_id(tx: &mut dyn Tx, site: SiteId, id: AgentId) -> Result<Option<Agent>> {
    tx.opt(
        &format!(
            "select {COLUMNS} from agents \
             where id = ?2 and id in (select agent_id from agent_sites where site_id = ?1)"
        ),
        &[site.into(), id.into()],
        agent,
    )
}

/// [`of_site_by_id`], with the row locked until commit: what permission is asked for is what is changed.
///
/// # Errors
/// Any [`Error`].
pub fn lock_of_site(tx: &mut dyn Tx, site: SiteId, id: AgentId) -> Result<Option<Agent>> {
    let lock = tx.dialect().for_update();
    tx.opt(
        &format!("select id from agents where id = ?1{lock}"),
        &[id.into()],
        |row| row.i64(0),
    )?;
    of_site_by_id(tx, site, id)
}

/// The sites an agent answers on, the oldest first.
///
/// # Errors
/// Any [`Error`].
pub fn sites_of(tx: &mut dyn Tx, id: AgentId) -> Result<Vec<SiteId>> {
    tx.all(
        "select site_id from agent_sites where agent_id = ?1 order by site_id",
        &[id.into()],
        |row| Ok(SiteId(row.i64(0)?)),
    )
}

/// Whether any owner can sign in; without one the program is not set up.
///
/// # Errors
/// Any [`Error`].
pub fn has_owner(tx: &mut dyn Tx) -> Result<bool> {
    let owner = tx.opt(
        "select 1 from agents where role = 'owner' and deactivated_at is null limit 1",
        &[],
        |row| row.i64(0),
    )?;
    Ok(owner.is_some())
}

/// What to check a password against; `None` for an unknown or deactivated agent.
///
/// # Errors
/// Any [`Error`].
pub fn credentials(tx: &mut dyn Tx, email_fold: &str) -> Result<Option<Credentials>> {
    tx.opt(
        "select id, password_hash, \
         (select min(site_id) from agent_sites where agent_id = agents.id) \
         from agents where email_fold = ?1 and deactivated_at is null and is_bot = 0",
        &[email_fold.into()],
        credentials_row,
    )
}

/// What to check the password of a signed-in agent against.
///
/// # Errors
/// Any [`Error`].
pub fn credentials_of(tx: &mut dyn Tx, id: AgentId) -> Result<Option<Credentials>> {
    tx.opt(
        "select id, password_hash, \
         (select min(site_id) from agent_sites where agent_id = agents.id) \
         from agents where id = ?1 and deactivated_at is null and is_bot = 0",
        &[id.into()],
        credentials_row,
    )
}

/// [`credentials_of`], with the row locked until commit: a password cannot change between this look and the login.
///
/// # Errors
/// Any [`Error`].
pub fn lock_credentials(tx: &mut dyn Tx, id: AgentId) -> Result<Option<Credentials>> {
    let lock = tx.dialect().for_update();
    tx.opt(
        &format!("select id from agents where id = ?1{lock}"),
        &[id.into()],
        |row| row.i64(0),
    )?;
    credentials_of(tx, id)
}

fn credentials_row(row: &dyn Row) -> Result<Credentials> {
    Ok(Credentials {
        agent: AgentId(row.i64(0)?),
        password_hash: row.text(1)?,
        site: row.opt_i64(2)?.map(SiteId),
    })
}

/// What an agent may change of themselves.
#[derive(Clone, Copy, Debug)]
pub struct OwnProfile<'a> {
    /// Name, as visitors see it.
    pub name: &'a str,
    /// Where the agent is reached, and what they sign in with.
    pub email: &'a Email,
    /// Shown to visitors beside the name.
    pub job_title: &'a str,
    /// Sound and theme.
    pub settings: &'a AgentSettings,
}

/// Saves what an agent changed of themselves.
///
/// # Errors
/// [`Error::Refused`] naming `email` when the address is taken; [`Error::NotFound`]; any other [`Error`].
pub fn update_profile(
    tx: &mut dyn Tx,
    permit: &Permit,
    profile: &OwnProfile<'_>,
    now: i64,
) -> Result<()> {
    let id = permit.agent(&[Action::ChangeOwnAccount])?;
    let taken = tx.opt(
        "select 1 from agents where email_fold = ?1 and id <> ?2",
        &[profile.email.fold().into(), id.into()],
        |row| row.i64(0),
    )?;
    if taken.is_some() {
        return Err(email_taken());
    }
    let settings = settings_json(profile.settings)?;
    let changed = tx.exec(
        "update agents set name = ?2, email = ?3, email_fold = ?4, job_title = ?5, settings = ?6, \
         updated_at = ?7 where id = ?1",
        &[
            id.into(),
            profile.name.into(),
            profile.email.address().into(),
            profile.email.fold().into(),
            profile.job_title.into(),
            (&settings).into(),
            now.into(),
        ],
    )?;
    changed_one(tx, id, changed)
}

/// Sets whether new chats may be assigned.
///
/// # Errors
/// [`Error::NotFound`], or any other [`Error`].
pub fn set_status(tx: &mut dyn Tx, permit: &Permit, status: AgentStatus, now: i64) -> Result<()> {
    let id = permit.agent(&[
        Action::ChangeOwnAccount,
        Action::SetOwnStatus,
        Action::ManageAgent,
    ])?;
    let changed = tx.exec(
        "update agents set status = ?2, updated_at = ?3 where id = ?1",
        &[id.into(), status.as_str().into(), now.into()],
    )?;
    routing::emit_slots(tx, id)?;
    changed_one(tx, id, changed)
}

/// Sets how many chats an agent takes at once, 0 to [`MAX_CHATS`]. What they have already they keep.
///
/// # Errors
/// [`Error::Refused`] naming `max_chats`; [`Error::NotFound`]; any other [`Error`].
pub fn set_max_chats(tx: &mut dyn Tx, permit: &Permit, max_chats: i64, now: i64) -> Result<()> {
    let id = permit.agent(&[Action::ManageAgent])?;
    if !(0..=MAX_CHATS).contains(&max_chats) {
        let reason = format!("a number from 0 to {MAX_CHATS}");
        return Err(Refusal::invalid("max_chats", reason).into());
    }
    let changed = tx.exec(
        "update agents set max_chats = ?2, updated_at = ?3 where id = ?1",
        &[id.into(), max_chats.into(), now.into()],
    )?;
    routing::emit_slots(tx, id)?;
    changed_one(tx, id, changed)
}

/// Gives an agent another role and ends their logins: rights change with a new login only.
///
/// `except` names the login that stays, when an owner changes themselves.
///
/// # Errors
/// [`Error::Refused`] when it would leave no owner; [`Error::NotFound`]; any other [`Error`].
pub fn set_role(
    tx: &mut dyn Tx,
    permit: &Permit,
    role: Role,
    except: Option<LoginId>,
    now: i64,
) -> Result<()> {
    let id = permit.agent(&[Action::ManageAgent])?;
    if role != Role::Owner {
        refuse_last_owner(tx, id)?;
    }
    let changed = tx.exec(
        "update agents set role = ?2, updated_at = ?3 where id = ?1 and role <> ?2",
        &[id.into(), role.as_str().into(), now.into()],
    )?;
    if changed == 0 {
        return get(tx, id)?.map(|_| ()).ok_or(Error::NotFound);
    }
    logins::revoke_all_of(tx, id, except, now)?;
    tx.emit(Hint::AgentChanged { agent: id })
}

/// Takes an agent's access away: no login works any more, open invitations and reset links are void.
///
/// # Errors
/// [`Error::Refused`] when it would leave no owner; [`Error::NotFound`]; any other [`Error`].
pub fn deactivate(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<()> {
    let id = permit.agent(&[Action::ManageAgent])?;
    refuse_last_owner(tx, id)?;
    let changed = tx.exec(
        "update agents set deactivated_at = coalesce(deactivated_at, ?2), updated_at = ?2 \
         where id = ?1",
        &[id.into(), now.into()],
    )?;
    logins::revoke_all_of(tx, id, None, now)?;
    tx.exec(
        "delete from one_time_tokens where agent_id = ?1",
        &[id.into()],
    )?;
    routing::emit_slots(tx, id)?;
    changed_one(tx, id, changed)
}

/// Gives a deactivated agent access again, with the password they had.
///
/// # Errors
/// [`Error::NotFound`], or any other [`Error`].
pub fn reactivate(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<()> {
    let id = permit.agent(&[Action::ManageAgent])?;
    let changed = tx.exec(
        "update agents set deactivated_at = null, updated_at = ?2 where id = ?1",
        &[id.into(), now.into()],
    )?;
    routing::emit_slots(tx, id)?;
    changed_one(tx, id, changed)
}

/// Sets a hashed password, ends all logins except `except`, and voids open invitations and reset links.
///
/// # Errors
/// [`Error::NotFound`], or any other [`Error`].
pub fn set_password(
    tx: &mut dyn Tx,
    id: AgentId,
    password_hash: &str,
    except: Option<LoginId>,
    now: i64,
) -> Result<()> {
    let changed = tx.exec(
        "update agents set password_hash = ?2, updated_at = ?3 where id = ?1",
        &[id.into(), password_hash.into(), now.into()],
    )?;
    logins::revoke_all_of(tx, id, except, now)?;
    tx.exec(
        "delete from one_time_tokens where agent_id = ?1 and purpose in ('invite', 'reset')",
        &[id.into()],
    )?;
    changed_one(tx, id, changed)
}

/// Locks all owners first: two owners who remove each other at the same moment must not both succeed.
fn refuse_last_owner(tx: &mut dyn Tx, id: AgentId) -> Result<()> {
    let lock = tx.dialect().for_update();
    let owners = tx.all(
        &format!(
            "select id from agents where role = 'owner' and deactivated_at is null order by id{lock}"
        ),
        &[],
        |row| row.i64(0),
    )?;
    if owners == [id.0] {
        return Err(Refusal::Conflict("the last owner has to stay an owner").into());
    }
    Ok(())
}

fn changed_one(tx: &mut dyn Tx, id: AgentId, changed: u64) -> Result<()> {
    if changed == 0 {
        return Err(Error::NotFound);
    }
    tx.emit(Hint::AgentChanged { agent: id })
}

fn agent(row: &dyn Row) -> Result<Agent> {
    let unknown = |what: &str, text: String| Error::Db(format!("unknown {what} {text}"));
    let (role, status) = (row.text(3)?, row.text(4)?);
    Ok(Agent {
        id: AgentId(row.i64(0)?),
        name: row.text(1)?,
        email: row.text(2)?,
        role: Role::parse(&role).ok_or_else(|| unknown("role", role))?,
        status: AgentStatus::parse(&status).ok_or_else(|| unknown("status", status))?,
        job_title: row.text(5)?,
        avatar_url: row.opt_text(6)?,
        max_chats: row.i64(7)?,
        settings: serde_json::from_str(&row.text(8)?)
            .map_err(|e| Error::Db(format!("agents.settings does not read: {e}")))?,
        created_at: row.i64(9)?,
        deactivated_at: row.opt_i64(10)?,
        is_bot: row.bool(11)?,
    })
}

fn settings_json(settings: &AgentSettings) -> Result<String> {
    serde_json::to_string(settings).map_err(|e| Error::Db(format!("does not write as JSON: {e}")))
}
