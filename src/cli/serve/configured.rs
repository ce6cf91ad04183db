//! From files, the environment and the command line to one configuration.

use super::config::Config;
use super::{Arguments, notary, signer};
use crate::cli::args::Global;
use crate::cli::environment::Environment;
use crate::cli::output::{Failure, Output, Verbosity};
use crate::server::Level;

/// What files say, and over it what the environment and the command line say.
pub(super) fn configured(
    arguments: Arguments,
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Config, Failure> {
    let variable = || environment.place("COUNTERSIGN_SERVER_CONFIG");
    let file = global.config.clone().or_else(variable);
    let mut config = match (&arguments.notary_config, &file) {
        (Some(path), _) => {
            let (config, remarks) = notary::read(path, environment)?;
            remarks.iter().for_each(|remark| output.notice(remark));
            config
        }
        (None, Some(path)) => Config::read(path)?,
        (None, None) => Config::default(),
    };
    config.check = arguments.check;
    if let Some(path) = &arguments.signer_config {
        config.signer = Some(signer::read(path, environment)?);
    }
    if config.had_signer && config.signer.is_none() {
        output.notice(
            "trust_service.type: the keys that notary-signer keeps are not at hand without --signer-config",
        );
    }
    let mut config = arguments.settings.over(config, environment)?;
    config.level = match output.verbosity {
        Verbosity::Quiet => Level::Error,
        Verbosity::Verbose => Level::Debug,
        Verbosity::Warnings | Verbosity::Usual => config.level,
    };
    Ok(config)
}
