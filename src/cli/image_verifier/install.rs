//! The executable in containerd's directory: a script, as containerd passes on no options, and perhaps
//! no `HOME`. What decides stands in it, where it can be read.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::args::{FormatOption, Global};
use crate::cli::context::Context;
use crate::cli::docker::own_path;
use crate::cli::environment::absolute;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::docker::engine::{self, Program};

/// Writes it, in the place of one that was written before.
pub(super) fn install(
    directory: &Path,
    options: &Global,
    patience: Duration,
    context: &Context,
) -> Result<Code, Failure> {
    let (directory, program) = (absolute(directory)?, own_path()?);
    check(&directory, &program, context.trust())?;
    let (place, script) = (directory.join(NAME), script(&program, options, context)?);
    match found(&place) {
        Found::Ours(content) if content == script => {
            context.output.notice("It is there already.");
        }
        Found::Nothing | Found::Ours(_) => write(&place, &script)?,
        Found::Other => {
            let message = format!("{} is another program, and stays", place.display());
            return Err(Failure::new(Kind::State, message).advise(
                "Move it away, or name another directory, and that in containerd's configuration.",
            ));
        }
    }
    context.output.answer(&place.display().to_string());
    tell(&directory, patience, context.output);
    Ok(Code::Done)
}

/// Takes it away, if it is ours.
pub(super) fn uninstall(directory: &Path, output: Output) -> Result<Code, Failure> {
    let place = absolute(directory)?.join(NAME);
    match found(&place) {
        Found::Ours(_) => fs::remove_file(&place).map_err(|error| disk(&place, &error))?,
        Found::Nothing => output.notice("There is none."),
        Found::Other => {
            let message = format!("{} is another program, and stays", place.display());
            return Err(Failure::new(Kind::State, message));
        }
    }
    Ok(Code::Done)
}

/// What lies where it belongs.
enum Found {
    Nothing,
    /// What we wrote once.
    Ours(Vec<u8>),
    Other,
}

fn found(place: &Path) -> Found {
    let Ok(entry) = fs::symlink_metadata(place) else { return Found::Nothing };
    let small = entry.is_file() && entry.len() <= MAX_BYTES;
    let content = small.then(|| fs::read(place).ok()).flatten();
    content.filter(|it| it.starts_with(HEAD.as_bytes())).map_or(Found::Other, Found::Ours)
}

/// Whoever can write there decides what is pulled.
fn check(directory: &Path, program: &Path, trust: &Path) -> Result<(), Failure> {
    if !directory.is_dir() {
        let refused = |what| Failure::new(Kind::Usage, format!("{}: {what}", directory.display()));
        return Err(match directory.exists() {
            true => refused("no directory"),
            false => refused("no such directory")
                .advise(format!("Make it first: mkdir -p {}", directory.display())),
        });
    }
    Program::at(program).map_err(unsafe_place)?;
    let trust = trust.exists().then_some(trust);
    [directory]
        .into_iter()
        .chain(trust)
        .try_for_each(|directory| Program::check_directory(directory).map_err(unsafe_place))
}

fn unsafe_place(error: engine::Error) -> Failure {
    match error {
        engine::Error::Unsafe { path, problem } => {
            Failure::new(Kind::Usage, format!("{}: {problem}", path.display()))
                .advise("Whoever can write there decides what is pulled.")
        }
        other => other.into(),
    }
}

fn write(place: &Path, script: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| disk(place, &error);
    let directory = place.parent().unwrap_or(Path::new("/"));
    // containerd runs whatever is there: until it has its name, it cannot be run, and pulls wait.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(script).map_err(failed)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(place).map_err(|error| failed(error.error))?;
    Ok(())
}

fn script(program: &Path, options: &Global, context: &Context) -> Result<Vec<u8>, Failure> {
    let mut script = HEAD.as_bytes().to_vec();
    for (variable, directory) in directories(context)? {
        script.extend_from_slice(format!("export {variable}=").as_bytes());
        script.extend_from_slice(&quoted(directory.as_os_str()));
        script.push(b'\n');
    }
    script.extend_from_slice(b"exec ");
    script.extend_from_slice(&quoted(program.as_os_str()));
    for word in words(options, context)? {
        script.push(b' ');
        script.extend_from_slice(&quoted(&word));
    }
    script.extend_from_slice(b" image-verifier \"$@\"\n");
    Ok(script)
}

/// Where credentials, authorities and notary's pins are.
fn directories(context: &Context) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    let docker = context.environment.place("DOCKER_CONFIG");
    let docker = docker.map(|directory| absolute(&directory)).transpose()?;
    let home = context.environment.home().ok();
    let named = [("HOME", home), ("DOCKER_CONFIG", docker)];
    Ok(named.into_iter().filter_map(|(variable, it)| Some((variable, it?))).collect())
}

/// The options of now, with what the environment says in their place.
fn words(options: &Global, context: &Context) -> Result<Vec<OsString>, Failure> {
    // Each of them, so that a new one is not forgotten.
    let Global {
        server,
        trust_dir: _,
        config,
        tls_ca,
        insecure_http,
        offline,
        require_pin,
        require_signer,
        max_age,
        timeout,
        raw_gun,
        format,
        quiet,
        verbose,
    } = options;
    let mut words: Vec<OsString> = vec!["--trust-dir".into(), context.trust().into()];
    let mut say = |option: &str, value: Option<OsString>| {
        words.extend(value.into_iter().flat_map(|value| [option.into(), value]));
    };
    let whole = |path: &PathBuf| absolute(path).map(PathBuf::into_os_string);
    let environment = &context.environment;
    let server = server.as_deref().or_else(|| environment.variable("DOCKER_CONTENT_TRUST_SERVER"));
    say("--server", server.map(place).transpose()?);
    let config = config.clone().or_else(|| environment.place("COUNTERSIGN_CONFIG"));
    say("--config", config.as_ref().map(whole).transpose()?);
    say("--tls-ca", tls_ca.as_ref().map(whole).transpose()?);
    require_signer.iter().for_each(|name| say("--require-signer", Some(name.as_str().into())));
    let seconds = |span: &crate::cli::span::Span| format!("{}s", span.duration().as_secs()).into();
    say("--max-age", max_age.as_ref().map(seconds));
    say("--timeout", timeout.as_ref().map(seconds));
    say("--format", (*format == FormatOption::Json).then(|| "json".into()));
    let switches = [
        ("--insecure-http", insecure_http),
        ("--offline", offline),
        ("--require-pin", require_pin),
        ("--raw-gun", raw_gun),
        ("--quiet", quiet),
        ("--verbose", verbose),
    ];
    words.extend(switches.into_iter().filter(|(_, on)| **on).map(|(option, _)| option.into()));
    Ok(words)
}

/// A place of trust data, from whatever directory it is looked for.
fn place(server: &str) -> Result<OsString, Failure> {
    let Some(path) = server.strip_prefix("bundle:") else { return Ok(server.into()) };
    let mut whole = OsString::from("bundle:");
    whole.push(absolute(Path::new(path))?);
    Ok(whole)
}

/// A word as the shell takes it for nothing but itself.
fn quoted(word: &OsStr) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    quoted
}

fn tell(directory: &Path, patience: Duration, output: Output) {
    let shown = directory.display();
    let limit = patience.as_secs() + SLACK;
    output.notice("In containerd's configuration (containerd 2.0 and later), and then restart it:");
    output.notice("  [plugins.\"io.containerd.image-verifier.v1.bindir\"]");
    output.notice(&format!("    bin_dir = {:?}", directory.display().to_string()));
    output.notice("    max_verifiers = 10");
    output.notice(&format!("    per_verifier_timeout = \"{limit}s\""));
    output.notice("From then on only what is signed is pulled, the sandbox image included.");
    output.notice(&format!("To take it away: countersign image-verifier --uninstall {shown}"));
}

fn disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Disk, format!("{}: {error}", path.display()))
}

const NAME: &str = "countersign";
const HEAD: &str =
    "#!/bin/sh\n# Made by countersign image-verifier --install, which also makes it anew.\n";
/// No script of ours is longer.
const MAX_BYTES: u64 = 64 << 10;
/// Seconds by which containerd has to be more patient than we are.
const SLACK: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_nothing_to_the_shell() {
        for word in ["plain", "", "a b", "it's", "$(id)`id`\\\n\"", "'; rm -rf /; '"] {
            let mut line = b"printf %s ".to_vec();
            line.extend(quoted(OsStr::new(word)));
            let mut shell = std::process::Command::new("sh");
            let said = shell.arg("-c").arg(OsStr::from_bytes(&line)).output().expect("a shell");
            assert_eq!(said.stdout, word.as_bytes(), "{word}");
        }
    }
}
