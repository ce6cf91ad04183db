//! Putting this program where docker looks for its plugins, and taking it away again.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::NAME;
use crate::cli::environment::{Environment, absolute};
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};

/// `--install [DIR]`, `--uninstall [DIR]`.
pub(super) fn run(words: &[String], environment: &Environment, output: Output) -> ExitCode {
    let done = match words {
        [action, rest @ ..] if rest.len() < 2 => {
            place(rest.first(), environment).and_then(|place| match action == INSTALL {
                true => install(&place, rest.first(), output),
                false => uninstall(&place, output),
            })
        }
        [action, ..] => Err(Failure::new(Kind::Usage, format!("{action} takes one directory"))),
        [] => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.refusal(None, &failure).into(),
    }
}

/// Where the plugin is or will be: docker's own directory of plugins for this user, or another one.
fn place(folder: Option<&String>, environment: &Environment) -> Result<PathBuf, Failure> {
    let folder = match folder {
        Some(folder) => absolute(Path::new(folder))?,
        None => environment.docker_config()?.join("cli-plugins"),
    };
    Ok(folder.join(NAME))
}

fn install(place: &Path, named: Option<&String>, output: Output) -> Result<(), Failure> {
    let program = this_program()?;
    match what_is_at(place, &program) {
        Found::Nothing => {}
        Found::Us => {
            output.reply(&format!("{} is installed already", place.display()));
            return Ok(());
        }
        Found::OurLink => fs::remove_file(place).map_err(|error| failed(place, &error))?,
        Found::Another => {
            let message = format!("{} is there already, and is not ours", place.display());
            return Err(Failure::new(Kind::State, message)
                .advise("Remove it, or name another directory that docker looks into."));
        }
    }
    if let Some(folder) = place.parent() {
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|error| failed(folder, &error))?;
    }
    symlink(&program, place).map_err(|error| failed(place, &error))?;
    output.answer(&place.display().to_string());
    output
        .reply("docker 29 and later now have `docker trust`; docker 28 and before use their own.");
    let folder = place.parent().filter(|_| named.is_some());
    let folder = folder.map(|folder| format!(" {}", folder.display())).unwrap_or_default();
    output.reply(&format!("To undo it: countersign docker-trust {UNINSTALL}{folder}"));
    Ok(())
}

fn uninstall(place: &Path, output: Output) -> Result<(), Failure> {
    match what_is_at(place, &this_program()?) {
        Found::Nothing => {
            output.reply(&format!("{} is not installed", place.display()));
            Ok(())
        }
        Found::Us | Found::OurLink => {
            fs::remove_file(place).map_err(|error| failed(place, &error))?;
            output.reply(&format!("removed {}", place.display()));
            Ok(())
        }
        Found::Another => {
            let message = format!("{} is not ours: it stays", place.display());
            Err(Failure::new(Kind::State, message))
        }
    }
}

/// What lies where the plugin belongs.
enum Found {
    Nothing,
    /// A link to this very program.
    Us,
    /// A link to a countersign that is elsewhere, or gone.
    OurLink,
    Another,
}

fn what_is_at(place: &Path, program: &Path) -> Found {
    let Ok(entry) = place.symlink_metadata() else { return Found::Nothing };
    let Ok(target) = fs::read_link(place) else { return Found::Another };
    if fs::canonicalize(place).is_ok_and(|found| found == *program) {
        return Found::Us;
    }
    let is_ours = entry.is_symlink() && target.file_name() == program.file_name();
    if is_ours { Found::OurLink } else { Found::Another }
}

/// This program by the path that stays: links to it are followed.
fn this_program() -> Result<PathBuf, Failure> {
    let found = std::env::current_exe().and_then(fs::canonicalize);
    found.map_err(|error| Failure::new(Kind::Disk, format!("where this program is: {error}")))
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Disk, format!("{}: {error}", path.display()))
}

pub(super) const INSTALL: &str = "--install";
pub(super) const UNINSTALL: &str = "--uninstall";
