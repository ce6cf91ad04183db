//! Who is let in, as files say it.

use super::config::{Auth, Htpasswd, Token};
use super::files::{read_small, unusable};
use super::reload::tell;
use crate::cli::output::{Failure, Output};
use crate::server::{Access, MasterSecret, Passwords, Readers, Tokens};

/// Reads who is let in. Tickets, where there are passwords, are under that secret.
pub(super) fn of(auth: Option<&Auth>, master: &MasterSecret) -> Result<Access, Failure> {
    Ok(match auth {
        None => Access::Open,
        Some(Auth::Token(token)) => Access::Tokens(tokens(token)?),
        Some(Auth::Htpasswd(file)) => Access::Passwords(passwords(file)?.with_tickets(master)),
    })
}

/// Reads again who is known, and says so; what is damaged changes nothing.
pub(super) fn read_again(access: &Access, auth: Option<&Auth>, output: Output) {
    let Some(auth) = auth else { return };
    let (done, failed) = match auth {
        Auth::Htpasswd(_) => ("the passwords were read again", "the old passwords stay"),
        Auth::Token(_) => (
            "the token service's certificate was read again",
            "the token service's old certificate stays",
        ),
    };
    tell(done, failed, known(auth).map(|known| access.replace(&known)), output);
}

/// Reads who is known.
pub(super) fn known(auth: &Auth) -> Result<Access, Failure> {
    Ok(match auth {
        Auth::Token(token) => Access::Tokens(tokens(token)?),
        Auth::Htpasswd(htpasswd) => Access::Passwords(passwords(htpasswd)?),
    })
}

fn tokens(token: &Token) -> Result<Tokens, Failure> {
    let Token { realm, issuer, service, certificates } = token.clone();
    let pem = read_small(&certificates)?;
    Tokens::new(realm, issuer, service, &pem)
        .map_err(|error| unusable(&certificates, &error.to_string()))
}

fn passwords(htpasswd: &Htpasswd) -> Result<Passwords, Failure> {
    let readers = match htpasswd.anonymous_read {
        true => Readers::Anybody,
        false => Readers::Nobody,
    };
    let refuse = |problem: &str| unusable(&htpasswd.file, problem);
    let text = String::from_utf8(read_small(&htpasswd.file)?).map_err(|_| refuse("is no text"))?;
    Passwords::parse(&text, readers).map_err(|problem| refuse(&problem))
}
