//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::output::Format;
use super::span::Span;
use super::{
    bundle, delegation, delete, demo, docker, docker_trust, doctor, explain, history,
    image_verifier, import, init, inspect, key, list, manual, notary, pin, publish, pull, refresh,
    rescue, reset, revoke, sign, signer, status, verify, verify_pull, witness,
};
use crate::docker::SignerName;

/// Docker Content Trust that goes on working: sign what a tag means, and pull only what was signed
#[derive(Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command understands, before or after its name.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Trust server, or where trust data is: oci, file:///FOLDER, https://…/metadata, bundle:FILE
    /// [env: DOCKER_CONTENT_TRUST_SERVER] [default: the registry's own host]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) server: Option<String>,

    /// Keys, caches and pins [env: COUNTERSIGN_TRUST_DIR] [default: ~/.docker/trust]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) trust_dir: Option<PathBuf>,

    /// Configuration: ours (TOML), or notary's (JSON) for its trust_pinning
    /// [env: COUNTERSIGN_CONFIG] [default: countersign.toml in the trust directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Certificate authorities (PEM) to believe besides the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) tls_ca: Option<PathBuf>,

    /// Allow plain HTTP: to this machine, and to hosts that insecure_http in the configuration
    /// names
    #[arg(long, global = true)]
    pub(super) insecure_http: bool,

    /// Ask no trust server; use what is cached, if it is still valid
    #[arg(long, global = true)]
    pub(super) offline: bool,

    /// Refuse repositories that are neither pinned nor known here
    #[arg(long, global = true)]
    pub(super) require_pin: bool,

    /// Refuse tags that this signer does not sign with the same digest; may be repeated
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) require_signer: Vec<SignerName>,

    /// Refuse metadata that was signed longer ago: 90m, 36h, 7d
    #[arg(long, global = true, value_name = "DURATION")]
    pub(super) max_age: Option<Span>,

    /// Give up after this time: 30s, 2m
    #[arg(long, global = true, value_name = "DURATION")]
    pub(super) timeout: Option<Span>,

    /// Read NAME of NAME[:TAG] as the name of a collection, as it is
    #[arg(long, global = true)]
    pub(super) raw_gun: bool,

    /// How to write answers
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: FormatOption,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say what is done
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

/// What `--format` may say: how answers are written, and after `export` also what is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatOption {
    /// Lines for people and shells.
    #[default]
    Text,
    /// An object on each line.
    Json,
    /// TUF 1.0, which `export` writes in any case.
    #[value(hide = true)]
    Tuf1,
}

impl FormatOption {
    /// How answers are written.
    pub(super) fn of_answers(self) -> Format {
        match self {
            Self::Text | Self::Tuf1 => Format::Text,
            Self::Json => Format::Json,
        }
    }
}

/// What can be done. The options of a command are put together only when it is called.
#[derive(Subcommand)]
#[command(defer = true)]
pub(super) enum Command {
    /// Sign tags: from now on they mean these digests
    Sign(sign::Arguments),
    /// Print the digests that tags were signed for
    Verify(verify::Arguments),
    /// Have docker pull exactly what was signed, and tag it
    VerifyPull(verify_pull::Arguments),
    /// Run docker, and let it have only what is signed while content trust is on
    Docker(docker::Arguments),
    /// Let containerd pull only what is signed: its image verifier
    ImageVerifier(image_verifier::Arguments),
    /// Let a cluster run only what is signed: an admission webhook of Kubernetes
    #[cfg(feature = "server")]
    Admit(super::admit::Arguments),
    /// Let hosts pull only what is signed: a registry between them and theirs
    #[cfg(feature = "server")]
    Proxy(super::proxy::Arguments),
    /// Pull what was signed into a file or directory, without docker
    Pull(pull::Arguments),
    /// Show what is signed, by whom, and the keys
    Inspect(inspect::Arguments),
    /// List the signed tags of a repository
    List(list::Arguments),
    /// Withdraw the signatures of a tag or of a whole repository
    Revoke(revoke::Arguments),
    /// Make the trust data of a new repository
    Init(init::Arguments),
    /// Say who may sign the tags of repositories
    #[command(subcommand)]
    Signer(signer::Command),
    /// Delegate to roles below targets: keys, paths, thresholds
    #[command(subcommand)]
    Delegation(delegation::Command),
    /// Sign roles again as they are
    Witness(witness::Arguments),
    /// Sign again what ends soon
    Refresh(refresh::Arguments),
    /// Show who signed what when, and what it changed
    History(history::History),
    /// Show what changed between two versions
    Diff(history::Diff),
    /// Forget trust data here, or remove it from the server
    Delete(delete::Arguments),
    /// Show what is staged and not published, or what ends soon
    Status(status::Arguments),
    /// Sign and publish what is staged
    Publish(publish::Arguments),
    /// Forget what is staged
    Reset(reset::Arguments),
    /// Make, move and protect private keys
    #[command(subcommand)]
    Key(key::Command),
    /// Have several people sign a change, on machines without a network
    #[command(subcommand)]
    Root(super::root::Command),
    /// Fix which root keys or authorities may speak for a repository
    #[command(subcommand)]
    Pin(pin::Command),
    /// Show the chain from the root to a tag, or its broken link
    Explain(explain::Arguments),
    /// Keep a server's trust data for the time when the server is gone
    Rescue(rescue::Arguments),
    /// Write trust data as a TUF 1.0 repository of plain files, for every client of TUF
    #[cfg(feature = "export")]
    Export(super::export::Arguments),
    /// Write trust data into a file for hosts without a network
    Bundle(bundle::Arguments),
    /// Sign at one place what another place, or an archive, says, in that place's form
    #[command(visible_alias = "convert")]
    Import(import::Arguments),
    /// Be `docker trust`, in docker's grammar: a plugin of docker 29 and later
    DockerTrust(docker_trust::Arguments),
    /// Be the trust server
    #[cfg(feature = "server")]
    Serve(super::serve::Arguments),
    /// Look at this host: what believes it verifies and does not, and what will break next
    Doctor(doctor::Arguments),
    /// Tell the story in this terminal: sign, verify, and three attacks
    Demo(demo::Arguments),
    /// Speak the grammar of the program notary, as a link of that name does
    Notary(notary::Arguments),
    /// Print a completion script for a shell
    Completions(manual::Completions),
    /// Print the manual page, or write all of them into a directory
    Man(manual::Man),
}

const EXIT_CODES: &str = "\
Exit codes:
  0 done   1 anything else   2 usage   3 not signed   4 not trusted
  5 unreachable   6 keys   7 hand-off to docker   8 local files, locks, clock

Examples:
  countersign sign registry.example.com/team/web:1.4
  docker run --rm \"$(countersign verify registry.example.com/team/web:1.4)\"
  countersign verify-pull registry.example.com/team/web:1.4";
