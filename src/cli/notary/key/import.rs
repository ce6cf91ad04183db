//! `key import`.

use zeroize::Zeroizing;

use super::super::files;
use super::super::grammar::{Call, Command, Run};
use super::super::session::{self, Session};
use super::super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::{finishing, guard_memory};
use crate::keys::{Error, ImportDefaults, KeyFile};

pub(super) static COMMAND: Command = Command {
    name: "import",
    arguments: " pemfile [ pemfile ... ]",
    summary: "Take in private keys",
    about: "Takes in every private key of PEM files, as `export` and openssl write them.",
    flags: &[
        Flag::text("gun", Some('g'), "Collection of keys that have none noted"),
        Flag::text("role", Some('r'), "Role of keys that have none noted [delegation]"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    if call.arguments.is_empty() {
        let message = "must specify at least one input file to import keys from";
        return Err(Stop::usage(call, message));
    }
    guard_memory()?;
    let _finishing = finishing();
    let session = Session::open(call)?;
    let gun = call.text("gun").map(session::gun).transpose()?;
    let defaults = ImportDefaults { role: call.text("role"), gun: gun.as_ref() };
    call.arguments.iter().try_for_each(|file| take_in(file, defaults, &session))
}

fn take_in(file: &str, defaults: ImportDefaults<'_>, session: &Session) -> Result<(), Stop> {
    let text = Zeroizing::new(files::read(file)?);
    // Which key it is cannot be told before it is opened, and the original opens none.
    let is_unknown = |file: &KeyFile| file.is_encrypted() && file.path.is_none();
    if KeyFile::parse_all(&text).is_ok_and(|files| files.iter().any(is_unknown)) {
        let advice = format!(
            "{file} is locked and does not say which key it is: `countersign key import` opens it."
        );
        return Err(unknown().advise(advice));
    }
    match session.key_files().import(&text, defaults, &mut session.passphrases()) {
        Ok(_) => Ok(()),
        Err(Error::NothingToImport) => {
            session.output.notice(&format!("{file}: holds no private key"));
            Ok(())
        }
        Err(error @ Error::Asking { .. }) => Err(error.into()),
        Err(error @ Error::NoGun { .. }) => Err(unknown().advise(Stop::from(error).message)),
        Err(error) => Err(Stop::from(error).about("failed to import all keys: ")),
    }
}

fn unknown() -> Stop {
    Stop::fatal("failed to import all keys: invalid key pem block")
}
