//! Where a database is: an address, or what Go programs call a data source name, as it stands in
//! Notary's configuration.

use std::fmt;
use std::str::FromStr;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where a database is, and who we are there. `Display` and `Debug` leave the password out.
#[derive(Clone)]
pub enum Address {
    /// `postgres://…`, or `host=… dbname=…` (Go's lib/pq).
    Postgres(Box<PgConnectOptions>),
    /// `mysql://…`, or `user:password@tcp(host:port)/name` (Go's go-sql-driver).
    MySql(Box<MySqlConnectOptions>),
}

/// Why that is no address; it never repeats it, for the password's sake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address of a database: {problem}")]
pub struct BadAddress {
    problem: String,
}

impl Address {
    /// Reads what stands in Notary's configuration for PostgreSQL: TLS is the rule there.
    ///
    /// # Errors
    ///
    /// [`BadAddress`].
    pub fn from_lib_pq(source: &str) -> Result<Self, BadAddress> {
        let options = match source.contains("://") {
            true if source.contains("sslmode=") => postgres_url(source)?,
            true => postgres_url(source)?.ssl_mode(PgSslMode::Require),
            false => postgres_words(source)?,
        };
        Ok(Self::Postgres(Box::new(options)))
    }

    /// Reads what stands in Notary's configuration for MySQL.
    ///
    /// # Errors
    ///
    /// [`BadAddress`].
    pub fn from_go_mysql(source: &str) -> Result<Self, BadAddress> {
        let source = source.strip_prefix("mysql://").unwrap_or(source);
        go_mysql(source).map(|options| Self::MySql(Box::new(options)))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                postgres_url(text).map(|options| Self::Postgres(Box::new(options)))
            }
            // An @ before a bracket is Go's form, which migration tools want after mysql://, too.
            Some(("mysql" | "mariadb", rest))
                if rest.contains("@tcp(") || rest.contains("@unix(") =>
            {
                Self::from_go_mysql(rest)
            }
            Some(("mysql" | "mariadb", _)) => text
                .parse::<MySqlConnectOptions>()
                .map(|options| Self::MySql(Box::new(options)))
                .map_err(|error| match error {
                    sqlx::Error::Configuration(cause) => bad(cause.to_string()),
                    _ => bad("not understood"),
                }),
            _ => Err(bad("use postgres://USER@HOST/NAME or mysql://USER@HOST/NAME")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(options) => {
                let name = options.get_database().unwrap_or(options.get_username());
                match options.get_socket() {
                    Some(socket) => write!(f, "PostgreSQL {name} at {}", socket.display()),
                    None => {
                        write!(
                            f,
                            "PostgreSQL {name} at {}:{}",
                            options.get_host(),
                            options.get_port()
                        )
                    }
                }
            }
            Self::MySql(options) => {
                let name = options.get_database().unwrap_or_default();
                match options.get_socket() {
                    Some(socket) => write!(f, "MySQL {name} at {}", socket.display()),
                    None => {
                        write!(f, "MySQL {name} at {}:{}", options.get_host(), options.get_port())
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Address {}

fn bad(problem: impl Into<String>) -> BadAddress {
    BadAddress { problem: problem.into() }
}

fn postgres_url(url: &str) -> Result<PgConnectOptions, BadAddress> {
    url.parse().map_err(|error: sqlx::Error| match error {
        sqlx::Error::Configuration(cause) => bad(cause.to_string()),
        _ => bad("not understood"),
    })
}

/// `host=/run/postgresql user=server dbname='notary server' sslmode=disable`
fn postgres_words(source: &str) -> Result<PgConnectOptions, BadAddress> {
    let mut options = PgConnectOptions::new().ssl_mode(PgSslMode::Require);
    for (name, value) in words(source)? {
        options = match name.as_str() {
            "host" if value.starts_with('/') => options.socket(value),
            "host" => options.host(&value),
            "port" => options.port(value.parse().map_err(|_| bad("port is no number"))?),
            "user" => options.username(&value),
            "password" => options.password(&value),
            "dbname" => options.database(&value),
            "sslmode" => options.ssl_mode(value.parse().map_err(|_| bad("sslmode is not known"))?),
            "sslrootcert" => options.ssl_root_cert(value),
            "sslcert" => options.ssl_client_cert(value),
            "sslkey" => options.ssl_client_key(value),
            "application_name" | "fallback_application_name" => options.application_name(&value),
            "connect_timeout" => options,
            // lib/pq hands what it does not know to the server.
            _ => options.options([(name, value)]),
        };
    }
    Ok(options)
}

/// Words `name=value`, values in single quotes if they hold blanks, `\` before any character.
fn words(source: &str) -> Result<Vec<(String, String)>, BadAddress> {
    let mut words = Vec::new();
    let mut rest = source.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| bad("a word without a value"))?;
        let (value, after) = value(after.trim_start())?;
        words.push((name.trim().to_owned(), value));
        rest = after.trim_start();
    }
    match words.is_empty() {
        true => Err(bad("it is empty")),
        false => Ok(words),
    }
}

fn value(text: &str) -> Result<(String, &str), BadAddress> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                let (_, next) = characters.next().ok_or_else(|| bad("it ends in a backslash"))?;
                value.push(next);
            }
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            other if !quoted && other.is_whitespace() => return Ok((value, &text[at..])),
            other => value.push(other),
        }
    }
    match quoted {
        true => Err(bad("a quote that does not end")),
        false => Ok((value, "")),
    }
}

/// `user:password@protocol(address)/name?parameters`, where the last `@` before the last `/` counts.
fn go_mysql(source: &str) -> Result<MySqlConnectOptions, BadAddress> {
    let (before, after) = source.rsplit_once('/').ok_or_else(|| bad("the / before the name"))?;
    let (name, parameters) = after.split_once('?').unwrap_or((after, ""));
    let (user, place) = before.rsplit_once('@').unwrap_or(("", before));
    let mut options = MySqlConnectOptions::new().ssl_mode(MySqlSslMode::Disabled);
    if let Some((user, password)) = user.split_once(':') {
        options = options.username(user).password(password);
    } else if !user.is_empty() {
        options = options.username(user);
    }
    if !name.is_empty() {
        options = options.database(name);
    }
    options = place_of(options, place)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name == "tls" {
            options = options.ssl_mode(match value {
                "true" => MySqlSslMode::VerifyIdentity,
                "skip-verify" => MySqlSslMode::Required,
                "preferred" => MySqlSslMode::Preferred,
                "false" => MySqlSslMode::Disabled,
                _ => return Err(bad("tls is none of true, false, skip-verify, preferred")),
            });
        }
    }
    Ok(options)
}

fn place_of(options: MySqlConnectOptions, place: &str) -> Result<MySqlConnectOptions, BadAddress> {
    let (protocol, address) = match place.split_once('(') {
        Some((protocol, rest)) => {
            (protocol, rest.strip_suffix(')').ok_or_else(|| bad("the ) after the address"))?)
        }
        None => (place, ""),
    };
    match (protocol, address) {
        ("" | "tcp", "") => Ok(options.host("127.0.0.1")),
        ("unix", socket) if !socket.is_empty() => Ok(options.socket(socket)),
        ("tcp", address) => match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().map_err(|_| bad("port is no number"))?;
                Ok(options.host(host.trim_matches(['[', ']'])).port(port))
            }
            _ => Ok(options.host(address.trim_matches(['[', ']']))),
        },
        _ => Err(bad("use tcp(HOST:PORT) or unix(SOCKET)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_go_s_data_source_names_are_understood() {
        type Read = fn(&str) -> Result<Address, BadAddress>;
        let cases: [(Read, &str, &str); 10] = [
            (
                str::parse,
                "postgres://server:secret@db.example.com:5433/notary",
                "PostgreSQL notary at db.example.com:5433",
            ),
            (str::parse, "postgresql://server@db/n?sslmode=disable", "PostgreSQL n at db:5432"),
            (str::parse, "mysql://server:secret@db:3307/notary", "MySQL notary at db:3307"),
            (
                str::parse,
                "mysql://server@tcp(mysql:3306)/notaryserver",
                "MySQL notaryserver at mysql:3306",
            ),
            (Address::from_lib_pq, "host=/run/pg user=a dbname='my db' password='it''s'", ""),
            (
                Address::from_lib_pq,
                r"host=/run/pg user=a dbname='my db' password='it\'s' sslmode=disable",
                "PostgreSQL my db at /run/pg",
            ),
            (
                Address::from_go_mysql,
                "server@tcp(mysqldb:3306)/notaryserver?parseTime=True",
                "MySQL notaryserver at mysqldb:3306",
            ),
            (
                Address::from_go_mysql,
                "a:p@ss:/word@tcp([::1]:3306)/n?parseTime=true&tls=true",
                "MySQL n at ::1:3306",
            ),
            (
                Address::from_go_mysql,
                "a@unix(/run/mysqld/mysqld.sock)/n",
                "MySQL n at /run/mysqld/mysqld.sock",
            ),
            (Address::from_go_mysql, "a@/n", "MySQL n at 127.0.0.1:3306"),
        ];
        for (read, text, expected) in cases {
            match read(text) {
                Ok(address) => {
                    assert_eq!(address.to_string(), expected, "{text}");
                    assert!(!format!("{address:?}").contains("secret"), "{text}");
                }
                Err(error) => assert_eq!("", expected, "{text}: {error}"),
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "secret",
            "redis://a:secret@b/",
            "postgres://a:secret@b:port/",
            "mysql://a:secret@b:port/",
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for text in [
            "secret",
            "a:secret@tcp(b:x)/n",
            "a:secret@tcp(b/n",
            "a:secret@pipe(b)/n",
            "a:secret@tcp(b)/n?tls=own",
        ] {
            let error = Address::from_go_mysql(text).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for text in ["secret", "password=secret port=x", "password='secret", "password=secret\\"] {
            let error = Address::from_lib_pq(text).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
