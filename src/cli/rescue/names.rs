//! Which repositories to rescue: named, listed in a file, or all that somebody knows of.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::NameMap;
use crate::cli::context::Context;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::cli::source;

/// How a repository came to be among those to rescue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// Somebody says that it has trust data.
    ForItself,
    /// With everything that a registry has, signed or not.
    WithAll,
}

#[derive(Args)]
#[group(id = "which", required = true, multiple = true)]
pub(super) struct Names {
    /// Repositories, without tags
    #[arg(value_name = "REPO")]
    repositories: Vec<String>,

    /// Also those that stand in this file, one on each line ("-": standard input)
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,

    /// Also all that the trust server's changefeed names (with --server)
    #[arg(long)]
    changefeed: bool,

    /// Also all that this registry's catalogue names
    #[arg(long, value_name = "HOST")]
    catalog: Vec<String>,
}

impl Names {
    /// All of them, each once, and what is known of it: who lists everything that it has, a registry,
    /// lists what nobody ever signed.
    ///
    /// # Errors
    ///
    /// If a list cannot be read.
    pub(super) async fn collect(&self, context: &Context) -> Result<NameMap, Failure> {
        let mut names = NameMap::new();
        for typed in &self.repositories {
            names.insert(canonical(typed, context)?, Listed::ForItself);
        }
        if let Some(file) = &self.from_file {
            for line in lines(file)?.lines().map(str::trim) {
                if !line.is_empty() && !line.starts_with('#') {
                    names.insert(canonical(line, context)?, Listed::ForItself);
                }
            }
        }
        if self.changefeed {
            let signed = context.collections().await?;
            names.extend(signed.into_iter().map(|name| (name, Listed::ForItself)));
        }
        for registry in &self.catalog {
            let repositories = context.repositories(registry).await?;
            for path in repositories {
                names.entry(format!("{registry}/{path}")).or_insert(Listed::WithAll);
            }
        }
        if names.is_empty() {
            let nothing = "the lists name no repository";
            return Err(Failure::new(Kind::NoTrustData, nothing));
        }
        Ok(names)
    }
}

/// A user's name for a repository as its collection is called.
fn canonical(typed: &str, context: &Context) -> Result<String, Failure> {
    let subject = context.subject(typed).and_then(|it| it.bare());
    subject.map(|subject| subject.gun.to_string()).map_err(|failure| failure.about(typed))
}

fn lines(file: &Path) -> Result<String, Failure> {
    let bytes = match file.as_os_str() == "-" {
        false => source::read(file)?,
        true => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes);
            read.map_err(|error| Failure::new(Kind::Disk, format!("standard input: {error}")))?;
            bytes
        }
    };
    let no_text = |_| Failure::new(Kind::Usage, format!("{}: is not UTF-8", file.display()));
    String::from_utf8(bytes).map_err(no_text)
}

const MAX_BYTES: u64 = 16 << 20;
