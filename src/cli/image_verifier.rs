//! `image-verifier`: what containerd asks before it pulls an image (containerd 2.x
//! `docs/image-verification.md`, `pkg/imageverifier/bindir`).
//!
//! - Exit code 0 lets the pull go on. Whatever goes wrong here ends with another one.
//! - What stands on stdout is the reason that containerd tells, so refusals stand there, on one line.
//! - It ends before containerd's patience does, whatever hangs.

mod call;
mod install;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::args::Global;
use super::context::{Context, output_of};
use super::environment::Environment;
use super::exit::{Code, Kind};
use super::output::{Failure, Output};
use super::process::wait_for;
use super::span::Span;
use super::verify::answered;
use crate::docker::{Detail, Resolution};
use call::Call;

pub(super) use call::is_call;

#[derive(Args)]
#[command(after_help = "\
containerd runs it with the image's name and digest before each pull: a tag must be signed as that digest, a digest \
without a tag must be what some tag means now. Exit code 0 lets the pull go on, and stdout says why or why not. It \
gives up after 8 seconds, or --timeout.

What --install writes calls this program with the options, the trust directory and the home directory of now, since \
containerd passes on none of them.

Examples:
  countersign --trust-dir /var/lib/countersign --require-pin image-verifier --install /opt/containerd/image-verifier/bin
  countersign image-verifier -name registry.example.com/team/web:1.4 -digest sha256:… \\
    -stdin-media-type application/vnd.oci.descriptor.v1+json <descriptor.json")]
pub(super) struct Arguments {
    /// Put an executable that calls this command into containerd's directory of verifiers
    #[arg(long, value_name = "DIR", conflicts_with_all = ["uninstall", "words"])]
    install: Option<PathBuf>,

    /// Take it away again
    #[arg(long, value_name = "DIR", conflicts_with = "words")]
    uninstall: Option<PathBuf>,

    /// What containerd says: -name NAME -digest DIGEST -stdin-media-type TYPE
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    words: Vec<OsString>,
}

/// Installs, uninstalls or answers.
pub(super) fn run(arguments: &Arguments, global: Global) -> Result<Code, Failure> {
    match (&arguments.install, &arguments.uninstall) {
        (Some(directory), _) => {
            let (options, patience) = (global.clone(), patience(&global));
            let context = Context::new(global, Environment::read()?)?;
            install::install(directory, &options, patience, &context)
        }
        (None, Some(directory)) => install::uninstall(directory, output_of(&global)),
        (None, None) => Ok(answer(&arguments.words, global)),
    }
}

/// Says whether a pull may go on.
pub(super) fn answer(words: &[OsString], global: Global) -> Code {
    let output = output_of(&global);
    let call = match Call::read(words) {
        Ok(call) => call,
        Err(failure) => return output.refusal_as_answer(None, &failure),
    };
    let name = call.name.clone();
    match within(patience(&global), move || judged(&call, global)) {
        Ok(resolution) => {
            tell(&name, &resolution, output);
            Code::Done
        }
        Err(failure) => output.refusal_as_answer(Some(&name), &failure),
    }
}

fn judged(call: &Call, global: Global) -> Result<Resolution, Failure> {
    call.check_descriptor(io::stdin().lock())?;
    let timeout = Some(global.timeout.unwrap_or(PATIENCE));
    let context = Context::new(Global { timeout, ..global }, Environment::read()?)?;
    let subject = context.subject(&call.name)?;
    let query = call.query(&subject)?;
    wait_for(answered(&query, &subject, Detail::Answer, &context))
}

/// Does something in a thread that is not waited for any longer than this: a lock, a helper or a
/// pipe may never come back.
fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || {
        // Nobody may be left to be told.
        let _ = sender.send(work());
    });
    thread.map_err(|error| Failure::new(Kind::Other, format!("cannot begin: {error}")))?;
    receiver.recv_timeout(patience).unwrap_or_else(|error| {
        Err(match error {
            mpsc::RecvTimeoutError::Timeout => {
                let message = format!("not known after {} s", patience.as_secs());
                Failure::new(Kind::Network, message)
            }
            mpsc::RecvTimeoutError::Disconnected => Failure::new(Kind::Other, "it broke off"),
        })
    })
}

fn tell(name: &str, resolution: &Resolution, output: Output) {
    let it = &resolution.reference;
    let line = format!("{name}: {} is signed as {} in {}", it.digest(), it.tag(), it.role());
    let object = json!({
        "reference": name,
        "name": it.name(),
        "tag": it.tag().as_str(),
        "digest": it.digest().to_string(),
        "role": it.role().as_str(),
    });
    output.answer_as(&line, &object);
}

fn patience(global: &Global) -> Duration {
    global.timeout.unwrap_or(PATIENCE).duration()
}

/// Containerd's own is 10 s (`per_verifier_timeout`), and what it ends gives no reason.
const PATIENCE: Span = Span::seconds(8);
