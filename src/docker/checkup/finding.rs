//! One thing that was found.

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
    /// Its name, which stays.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a path with its line, a variable, a collection, a server.
    pub subject: String,
    /// What is so, in a sentence.
    pub message: String,
    /// The one command, or step, that helps.
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn new(
        id: &'static str,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (subject, message) = (subject.into(), message.into());
        Self { id, severity, subject, message, remedy: None }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}
