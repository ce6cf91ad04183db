//! Statements whose values stand at numbered places, and the values.

use std::sync::Arc;

use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, SqlSafeStr as _, SqlStr};

/// A statement. It is written with its places as PostgreSQL numbers them, `$1`, any of them more than
/// once; and from nothing but words of this program.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Statement {
    text: Arc<str>,
    /// Which value stands at each place of the text.
    values: Vec<usize>,
}

/// How a database marks the places of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Places {
    /// `$1`, `$2`.
    Numbered,
    /// `?`, in the order of the text.
    Marked,
}

/// A value of a statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) enum Value<'v> {
    Text(&'v str),
    MaybeText(Option<&'v str>),
    Number(i64),
    Bytes(&'v [u8]),
}

/// What a row of an answer becomes, whichever database answers.
pub(in crate::storage) trait Row:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, MySqlRow> + Send + Unpin
{
}

impl<R> Row for R where R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, MySqlRow> + Send + Unpin {}

impl Statement {
    pub(in crate::storage) fn new(text: &str, places: Places) -> Self {
        let (mut written, mut values) = (String::with_capacity(text.len()), Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = after[..digits].parse().expect("a place has a number");
            written.push_str(before);
            match places {
                Places::Numbered => written.push_str(&format!("${number}")),
                Places::Marked => written.push('?'),
            }
            values.push(number - 1);
            rest = &after[digits..];
        }
        written.push_str(rest);
        if places == Places::Numbered {
            values = (0..values.iter().map(|place| place + 1).max().unwrap_or_default()).collect();
        }
        Self { text: written.into(), values }
    }

    /// The values in the order in which the database wants them.
    pub(in crate::storage) fn arranged<'v>(
        &self,
        values: &[Value<'v>],
    ) -> impl Iterator<Item = Value<'v>> {
        self.values.iter().map(|place| values[*place])
    }

    pub(in crate::storage) fn sql(&self) -> SqlStr {
        AssertSqlSafe(Arc::clone(&self.text)).into_sql_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(statement: &Statement) -> Vec<i64> {
        let values = [Value::Number(1), Value::Number(2)];
        let numbers = statement.arranged(&values).map(|value| match value {
            Value::Number(number) => number,
            other => panic!("{other:?}"),
        });
        numbers.collect()
    }

    #[test]
    fn places_are_numbered_or_marked_and_values_follow_them() {
        let text = "SELECT a FROM b WHERE c = $2 AND d = $1 AND e = $2 LIMIT 1";
        let numbered = Statement::new(text, Places::Numbered);
        assert_eq!((&*numbered.text, arranged(&numbered)), (text, vec![1, 2]));
        let marked = Statement::new(text, Places::Marked);
        let expected = "SELECT a FROM b WHERE c = ? AND d = ? AND e = ? LIMIT 1";
        assert_eq!((&*marked.text, arranged(&marked)), (expected, vec![2, 1, 2]));
    }
}
