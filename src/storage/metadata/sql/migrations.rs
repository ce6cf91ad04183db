//! Tables that are there, and those that are still to be made.
//!
//! Notary's tables are brought to Notary's last version, step by step, and the step is noted where
//! Notary's tool (golang-migrate) looks for it. How far an installation has come is read from the
//! tables themselves: not everybody used the tool, and server and signer may share its one note.

use std::collections::BTreeSet;
use std::fmt;

use crate::storage::metadata::Error;

/// The tables of one program, and how they came to be.
pub(in crate::storage) struct Schema {
    /// Whose they are.
    pub(in crate::storage) owner: &'static str,
    /// Every step, the first one from nothing.
    pub(in crate::storage) steps: &'static [Migration],
    /// How many steps these columns have seen.
    pub(in crate::storage) reached: fn(&Found) -> usize,
}

/// One step, as SQL.
pub(in crate::storage) type Migration = &'static str;

/// What there is in a database.
pub(in crate::storage) struct Found {
    columns: BTreeSet<String>,
    note: Option<Note>,
}

/// What Notary's tool noted.
#[derive(Clone, Copy, Debug)]
struct Note {
    version: i64,
    is_dirty: bool,
}

impl Found {
    /// Columns as `table.column`, and the row of `schema_migrations` if there is one.
    pub(in crate::storage) fn new(columns: Vec<String>, note: Option<(i64, bool)>) -> Self {
        let note = note.map(|(version, is_dirty)| Note { version, is_dirty });
        Self { columns: columns.into_iter().map(|name| name.to_lowercase()).collect(), note }
    }

    pub(in crate::storage) fn has(&self, column: &str) -> bool {
        self.columns.contains(column)
    }
}

impl Schema {
    /// The steps that are still to be taken: the number that each one reaches, and its SQL.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`] when somebody else's step broke off: nobody knows what it left behind.
    pub(in crate::storage) fn due(
        &self,
        found: &Found,
    ) -> Result<impl Iterator<Item = (i64, Migration)> + use<>, Error> {
        if let Some(Note { version, is_dirty: true }) = found.note {
            let problem = format!(
                "a migration broke off (schema_migrations is dirty at version {version}); mend it \
                 with the tool that ran it"
            );
            return Err(Error::Unfit { problem });
        }
        let reached = (self.reached)(found);
        Ok((1..).zip(self.steps.iter().copied()).skip(reached))
    }

    /// Whether the tool's note speaks of these tables, or of none.
    pub(in crate::storage) fn is_noted(&self, found: &Found) -> bool {
        let reached = i64::try_from((self.reached)(found)).unwrap_or(i64::MAX);
        found.note.is_none_or(|note| note.version == reached)
    }

    /// What would be done.
    pub(in crate::storage) fn outlook(&self, found: &Found) -> String {
        let (reached, owner) = ((self.reached)(found), self.owner);
        let last = self.steps.len();
        match (self.due(found), reached) {
            (Err(error), _) => format!("{owner}: {error}"),
            (Ok(_), 0) => format!("{owner}: make its tables (version {last})"),
            (Ok(_), _) if reached >= last => format!("{owner}: its tables stand (version {last})"),
            (Ok(_), _) => format!("{owner}: bring its tables from version {reached} to {last}"),
        }
    }
}

/// What opening a database would do, and what is in it: a line each.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// For people.
    pub lines: Vec<String>,
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        owner: "test",
        steps: &["one", "two", "three"],
        reached: |found| ["a.x", "a.y", "b.z"].iter().filter(|name| found.has(name)).count(),
    };

    fn due(columns: &[&str], note: Option<(i64, bool)>) -> Vec<(i64, &'static str)> {
        let columns = columns.iter().map(ToString::to_string).collect();
        SCHEMA.due(&Found::new(columns, note)).expect("clean").collect()
    }

    #[test]
    fn steps_go_on_where_the_tables_stand_whatever_the_note_says() {
        assert_eq!(due(&[], None), [(1, "one"), (2, "two"), (3, "three")]);
        assert_eq!(due(&["A.X", "a.y"], Some((9, false))), [(3, "three")]);
        assert_eq!(due(&["a.x", "a.y", "b.z"], None), []);
        let broken = Found::new(vec!["a.x".to_owned()], Some((2, true)));
        let Err(error) = SCHEMA.due(&broken) else { panic!("it is dirty") };
        assert!(error.to_string().contains("dirty at version 2"), "{error}");
    }

    #[test]
    fn somebody_else_s_note_is_left_alone() {
        let noted = |note| SCHEMA.is_noted(&Found::new(vec!["a.x".to_owned()], note));
        assert!(noted(None) && noted(Some((1, false))));
        assert!(!noted(Some((2, false))));
    }
}
