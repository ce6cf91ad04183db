//! What would be done, in words.

use std::fmt::Write as _;

use super::{Auth, Config};
use crate::server::Proxies;

impl Config {
    /// What would be done.
    pub(in crate::cli::serve) fn describe(&self) -> String {
        let mut text =
            format!("listen on {}\nkeep everything in {}\n", self.listen, self.data().display());
        let _ = match &self.database {
            None => writeln!(text, "keep collections in trust.db there"),
            Some(database) => writeln!(text, "{}", database.describe()),
        };
        if let Some(token) = &self.token {
            let _ = writeln!(text, "{}", token.describe());
        }
        let _ = match &self.tls {
            None => writeln!(text, "use a certificate of an authority of its own"),
            Some(tls) => writeln!(text, "use the certificate {}", tls.certificate.display()),
        };
        if let Some(clients) = self.tls.as_ref().and_then(|tls| tls.client_authorities.as_ref()) {
            let _ =
                writeln!(text, "answer only clients with a certificate of {}", clients.display());
        }
        let _ = match &self.auth {
            None => writeln!(text, "let everybody read and publish"),
            Some(Auth::Token(token)) => writeln!(text, "let in who has a token of {}", token.realm),
            Some(Auth::Htpasswd(htpasswd)) => {
                let others = if htpasswd.anonymous_read { "; others may read" } else { "" };
                writeln!(text, "let in who has a password in {}{others}", htpasswd.file.display())
            }
        };
        let Proxies { trusted, header } = &self.proxies;
        if !trusted.is_empty() {
            let trusted: Vec<String> = trusted.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "believe {header} of {}", trusted.join(" and "));
        }
        if !self.gun_prefixes.is_empty() {
            let _ = writeln!(
                text,
                "serve only collections that begin with {}",
                self.gun_prefixes.join(" or ")
            );
        }
        if !self.drain.is_zero() {
            let _ = writeln!(text, "after SIGTERM, serve on for {} s", self.drain.as_secs());
        }
        text
    }
}
