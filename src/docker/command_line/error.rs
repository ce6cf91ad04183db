//! Why a command line is refused while content trust is on.

/// Why a command line is refused while content trust is on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Docker is asked to print something before its command is named. It may run the command all
    /// the same: `docker --version run IMAGE` does.
    #[error(
        "{command}: --help or --version before a command need not keep docker from running it; put \
         --help behind the command"
    )]
    HelpFirst {
        /// The command.
        command: &'static str,
    },
    /// `--`, or a value that looks like an option, before a command. Docker's library then takes
    /// the word behind it for a value (spf13/cobra `Command.Traverse`), and the one after for the
    /// command: `docker image -- ls pull IMAGE` pulls.
    #[error(
        "{command}: which word is the command cannot be told behind -- or a value that begins with -; \
         write --option=value, and no -- before the command"
    )]
    CommandUnclear {
        /// What stands before the command.
        command: &'static str,
    },
    /// An option that is not known: whether the next word is its value is not known either.
    #[error("{command}: unknown option {option}: which word is the image cannot be told")]
    UnknownOption {
        /// The command.
        command: &'static str,
        /// The option as written.
        option: String,
    },
    /// The line ends where a value is expected.
    #[error("{command}: option {option} needs a value")]
    MissingValue {
        /// The command.
        command: &'static str,
        /// The option as written.
        option: String,
    },
    /// A switch with something else than yes or no.
    #[error("{command}: {option} is neither true nor false")]
    NotBool {
        /// The command.
        command: &'static str,
        /// The option as written.
        option: String,
    },
    /// Bytes that are no text where a name is expected.
    #[error("{word} is not UTF-8")]
    NotText {
        /// The word, as far as it can be shown.
        word: String,
    },
    /// A command that runs images of which we cannot tell which they are.
    #[error("{command}: {reason}")]
    Refused {
        /// The command.
        command: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Fewer or more words than the command takes.
    #[error("{command}: {reason}")]
    Operands {
        /// The command.
        command: &'static str,
        /// What is expected.
        reason: &'static str,
    },
    /// Not a name of an image.
    #[error("invalid reference format: {source}")]
    Reference {
        /// The name.
        text: String,
        /// What is wrong with it.
        source: crate::image::Error,
    },
    /// A mount whose image cannot be told.
    #[error("--mount {text}: {reason}")]
    Mount {
        /// The option's value.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}
