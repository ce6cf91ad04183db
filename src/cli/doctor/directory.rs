//! A look at a directory's CI, compose and Dockerfiles.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::docker::checkup::{FileKind, Finding, Id, Severity, Source};

/// The files that matter, and a finding if not everything was looked at. Links are not followed.
///
/// # Errors
///
/// If there is no such directory.
pub(super) fn read(top: &Path) -> Result<(Vec<Source>, Option<Finding>), Failure> {
    fs::read_dir(top)
        .map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", top.display())))?;
    let (mut sources, mut seen, mut left_out) = (Vec::new(), 0, false);
    let mut folders = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            seen += 1;
            if seen > MOST_ENTRIES {
                left_out = true;
                break;
            }
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && is_worth_it(&path) {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                } else {
                    left_out = true;
                }
            } else if kind.is_file() {
                sources.extend(source(top, &path));
            }
        }
    }
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    Ok((sources, left_out.then(|| not_everything(top))))
}

fn not_everything(top: &Path) -> Finding {
    let message = format!(
        "has more than {MOST_ENTRIES} files or {DEEPEST} levels: not everything was looked at"
    );
    let (id, remedy) = (Id::DirectoryTooLarge, "countersign doctor SUBDIRECTORY");
    Finding::new(id, Severity::Warning, top.display().to_string(), message, remedy)
}

/// What others made, and what was built, is not this project's.
fn is_worth_it(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !matches!(name, ".git" | "node_modules" | "target" | "vendor" | ".venv" | ".terraform")
}

fn source(top: &Path, path: &Path) -> Option<Source> {
    let kind = kind(path)?;
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(LARGEST).read_to_end(&mut text).ok()?;
    let shown: PathBuf = path.strip_prefix(top).unwrap_or(path).to_owned();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(Source { path: shown.display().to_string(), kind, text })
}

fn kind(path: &Path) -> Option<FileKind> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let folder = path.parent().map(|folder| folder.to_string_lossy().into_owned());
    let is_workflow = folder.is_some_and(|folder| folder.ends_with(".github/workflows"));
    let is_ci = name.starts_with("azure-pipelines")
        || name.starts_with(".gitlab-ci")
        || is_workflow
        || name == "bitbucket-pipelines.yml"
        || path.ends_with(".circleci/config.yml");
    match name.as_str() {
        _ if is_yaml && is_ci => Some(FileKind::Workflow),
        "action.yml" | "action.yaml" => Some(FileKind::Workflow),
        _ if name.starts_with("jenkinsfile") => Some(FileKind::Jenkinsfile),
        _ if name.ends_with(".sh") || name.ends_with(".bash") => Some(FileKind::Script),
        _ if name.starts_with("dockerfile") || name.ends_with(".dockerfile") => {
            Some(FileKind::Dockerfile)
        }
        "containerfile" => Some(FileKind::Dockerfile),
        _ if is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose")) => {
            Some(FileKind::Compose)
        }
        _ => None,
    }
}

const MOST_ENTRIES: usize = 100_000;
const DEEPEST: usize = 12;
/// Bytes; no such file is larger.
const LARGEST: u64 = 1 << 20;
