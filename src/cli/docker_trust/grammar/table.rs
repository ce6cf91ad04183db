//! The commands of `docker trust`, and docker's own flags.

use super::{Action, Arity, Kind, Node};
use crate::cli::pflag::Flag;

/// docker's own flags (docker/cli `cli/flags/options.go`), in which a plugin is told where docker's
/// files and its daemon are.
pub(super) static GLOBALS: [Flag; 10] = [
    Flag::text("config", None, "Directory of docker's configuration"),
    Flag::text("context", Some('c'), "The context that names the daemon"),
    Flag::switch("debug", Some('D'), "Say what is done"),
    Flag::repeated("host", Some('H'), "The daemon's socket"),
    Flag::text("log-level", Some('l'), "How much to log: debug, info, warn, error, fatal"),
    Flag::switch("tls", None, "Use TLS to the daemon"),
    Flag::text("tlscacert", None, "Authorities to believe when the daemon shows its certificate"),
    Flag::text("tlscert", None, "Our certificate for the daemon"),
    Flag::text("tlskey", None, "The key of our certificate"),
    Flag::switch("tlsverify", None, "Use TLS to the daemon, and check its certificate"),
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
                flags: &[Flag::switch("pretty", None, "For people instead of as JSON")],
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
                        flags: &[Flag::text(
                            "dir",
                            None,
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
                        flags: &[Flag::text(
                            "name",
                            None,
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
                flags: &[Flag::switch("yes", Some('y'), "Do not ask")],
            },
        },
        Node {
            name: "sign",
            about: "Sign an image",
            usage: "IMAGE:TAG",
            kind: Kind::Command {
                action: Action::Sign,
                arity: Arity::Exactly(1),
                flags: &[Flag::switch(
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
                        flags: &[Flag::repeated(
                            "key",
                            None,
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
                        flags: &[Flag::switch(
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
