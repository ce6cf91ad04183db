//! `admit`: the admission webhook that lets a cluster run only what is signed.

mod judge;
mod print;
mod running;
mod service;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::Global;
use super::context::Context;
use super::environment::Environment;
use super::exit::Code;
use super::guard;
use super::output::{Failure, Output};
use super::process::guard_memory;
use super::serve::settings::{Said, data};
use super::serve::tls::{Identity, names};
use service::{Service, Url};

#[derive(Args)]
#[command(after_help = "\
POST /mutate puts the signed digest behind each tag, POST /validate lets through only what has a signed digest, GET \
/healthz says ok. Images are looked up as `verify` does it; a digest without a tag must be what some tag means now. \
Whatever cannot be read or looked up in time is refused.

Without a certificate it makes an authority and a certificate of its own; say --service or --url each time, so that \
the certificate has that name. SIGHUP has the certificate read again; SIGTERM and SIGINT end the server once it has \
answered what it was asked.

Examples:
  countersign --require-pin admit --listen 0.0.0.0:8443 --service countersign/admit
  countersign admit --service countersign/admit --exempt kube-system --print-config | kubectl apply -f -")]
pub(super) struct Arguments {
    /// Where to listen [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Where its own certificate is kept [env: COUNTERSIGN_DATA] [default:
    /// ~/.local/share/countersign/admit]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    options: guard::Options,

    /// The service by which the cluster reaches it
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]", conflicts_with = "url")]
    service: Option<Service>,

    /// The address by which the cluster reaches it, if it runs elsewhere: https://HOST[:PORT]
    #[arg(long, value_name = "URL")]
    url: Option<Url>,

    /// Print the configuration of the webhooks for the cluster (YAML), and end
    #[arg(long)]
    print_config: bool,

    /// The authority of --tls-cert (PEM), for that configuration
    #[arg(long, value_name = "FILE", requires = "print_config")]
    ca_bundle: Option<PathBuf>,

    /// In that configuration, leave this namespace alone; may be repeated
    #[arg(long, value_name = "NAMESPACE", requires = "print_config")]
    exempt: Vec<service::Label>,

    /// In that configuration, also the workloads that make pods: see docs/enforcement.md
    #[arg(long, requires = "print_config")]
    workloads: bool,
}

/// What is to be served.
struct Settings {
    listen: SocketAddr,
    data: PathBuf,
    identity: Identity,
    drain: Duration,
}

/// Serves until a signal ends it, or prints the configuration.
pub(super) fn run(arguments: Arguments, global: Global, output: Output) -> Result<Code, Failure> {
    guard_memory()?;
    let environment = Environment::read()?;
    let settings = settings(&arguments, &environment)?;
    if arguments.print_config {
        print::configuration(&arguments, &settings, output)?;
        return Ok(Code::Done);
    }
    // What every review needs is better missed now.
    let context = Context::new(global.clone(), environment)?;
    context.pins()?;
    context.required_signers()?;
    running::serve(settings, global, output)
}

fn settings(arguments: &Arguments, environment: &Environment) -> Result<Settings, Failure> {
    let said = Said(environment);
    let listen = said.one(arguments.listen, "COUNTERSIGN_LISTEN")?.unwrap_or(LISTEN);
    let mut names = names(listen);
    names.extend(arguments.service.iter().flat_map(Service::hosts));
    names.extend(arguments.url.iter().map(|url| url.host().to_owned()));
    names.sort();
    names.dedup();
    let named = said.one(arguments.data.clone(), "COUNTERSIGN_DATA")?;
    Ok(Settings {
        listen,
        data: data(named, "admit", environment)?,
        identity: arguments.options.identity(&said, names)?,
        drain: arguments.options.drain(&said)?,
    })
}

/// Only this host reaches it there.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
