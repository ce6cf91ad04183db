//! Looking a name up in what a draft will say.

use super::Draft;
use crate::tuf::{Limits, RoleName, SearchOrder};
use crate::verify::{self, Answer, Lookup, Visit, look_up};

impl Draft {
    /// In which order look-ups visit its delegated roles.
    pub fn search_order(&self) -> SearchOrder {
        self.dialect.search_order()
    }

    /// Looks a name up as those will who read what is published of the draft.
    ///
    /// # Errors
    ///
    /// [`verify::Error::TooManyDelegations`] when the tree is larger than clients accept.
    pub fn find(&self, name: &str) -> Result<Lookup<'_>, verify::Error> {
        let ask = |visit: &Visit| match self.roles.get_key_value(&visit.role) {
            None if self.has_no_file(&visit.role) => Answer::Unpublished,
            None => Answer::NotLoaded,
            Some((role, sheet)) => match sheet.content.targets.get(name) {
                Some(target) if visit.scope.allows(name) => Answer::Signed(role, target),
                _ => Answer::Delegated(&sheet.content.delegations),
            },
        };
        look_up(name, self.search_order(), &Limits::default(), ask)
    }

    /// Whether nothing was ever published of a role; where every role is listed, none is without.
    fn has_no_file(&self, role: &RoleName) -> bool {
        let listed = self.snapshot.as_ref().is_some_and(|it| it.meta.contains_key(role));
        !listed && !self.dialect.lists_every_role()
    }
}
