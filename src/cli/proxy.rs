//! `proxy`: a registry that hands out only what is signed in the registries behind it.

mod flights;
mod images;
mod refusal;
mod registries;
mod running;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::Global;
use super::context::Context;
use super::environment::Environment;
use super::exit::{Code, Kind};
use super::guard;
use super::output::{Failure, Output};
use super::process::guard_memory;
use super::serve::settings::{Said, data};
use super::serve::tls::{Identity, names};
use crate::server::Upstream;

#[derive(Args)]
#[command(after_help = "\
Hosts pull from this address in the place of the registry's: the same names, the same tags. Each tag is looked up as \
`verify` does it, under the registry's name (registry.example.com/team/web:1.4), and the signed digest is what they \
get, whatever the registry says. A digest must be what some tag means now, or stand in an index that was pulled right \
before. Nothing can be pushed, and the credentials of clients are neither asked for nor passed on: whoever reaches this \
address may pull what the proxy may.

On a loopback address it speaks plain HTTP, which docker takes from there, unless a certificate is named. Elsewhere it \
speaks TLS, and makes an authority and a certificate of its own if none is named. GET /healthz says ok. SIGHUP has the \
certificate read again; SIGTERM and SIGINT end the proxy once it has answered what it was asked.

Examples:
  countersign --require-pin proxy --upstream registry.example.com
  docker pull 127.0.0.1:5000/team/web:1.4
  countersign proxy --upstream registry.example.com --listen 0.0.0.0:5000 --tls-cert tls.crt --tls-key tls.key")]
pub(super) struct Arguments {
    /// Registry to pull from, as it stands in names of images (docker.io is docker's Hub); may be
    /// repeated if clients say which is meant, as containerd's mirrors do
    #[arg(long, value_name = "HOST[:PORT]", required = true)]
    upstream: Vec<Upstream>,

    /// Where to listen [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Where its own certificate is kept [env: COUNTERSIGN_DATA] [default:
    /// ~/.local/share/countersign/proxy]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    options: guard::Options,
}

/// What is to be served.
struct Settings {
    listen: SocketAddr,
    upstreams: Vec<Upstream>,
    /// The certificate, and where one of its own is kept; `None` for plain HTTP.
    identity: Option<(Identity, PathBuf)>,
    drain: Duration,
}

/// Serves until a signal ends it.
pub(super) fn run(arguments: Arguments, global: Global, output: Output) -> Result<Code, Failure> {
    guard_memory()?;
    let environment = Environment::read()?;
    let settings = settings(arguments, &environment)?;
    let context = Context::new(global.clone(), environment)?;
    if context.takes_names_as_they_are() {
        let message = "what is pulled are images: --raw-gun makes no sense";
        return Err(Failure::new(Kind::Usage, message));
    }
    // What every look-up needs is better missed now.
    context.pins()?;
    context.required_signers()?;
    running::serve(settings, global, context, output)
}

fn settings(arguments: Arguments, environment: &Environment) -> Result<Settings, Failure> {
    let said = Said(environment);
    let listen = said.one(arguments.listen, "COUNTERSIGN_LISTEN")?.unwrap_or(LISTEN);
    let identity = arguments.options.identity(&said, names(listen))?;
    let named = said.one(arguments.data, "COUNTERSIGN_DATA")?;
    let identity = match identity.given.is_some() || !listen.ip().is_loopback() {
        true => Some((identity, data(named, "proxy", environment)?)),
        false => None,
    };
    let drain = arguments.options.drain(&said)?;
    // Named twice, also by its other name, it is one.
    let mut upstreams: Vec<Upstream> = Vec::new();
    for upstream in arguments.upstream {
        if !upstreams.contains(&upstream) {
            upstreams.push(upstream);
        }
    }
    Ok(Settings { listen, upstreams, identity, drain })
}

/// Only this host reaches it there; the port is that of registries.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
