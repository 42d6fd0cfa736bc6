//! Identity: on which visitor an identify lands. One function; each interface that identifies states its rules as data.

use super::ids::VisitorId;
use super::site::SiteSettings;

/// Who the browser is at the moment: the root its token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current<'a> {
    /// The root.
    pub id: VisitorId,
    /// Its user id, if it is named.
    pub user_id: Option<&'a str>,
}

/// Who the page says the browser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The site's own id of the person.
    pub user_id: &'a str,
    /// Whether the claim was proven by a signature.
    pub is_signed: bool,
}

/// What is done with the browser and its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The visitor stays who it is.
    Stay,
    /// The current visitor takes the user id.
    Attach,
    /// The current visitor is merged into the one that has the user id; the browser goes on under that one.
    Merge,
    /// The browser goes on under the one that has the user id; the current visitor stays apart.
    Switch,
    /// The browser goes on under a new visitor with the user id.
    New,
}

/// The rules of one interface: what happens in each of the five situations a user id can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The current visitor has this user id already.
    pub same: Step,
    /// Nobody has it, and the current visitor has none.
    pub free_unnamed: Step,
    /// Nobody has it, and the current visitor has another.
    pub free_named: Step,
    /// Another visitor has it, and the current one has none.
    pub taken_unnamed: Step,
    /// Another visitor has it, and the current one has another.
    pub taken_named: Step,
}

/// Parlor's own identify. Only a nameless visitor merges; between two named people it is always a switch.
pub const IDENTIFY: Rules = Rules {
    same: Step::Stay,
    free_unnamed: Step::Attach,
    free_named: Step::New,
    taken_unnamed: Step::Merge,
    taken_named: Step::Switch,
};

/// Where an identify lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing changes.
    Stay,
    /// The claim is kept on the current visitor, which does not change otherwise: the site wants proof.
    Claim,
    /// The current visitor gets the user id and becomes a user.
    Attach,
    /// The current visitor is merged into this root, and the browser's next token is bound to it.
    MergeInto(VisitorId),
    /// The browser gets a token, and is a new browser, of this root.
    Switch(VisitorId),
    /// The browser gets a token, and is a new browser, of a new visitor with the user id.
    New,
}

/// Where the claim lands: `found` is the root that has the claimed user id.
#[must_use]
pub fn resolve(
    rules: &Rules,
    current: Current<'_>,
    claim: Claim<'_>,
    found: Option<VisitorId>,
    settings: &SiteSettings,
) -> Outcome {
    let is_same = current.user_id == Some(claim.user_id);
    if settings.require_signed_identity && !claim.is_signed && !is_same {
        return Outcome::Claim;
    }
    let other = found.filter(|root| *root != current.id);
    let step = match (other, current.user_id) {
        _ if is_same => rules.same,
        (None, None) => rules.free_unnamed,
        (None, Some(_)) => rules.free_named,
        (Some(_), None) => rules.taken_unnamed,
        (Some(_), Some(_)) => rules.taken_named,
    };
    match (step, other) {
        (Step::Stay, _) => Outcome::Stay,
        (Step::Attach, None) => Outcome::Attach,
        (Step::Merge, Some(root)) => Outcome::MergeInto(root),
        (Step::Attach | Step::Switch | Step::New, Some(root)) => Outcome::Switch(root),
        (Step::Merge | Step::Switch | Step::New, None) => Outcome::New,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ME: VisitorId = VisitorId(1);
    const OTHER: VisitorId = VisitorId(2);

    fn land(mine: Option<&str>, claimed: &str, found: Option<VisitorId>) -> Outcome {
        let current = Current {
            id: ME,
            user_id: mine,
        };
        let claim = Claim {
            user_id: claimed,
            is_signed: false,
        };
        resolve(&IDENTIFY, current, claim, found, &SiteSettings::default())
    }

    #[test]
    fn identify_lands_where_the_table_says() {
        let cases = [
            (None, None, Outcome::Attach),
            (None, Some(OTHER), Outcome::MergeInto(OTHER)),
            (Some("42"), Some(ME), Outcome::Stay),
            (Some("7"), None, Outcome::New),
            (Some("7"), Some(OTHER), Outcome::Switch(OTHER)),
        ];
        for (mine, found, want) in cases {
            assert_eq!(land(mine, "42", found), want, "{mine:?} {found:?}");
        }
    }

    #[test]
    fn a_site_that_wants_proof_moves_nobody_without_it() {
        let settings = SiteSettings {
            require_signed_identity: true,
            ..SiteSettings::default()
        };
        let unsigned = |mine, found| {
            let current = Current {
                id: ME,
                user_id: mine,
            };
            let claim = Claim {
                user_id: "42",
                is_signed: false,
            };
            resolve(&IDENTIFY, current, claim, found, &settings)
        };

        assert_eq!(unsigned(None, None), Outcome::Claim);
        assert_eq!(unsigned(None, Some(OTHER)), Outcome::Claim);
        assert_eq!(unsigned(Some("7"), Some(OTHER)), Outcome::Claim);
        assert_eq!(unsigned(Some("42"), Some(ME)), Outcome::Stay);
    }

    proptest! {
        /// Whatever comes: named people never merge, nobody is relabelled, and a second time nothing moves.
        #[test]
        fn identify_never_fuses_two_named_people(
            mine in proptest::option::of("[a-c]"),
            claimed in "[a-c]",
            is_taken: bool,
            is_signed: bool,
            require: bool,
        ) {
            let is_same = mine.as_deref() == Some(claimed.as_str());
            let found = if is_same { Some(ME) } else { is_taken.then_some(OTHER) };
            let settings = SiteSettings { require_signed_identity: require, ..SiteSettings::default() };
            let claim = Claim { user_id: &claimed, is_signed };
            let current = Current { id: ME, user_id: mine.as_deref() };

            let outcome = resolve(&IDENTIFY, current, claim, found, &settings);

            match outcome {
                Outcome::MergeInto(root) => prop_assert!(mine.is_none() && root == OTHER),
                Outcome::Attach => prop_assert!(mine.is_none() && found.is_none()),
                Outcome::Switch(root) => prop_assert!(mine.is_some() && !is_same && root == OTHER),
                Outcome::New => prop_assert!(mine.is_some() && found.is_none()),
                Outcome::Stay => prop_assert!(is_same),
                Outcome::Claim => prop_assert!(require && !is_signed && !is_same),
            }
            let after = match outcome {
                Outcome::MergeInto(root) | Outcome::Switch(root) => root,
                Outcome::New => VisitorId(3),
                Outcome::Stay | Outcome::Attach => ME,
                Outcome::Claim => return Ok(()),
            };
            let current = Current { id: after, user_id: Some(&claimed) };
            prop_assert_eq!(
                resolve(&IDENTIFY, current, claim, Some(after), &settings),
                Outcome::Stay
            );
        }
    }
}
