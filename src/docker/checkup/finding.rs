//! One thing that was found.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Will go wrong, or may.
    Warning,
    /// Something here believes that it verifies, and does not; or what it believes in is over.
    Unverified,
    /// Files, keys or the clock of this machine cannot be relied on.
    Broken,
}

impl Severity {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Unverified => "unverified",
            Self::Broken => "broken",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was found.
    pub id: Id,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a path with its line, a variable, a collection, a server.
    pub subject: String,
    /// What is so, in a sentence.
    pub message: String,
    /// The one command, or step, that helps.
    pub remedy: String,
}

impl Finding {
    /// A finding, with what helps.
    pub fn new(
        id: Id,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (subject, message, remedy) = (subject.into(), message.into(), remedy.into());
        Self { id, severity, subject, message, remedy }
    }
}

macro_rules! ids {
    ($($variant:ident = $text:literal,)*) => {
        /// What was found, by a name that stays. `docs/doctor.md` says when each is told.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Id { $(#[doc = concat!("`", $text, "`")] $variant,)* }

        impl Id {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

ids! {
    DockerIgnoresTrust = "docker-ignores-trust",
    BuildUnchecked = "build-unchecked",
    ShimBehind = "shim-behind",
    DaemonPlain = "daemon-plain",
    TrustVariableOdd = "trust-variable-odd",
    TrustOff = "trust-off",
    PluginMissing = "plugin-missing",
    PluginBroken = "plugin-broken",
    PluginForeign = "plugin-foreign",
    InsecureRegistry = "insecure-registry",
    ContainerdFallsBack = "containerd-falls-back",
    TrustServerPlain = "trust-server-plain",
    TrustServerEnds = "trust-server-ends",
    NoHome = "no-home",
    OwnerForeign = "owner-foreign",
    WritableByOthers = "writable-by-others",
    KeyExposed = "key-exposed",
    KeyDamaged = "key-damaged",
    KeyUnencrypted = "key-unencrypted",
    KeyDirectoryLink = "key-directory-link",
    TrustedOnFirstUse = "trusted-on-first-use",
    ExpiresSoon = "expires-soon",
    Expired = "expired",
    CacheDamaged = "cache-damaged",
    RecordDamaged = "record-damaged",
    ClockBehind = "clock-behind",
    ChangesPending = "changes-pending",
    ConfigurationBroken = "configuration-broken",
    PinsBroken = "pins-broken",
    DockerConfigurationBroken = "docker-configuration-broken",
    CacheWhenUnreachable = "cache-when-unreachable",
    CredentialHelperMissing = "credential-helper-missing",
    TlsUnreadable = "tls-unreadable",
    TlsAuthorityExpired = "tls-authority-expired",
    TlsPairIncomplete = "tls-pair-incomplete",
    ServerUnreachable = "server-unreachable",
    ServerNotBelieved = "server-not-believed",
    CiTrustIgnored = "ci-trust-ignored",
    CiUncheckedCommand = "ci-unchecked-command",
    CiUncheckedAction = "ci-unchecked-action",
    CiPassphraseInFile = "ci-passphrase-in-file",
    CiTrustDisabled = "ci-trust-disabled",
    CiCommandLost = "ci-command-lost",
    BaseUnchecked = "base-unchecked",
    ComposeUnchecked = "compose-unchecked",
    FileUnreadable = "file-unreadable",
    DirectoryTooLarge = "directory-too-large",
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
