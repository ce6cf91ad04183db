//! Docker's command line, as its libraries read it (spf13/cobra with `TraverseChildren`, spf13/pflag):
//! a table of commands and one reader.
//!
//! Flags may stand anywhere after their command; those of `docker` itself only before the first
//! word. What is wrong is told in docker's words, because scripts look for them.

use std::fmt;

/// A command, or a group of commands.
pub(super) struct Node {
    /// Its word.
    pub(super) name: &'static str,
    /// One line on what it does.
    pub(super) about: &'static str,
    /// What follows the command's path in its usage line.
    pub(super) usage: &'static str,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
pub(super) enum Kind {
    /// More commands.
    Group(&'static [Node]),
    /// A command.
    Command {
        /// Which.
        action: Action,
        /// How many arguments it takes.
        arity: Arity,
        /// Its flags, by name.
        flags: &'static [Flag],
    },
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Inspect,
    KeyGenerate,
    KeyLoad,
    Revoke,
    Sign,
    SignerAdd,
    SignerRemove,
}

/// How many arguments a command takes.
#[derive(Clone, Copy)]
pub(super) enum Arity {
    Exactly(usize),
    AtLeast(usize),
}

/// A flag.
pub(super) struct Flag {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
    pub(super) about: &'static str,
}

/// What follows a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, or `=BOOLEAN`.
    Nothing,
    /// A value, called so in the help.
    Value(&'static str),
}

/// What the command line says.
pub(super) struct Parsed {
    /// The nodes from the top to the one that was named.
    pub(super) path: Vec<&'static Node>,
    /// The flags of docker itself, in the order in which they came.
    pub(super) globals: Given,
    /// What is wanted of the last node.
    pub(super) wish: Wish,
}

/// What is wanted of a node.
pub(super) enum Wish {
    /// That it is done.
    Do(Call),
    /// Its help; `true` if it was asked for by `-h`, which docker wants to be rid of.
    Help { deprecated: bool },
    /// A group was named and nothing in it.
    Nothing,
}

/// A command with what it was given.
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) arguments: Vec<String>,
    pub(super) flags: Given,
}

/// Flags and their values.
#[derive(Default)]
pub(super) struct Given(Vec<(&'static str, String)>);

impl Given {
    /// Whether a flag without a value is set.
    pub(super) fn is_set(&self, long: &str) -> bool {
        self.last(long).is_some_and(|value| value == TRUE)
    }

    /// The value of a flag; the last one counts.
    pub(super) fn last(&self, long: &str) -> Option<&str> {
        self.all(long).last()
    }

    /// The values of a flag that may be repeated.
    pub(super) fn all(&self, long: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// Every flag as one word, as another docker would take it.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("--{name}={value}"))
    }
}

/// Why a command line is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misuse {
    /// In docker's words.
    pub(super) text: String,
    /// docker's exit code: 125 for flags, 1 for arguments.
    pub(super) code: u8,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who is called, for usage lines: `docker` with `trust` as a plugin, or `docker-trust` alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Docker,
    Person,
}

impl Caller {
    /// The program's name.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Person => "docker-trust",
        }
    }

    /// The words that lead to a node.
    pub(super) fn path(self, nodes: &[&Node]) -> String {
        let words = nodes.iter().map(|node| node.name);
        let words: Vec<&str> = match self {
            Self::Docker => [self.program()].into_iter().chain(words).collect(),
            Self::Person => [self.program()].into_iter().chain(words.skip(1)).collect(),
        };
        words.join(" ")
    }

    /// The usage line of a command.
    pub(super) fn usage(self, nodes: &[&Node]) -> String {
        let usage = nodes.last().map_or("", |node| node.usage);
        let blank = if usage.is_empty() { "" } else { " " };
        format!("{}{blank}{usage}", self.path(nodes))
    }
}

/// Reads the words after the program's name. `trust` may be left out by a person.
pub(super) fn parse(words: &[String], caller: Caller) -> Result<Parsed, Misuse> {
    let mut words = words.iter().map(String::as_str).peekable();
    let mut globals = Given::default();
    let mut path = vec![&TRUST];
    loop {
        match words.peek().copied() {
            Some(HELP) if globals.0.is_empty() => {
                words.next();
                return help_on(words, globals);
            }
            Some("--help") => {
                return Ok(Parsed { path, globals, wish: Wish::Help { deprecated: false } });
            }
            Some(word) if is_flag(word) => {
                words.next();
                let misuse = |problem: &str| flags_misused(problem, caller, &[]);
                take_flag(word, &mut words, &GLOBALS, &mut globals).map_err(|it| misuse(&it))?;
            }
            _ => break,
        }
    }
    if words.peek() == Some(&TRUST.name) {
        words.next();
    }
    let mut commands: &'static [Node] = match &TRUST.kind {
        Kind::Group(commands) => commands,
        Kind::Command { .. } => &[],
    };
    loop {
        let Some(word) = words.next() else {
            return Ok(Parsed { path, globals, wish: Wish::Nothing });
        };
        if is_flag(word) {
            match word {
                "--help" | "-h" => {
                    let wish = Wish::Help { deprecated: word == "-h" };
                    return Ok(Parsed { path, globals, wish });
                }
                _ => {
                    let mut nothing = Given::default();
                    let taken = take_flag(word, &mut words, &[], &mut nothing);
                    taken.map_err(|problem| flags_misused(&problem, caller, &path))?;
                    continue;
                }
            }
        }
        let Some(node) = commands.iter().find(|node| node.name == word) else {
            return Err(unknown_command(word, caller, &path));
        };
        path.push(node);
        match &node.kind {
            Kind::Group(inner) => commands = inner,
            Kind::Command { action, arity, flags } => {
                let wish = command(*action, *arity, flags, words, caller, &path)?;
                return Ok(Parsed { path, globals, wish });
            }
        }
    }
}

/// `help WORD...`, as docker passes on `docker help trust ...`.
fn help_on<'w>(words: impl Iterator<Item = &'w str>, globals: Given) -> Result<Parsed, Misuse> {
    let mut path = vec![&TRUST];
    let words: Vec<&str> = words.collect();
    let words = words.strip_prefix(&[TRUST.name]).unwrap_or(&words);
    for (at, word) in words.iter().enumerate() {
        let next = match path.last().map(|node| &node.kind) {
            Some(Kind::Group(commands)) => commands.iter().find(|node| node.name == *word),
            _ => None,
        };
        match next {
            Some(node) => path.push(node),
            None => {
                let text = format!("unknown help topic: {}", words[at..].join(" "));
                return Err(Misuse { text, code: 1 });
            }
        }
    }
    Ok(Parsed { path, globals, wish: Wish::Help { deprecated: false } })
}

fn command<'w>(
    action: Action,
    arity: Arity,
    flags: &'static [Flag],
    mut words: impl Iterator<Item = &'w str>,
    caller: Caller,
    path: &[&'static Node],
) -> Result<Wish, Misuse> {
    let mut given = Given::default();
    let mut arguments = Vec::new();
    let mut help = None;
    while let Some(word) = words.next() {
        match word {
            "--" => {
                arguments.extend(words.by_ref().map(str::to_owned));
            }
            "--help" | "-h" => {
                help.get_or_insert(word == "-h");
            }
            _ if is_flag(word) => take_flag(word, &mut words, flags, &mut given)
                .map_err(|problem| flags_misused(&problem, caller, path))?,
            _ => arguments.push(word.to_owned()),
        }
    }
    if let Some(deprecated) = help {
        return Ok(Wish::Help { deprecated });
    }
    check_arity(arity, arguments.len(), caller, path)?;
    Ok(Wish::Do(Call { action, arguments, flags: given }))
}

fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word != "-"
}

/// Takes one word of flags, and the word after it if the flag wants a value.
fn take_flag<'w>(
    word: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    flags: &'static [Flag],
    given: &mut Given,
) -> Result<(), String> {
    match word.strip_prefix("--") {
        Some(long) => take_long(word, long, rest, flags, given),
        None => take_shorts(word, rest, flags, given),
    }
}

fn take_long<'w>(
    word: &str,
    long: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    flags: &'static [Flag],
    given: &mut Given,
) -> Result<(), String> {
    if long.is_empty() || long.starts_with('-') || long.starts_with('=') {
        return Err(format!("bad flag syntax: {word}"));
    }
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let flag = flags.iter().find(|flag| flag.long == name);
    let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
    let value = match (flag.takes, value) {
        (Takes::Nothing, value) => boolean(flag, value.unwrap_or(TRUE))?,
        (Takes::Value(_), Some(value)) => value.to_owned(),
        (Takes::Value(_), None) => {
            let next = rest.next().ok_or_else(|| format!("flag needs an argument: --{name}"))?;
            next.to_owned()
        }
    };
    given.0.push((flag.long, value));
    Ok(())
}

/// `-abc`, `-a=true`, `-cVALUE`, `-c VALUE`.
fn take_shorts<'w>(
    word: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    flags: &'static [Flag],
    given: &mut Given,
) -> Result<(), String> {
    let letters = word.trim_start_matches('-');
    let mut remaining = letters;
    while let Some(letter) = remaining.chars().next() {
        let after = &remaining[letter.len_utf8()..];
        let flag = flags.iter().find(|flag| flag.short == Some(letter));
        let unknown = || format!("unknown shorthand flag: '{letter}' in -{remaining}");
        let flag = flag.ok_or_else(unknown)?;
        let attached = after.strip_prefix('=').or_else(|| {
            let wants_value = flag.takes != Takes::Nothing;
            (wants_value && !after.is_empty()).then_some(after)
        });
        let value = match (flag.takes, attached) {
            (Takes::Nothing, value) => boolean(flag, value.unwrap_or(TRUE))?,
            (Takes::Value(_), Some(value)) => value.to_owned(),
            (Takes::Value(_), None) => {
                let missing = || format!("flag needs an argument: '{letter}' in -{remaining}");
                rest.next().ok_or_else(missing)?.to_owned()
            }
        };
        given.0.push((flag.long, value));
        match attached {
            Some(_) => return Ok(()),
            None if flag.takes != Takes::Nothing => return Ok(()),
            None => remaining = after,
        }
    }
    Ok(())
}

/// What Go's `strconv.ParseBool` takes.
fn boolean(flag: &Flag, text: &str) -> Result<String, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(TRUE.to_owned()),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".to_owned()),
        _ => {
            let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            Err(format!(
                "invalid argument {text:?} for \"{short}--{}\" flag: strconv.ParseBool: parsing {text:?}: invalid syntax",
                flag.long
            ))
        }
    }
}

fn check_arity(arity: Arity, found: usize, caller: Caller, path: &[&Node]) -> Result<(), Misuse> {
    let (fits, wanted, number, hint) = match arity {
        Arity::Exactly(number) => (found == number, String::new(), number, "Run"),
        Arity::AtLeast(number) => (found >= number, "at least ".to_owned(), number, "See"),
    };
    if fits {
        return Ok(());
    }
    let (program, line) = (caller.program(), caller.path(path));
    let plural = if number == 1 { "" } else { "s" };
    Err(Misuse {
        text: format!(
            "{program}: '{line}' requires {wanted}{number} argument{plural}\n\n\
             Usage:  {}\n\n{hint} '{line} --help' for more information",
            caller.usage(path)
        ),
        code: 1,
    })
}

fn unknown_command(word: &str, caller: Caller, path: &[&Node]) -> Misuse {
    let (program, line) = (caller.program(), caller.path(path));
    let text = format!(
        "{program}: unknown command: {line} {word}\n\n\
         Usage:  {line}\n\nRun '{line} --help' for more information"
    );
    Misuse { text, code: 1 }
}

fn flags_misused(problem: &str, caller: Caller, path: &[&Node]) -> Misuse {
    let (usage, line) = match path {
        [] => (format!("{} [OPTIONS] {} [ARG...]", caller.program(), TRUST.name), {
            caller.program().to_owned()
        }),
        path => (caller.usage(path), caller.path(path)),
    };
    let text = format!("{problem}\n\nUsage:  {usage}\n\nRun '{line} --help' for more information");
    Misuse { text, code: FLAGS }
}

const HELP: &str = "help";
const TRUE: &str = "true";
/// docker's exit code for flags that it does not understand.
const FLAGS: u8 = 125;

/// docker's own flags (docker/cli `cli/flags/options.go`), in which a plugin is told where docker's
/// files and its daemon are.
pub(super) static GLOBALS: [Flag; 10] = [
    value("config", None, "string", "Directory of docker's configuration"),
    value("context", Some('c'), "string", "The context that names the daemon"),
    switch("debug", Some('D'), "Say what is done"),
    value("host", Some('H'), "list", "The daemon's socket"),
    value("log-level", Some('l'), "string", "How much to log: debug, info, warn, error, fatal"),
    switch("tls", None, "Use TLS to the daemon"),
    value(
        "tlscacert",
        None,
        "string",
        "Authorities to believe when the daemon shows its certificate",
    ),
    value("tlscert", None, "string", "Our certificate for the daemon"),
    value("tlskey", None, "string", "The key of our certificate"),
    switch("tlsverify", None, "Use TLS to the daemon, and check its certificate"),
];

/// `docker trust`.
pub(super) static TRUST: Node = Node {
    name: "trust",
    about: "Manage trust on Docker images",
    usage: "",
    kind: Kind::Group(&[
        Node {
            name: "inspect",
            about: "Show what is signed, by whom, and the keys",
            usage: "IMAGE[:TAG] [IMAGE[:TAG]...]",
            kind: Kind::Command {
                action: Action::Inspect,
                arity: Arity::AtLeast(1),
                flags: &[switch("pretty", None, "For people instead of as JSON")],
            },
        },
        Node {
            name: "key",
            about: "Manage the keys that sign",
            usage: "",
            kind: Kind::Group(&[
                Node {
                    name: "generate",
                    about: "Make a key pair, and keep its private half",
                    usage: "NAME",
                    kind: Kind::Command {
                        action: Action::KeyGenerate,
                        arity: Arity::Exactly(1),
                        flags: &[value(
                            "dir",
                            None,
                            "string",
                            "Where the public key is written (default: here)",
                        )],
                    },
                },
                Node {
                    name: "load",
                    about: "Take in a private key from a file",
                    usage: "[OPTIONS] KEYFILE",
                    kind: Kind::Command {
                        action: Action::KeyLoad,
                        arity: Arity::Exactly(1),
                        flags: &[value(
                            "name",
                            None,
                            "string",
                            "Name of the key's signer (default \"signer\")",
                        )],
                    },
                },
            ]),
        },
        Node {
            name: "revoke",
            about: "Withdraw the signatures of an image",
            usage: "[OPTIONS] IMAGE[:TAG]",
            kind: Kind::Command {
                action: Action::Revoke,
                arity: Arity::Exactly(1),
                flags: &[switch("yes", Some('y'), "Do not ask")],
            },
        },
        Node {
            name: "sign",
            about: "Sign an image",
            usage: "IMAGE:TAG",
            kind: Kind::Command {
                action: Action::Sign,
                arity: Arity::Exactly(1),
                flags: &[switch(
                    "local",
                    None,
                    "Push the image that docker has here, and sign that",
                )],
            },
        },
        Node {
            name: "signer",
            about: "Manage who may sign",
            usage: "",
            kind: Kind::Group(&[
                Node {
                    name: "add",
                    about: "Add a signer",
                    usage: "OPTIONS NAME REPOSITORY [REPOSITORY...] ",
                    kind: Kind::Command {
                        action: Action::SignerAdd,
                        arity: Arity::AtLeast(2),
                        flags: &[value(
                            "key",
                            None,
                            "list",
                            "File with a public key of the signer",
                        )],
                    },
                },
                Node {
                    name: "remove",
                    about: "Remove a signer",
                    usage: "[OPTIONS] NAME REPOSITORY [REPOSITORY...]",
                    kind: Kind::Command {
                        action: Action::SignerRemove,
                        arity: Arity::AtLeast(2),
                        flags: &[switch(
                            "force",
                            Some('f'),
                            "Do not ask before the last signer is removed",
                        )],
                    },
                },
            ]),
        },
    ]),
};

const fn switch(long: &'static str, short: Option<char>, about: &'static str) -> Flag {
    Flag { long, short, takes: Takes::Nothing, about }
}

const fn value(
    long: &'static str,
    short: Option<char>,
    called: &'static str,
    about: &'static str,
) -> Flag {
    Flag { long, short, takes: Takes::Value(called), about }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Parsed, Misuse> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words, Caller::Docker)
    }

    fn call(words: &[&str]) -> Call {
        match read(words).map(|parsed| parsed.wish) {
            Ok(Wish::Do(call)) => call,
            _ => panic!("{words:?} is no call"),
        }
    }

    fn misuse(words: &[&str]) -> (String, u8) {
        let misuse = read(words).err().unwrap_or_else(|| panic!("{words:?} is taken"));
        (misuse.text.lines().next().unwrap_or_default().to_owned(), misuse.code)
    }

    #[test]
    fn flags_stand_anywhere_after_their_command() {
        let remove = call(&["trust", "signer", "remove", "alice", "-f", "web", "--", "-f"]);
        assert_eq!(remove.action, Action::SignerRemove);
        assert_eq!(remove.arguments, ["alice", "web", "-f"]);
        assert!(remove.flags.is_set("force"));
        let add = call(&["signer", "add", "--key=a", "alice", "--key", "b", "web"]);
        assert_eq!(add.flags.all("key").collect::<Vec<_>>(), ["a", "b"]);
        assert!(!call(&["trust", "revoke", "-y=false", "web"]).flags.is_set("yes"));
        assert_eq!(call(&["trust", "inspect", "-"]).arguments, ["-"]);
    }

    #[test]
    fn flags_of_docker_stand_before_its_commands() {
        let parsed = read(&["-D", "--config", "/c", "-Hunix:///s", "trust", "inspect", "web"]);
        let globals = parsed.unwrap_or_else(|misuse| panic!("{misuse}")).globals;
        assert!(globals.is_set("debug"));
        assert_eq!((globals.last("config"), globals.last("host")), (Some("/c"), Some("unix:///s")));
        assert_eq!(
            globals.words().collect::<Vec<_>>(),
            ["--debug=true", "--config=/c", "--host=unix:///s"]
        );
        let (text, code) = misuse(&["trust", "-D", "inspect", "web"]);
        assert_eq!((text.as_str(), code), ("unknown shorthand flag: 'D' in -D", 125));
    }

    #[test]
    fn mistakes_are_told_as_docker_tells_them() {
        for (words, text, code) in [
            (&["trust", "bogus"][..], "docker: unknown command: docker trust bogus", 1),
            (&["trust", "key", "x"], "docker: unknown command: docker trust key x", 1),
            (&["trust", "sign"], "docker: 'docker trust sign' requires 1 argument", 1),
            (&["trust", "sign", "a", "b"], "docker: 'docker trust sign' requires 1 argument", 1),
            (
                &["trust", "signer", "add", "a"],
                "docker: 'docker trust signer add' requires at least 2 arguments",
                1,
            ),
            (&["trust", "inspect", "--bogus", "x"], "unknown flag: --bogus", 125),
            (&["trust", "revoke", "-yz", "x"], "unknown shorthand flag: 'z' in -z", 125),
            (&["trust", "signer", "add", "--key"], "flag needs an argument: --key", 125),
            (&["-H"], "flag needs an argument: 'H' in -H", 125),
            (&["trust", "revoke", "---x", "y"], "bad flag syntax: ---x", 125),
            (
                &["trust", "revoke", "--yes=maybe", "x"],
                "invalid argument \"maybe\" for \"-y, --yes\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
                125,
            ),
            (&["help", "trust", "nothing"], "unknown help topic: nothing", 1),
        ] {
            assert_eq!(misuse(words), (text.to_owned(), code), "{words:?}");
        }
    }

    #[test]
    fn help_wins_over_what_else_is_said() {
        for words in [
            &["trust", "--help"][..],
            &["trust", "sign", "--help"],
            &["trust", "sign", "a", "b", "--help"],
            &["help", "trust", "sign"],
            &["--help"],
        ] {
            let help = read(words).map(|parsed| parsed.wish);
            assert!(matches!(help, Ok(Wish::Help { deprecated: false })), "{words:?}");
        }
        let short = read(&["trust", "sign", "-h"]).map(|parsed| parsed.wish);
        assert!(matches!(short, Ok(Wish::Help { deprecated: true })));
        assert!(matches!(read(&[]).map(|it| it.wish), Ok(Wish::Nothing)));
    }
}
