//! The shim: this program under docker's name, earlier in `PATH`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::place::ourselves;
use crate::cli::context::Context;
use crate::cli::environment::absolute;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::Failure;
use crate::docker::engine::{Program, first_on};

/// Puts a link to this program into a directory.
pub(super) fn install(directory: &Path, context: &Context) -> Result<Code, Failure> {
    let (directory, us) = (absolute(directory)?, own_path()?);
    check(&directory)?;
    // The link leads there, so nobody else may change it, either.
    Program::at(&us)?;
    let link = directory.join("docker");
    match found(&link, &us) {
        Found::Nothing => {
            symlink(&us, &link).map_err(|error| disk(&link, &error))?;
        }
        Found::Us => context.output.notice("It is there already."),
        Found::Other => {
            let message = format!("{} is another program, and stays", link.display());
            return Err(Failure::new(Kind::State, message)
                .advise("Choose a directory of its own, which comes before it in PATH."));
        }
    }
    context.output.answer(&link.display().to_string());
    tell_of_path(&directory, context);
    Ok(Code::Done)
}

/// Takes the link away, if it is ours.
pub(super) fn remove(directory: &Path, context: &Context) -> Result<Code, Failure> {
    let link = absolute(directory)?.join("docker");
    match found(&link, &own_path()?) {
        Found::Us => fs::remove_file(&link).map_err(|error| disk(&link, &error))?,
        Found::Nothing => context.output.notice("There is none."),
        Found::Other => {
            let message = format!("{} is another program, and stays", link.display());
            return Err(Failure::new(Kind::State, message));
        }
    }
    Ok(Code::Done)
}

pub(super) fn nothing_to_do() -> Failure {
    Failure::new(Kind::Usage, "no command of docker's")
}

enum Found {
    Nothing,
    Us,
    Other,
}

fn found(link: &Path, us: &Path) -> Found {
    let is_link = fs::symlink_metadata(link).is_ok_and(|found| found.is_symlink());
    match fs::canonicalize(link) {
        Ok(target) if is_link && target == us => Found::Us,
        Err(_) if fs::symlink_metadata(link).is_err() => Found::Nothing,
        _ => Found::Other,
    }
}

/// This program by the path that stays: links to it are followed.
pub(in crate::cli) fn own_path() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe().and_then(fs::canonicalize);
    path.map_err(|error| Failure::new(Kind::State, format!("where is this program? {error}")))
}

/// Whoever can write there can put another docker there.
fn check(directory: &Path) -> Result<(), Failure> {
    let refuse =
        |reason: &str| Err(Failure::new(Kind::Usage, format!("{}: {reason}", directory.display())));
    let Ok(found) = fs::metadata(directory) else { return refuse("no such directory") };
    if !found.is_dir() {
        return refuse("not a directory");
    }
    Program::check_directory(directory)?;
    Ok(())
}

fn tell_of_path(directory: &Path, context: &Context) {
    let path = context.environment.path();
    let place = |wanted: &Path| std::env::split_paths(path).position(|entry| entry == wanted);
    let docker = first_on(path, ourselves().as_ref());
    let real = docker.as_deref().and_then(Path::parent).and_then(place);
    let (shown, output) = (directory.display(), context.output);
    match (place(directory), real, docker) {
        (_, _, None) => output.notice("warning: no other docker is in PATH to hand over to"),
        (Some(ours), Some(real), Some(_)) if ours < real => {
            output.notice("It comes first in PATH: from now on docker means it.");
        }
        (_, _, Some(docker)) => {
            output.notice(&format!("Put it before {} in PATH:", docker.display()));
            output.notice(&format!("  export PATH={shown}:$PATH"));
        }
    }
    output.notice("With DOCKER_CONTENT_TRUST=1, only what is signed gets through.");
    output.notice(&format!("To take it away: countersign docker --remove-shim {shown}"));
}

fn disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Disk, format!("{}: {error}", path.display()))
}
