//! The commands of `docker trust`, and docker's own flags.

use super::{Action, Arity, Flag, Kind, Node, Takes};

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
pub(in super::super) static TRUST: Node = Node {
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
