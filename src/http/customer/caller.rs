//! Who stands behind a socket: what the handshake told, and, after login, whose it is.

use std::sync::Arc;

use actix_web::web::Data;

use super::version::Version;
use crate::domain::context::Context;
use crate::domain::ids::{BrowserId, VisitorId};
use crate::domain::permission::Subject;
use crate::domain::site::Site;
use crate::http::extract::ClientIp;
use crate::http::state::State;
use crate::live::Attachment;
use crate::store::groups::DEFAULT_NUMBER;
use crate::store::visitor_tokens::Bearer;
use crate::token::TokenHash;

/// What the handshake of a socket told.
pub(super) struct Caller {
    /// What all handlers share.
    pub(super) state: Data<State>,
    /// The site the socket is for.
    pub(super) site: Arc<Site>,
    /// The version of the protocol that the path named.
    pub(super) version: Version,
    /// Whether the site was named by its key, as Parlor's own widget does: such a browser makes its own token.
    pub(super) is_widget: bool,
    /// Where the socket comes from.
    pub(super) address: ClientIp,
    /// The browser, for a visitor who is first seen here.
    pub(super) context: Context,
    /// The socket's place at the hub.
    pub(super) attachment: Attachment,
}

/// A logged-in visitor.
#[derive(Clone, Debug)]
pub(in crate::http) struct Member {
    /// Whom permissions are asked for.
    pub(in crate::http) subject: Subject,
    /// The root of the visitor: the id under which it is shown.
    pub(in crate::http) customer: VisitorId,
    /// The token as it was found.
    pub(in crate::http) bearer: Bearer,
    /// The number of the group the visitor talks to where a request names none: the one the login named.
    pub(super) group: i64,
    /// The token's hash, to look again whether it is still good.
    pub(in crate::http) hash: TokenHash,
}

impl Member {
    /// The member behind a token that is still good.
    pub(super) const fn new(bearer: Bearer, hash: TokenHash) -> Self {
        Self {
            subject: Subject::Visitor {
                site: bearer.site,
                visitor: bearer.root,
                browser: bearer.browser,
                signed: bearer.is_signed,
            },
            customer: bearer.root,
            bearer,
            group: DEFAULT_NUMBER,
            hash,
        }
    }

    /// Whether this member may be told what another browser of the same visitor does: a claim that was not proven opens
    /// nothing but what its own browser made.
    pub(super) fn may_know_of(&self, browser: BrowserId) -> bool {
        self.bearer.is_signed || self.bearer.browser == browser
    }
}
