//! A copy of the database, also while it is served.

use std::path::Path;

use serde_json::json;

use super::config::Config;
use super::database::{self, Database};
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Format, Output};
use crate::storage::metadata;

/// Copies the database into a new file, and proves it whole.
pub(super) async fn copy(config: &Config, copy: &Path, output: Output) -> Result<Code, Failure> {
    let database = match &config.database {
        None => config.data().join(database::NAME),
        Some(Database::Sqlite(path)) => path.clone(),
        Some(_) => {
            let told =
                "--backup copies an SQLite database; other databases have tools of their own";
            return Err(Failure::new(Kind::Usage, told));
        }
    };
    let copied = metadata::backup(&database, copy).await;
    let collections = copied.map_err(|error| Failure::of(Kind::Disk, &error))?;
    output.notice(&format!("{}: {collections} collections", copy.display()));
    if output.format == Format::Json {
        let file = copy.display().to_string();
        output.object(&json!({"file": file, "collections": collections}));
    }
    Ok(Code::Done)
}
