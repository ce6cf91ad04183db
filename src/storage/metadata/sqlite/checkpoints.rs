//! Moving what was written from the log into the database, while others write.
//!
//! SQLite would do so in the middle of a publication, once the log is a thousand pages long, and
//! everybody who publishes would wait for it. Nothing's durability hangs on it: what is in the log
//! is durable.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::mpsc;

/// Counts what is written, and has it moved now and then.
#[derive(Debug)]
pub(super) struct Checkpoints {
    due: mpsc::Sender<()>,
    since: usize,
}

impl Checkpoints {
    pub(super) async fn start(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = SqliteConnection::connect_with(options).await?;
        let (due, asked) = mpsc::channel(1);
        tokio::spawn(run(connection, asked));
        Ok(Self { due, since: 0 })
    }

    /// So many publications were written.
    pub(super) fn wrote(&mut self, publications: usize) {
        self.since += publications;
        if self.since >= EVERY {
            self.since = 0;
            // Where one is asked for already, that one will do.
            let _ = self.due.try_send(());
        }
    }
}

async fn run(mut connection: SqliteConnection, mut asked: mpsc::Receiver<()>) {
    while asked.recv().await.is_some() {
        // One that fails has moved less; the next goes on from there, and the writer does in the end.
        let _ = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut connection).await;
    }
}

/// Publications between two checkpoints.
const EVERY: usize = 64;
/// Pages in the log at which the writer itself moves them: only where writing never pauses, for a
/// log can begin anew only when all of it was moved.
pub(super) const LAST_RESORT: &str = "8192";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::sqlite::SqliteJournalMode;

    use super::*;

    #[tokio::test]
    async fn what_was_written_reaches_the_database_while_its_writer_has_it_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trust.db");
        let options = SqliteConnectOptions::new().filename(&path);
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("wal_autocheckpoint", LAST_RESORT);
        let mut writer = SqliteConnection::connect_with(&writing).await.expect("a database");
        let mut checkpoints = Checkpoints::start(&options).await.expect("a connection");
        let filled = "CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob(100000));";
        sqlx::raw_sql(filled).execute(&mut writer).await.expect("written");
        let size = || path.metadata().expect("a file").len();
        checkpoints.wrote(EVERY - 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(size() < 100_000, "too early");
        checkpoints.wrote(1);
        for _ in 0..1000 {
            if size() >= 100_000 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was moved");
    }
}
