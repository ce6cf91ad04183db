//! Changes that are staged now and published later, as notary does it (Notary 0.7
//! `client/client.go`, `client/delegations.go`, `client/helpers.go`).
//!
//! A [`StagedEdit`] is what a staged file means; `edit` and `form` read and write it, `publish`
//! applies all that is staged to the collection as it is then, and again if another publisher was
//! faster. `prepare` is notary's `init`.

mod edit;
mod form;
mod prepare;
mod publish;
mod stage;

pub use edit::StagedEdit;
pub use prepare::{Preparation, Prepared};
pub use publish::{StagedNote, StagedReport, Weakened};
