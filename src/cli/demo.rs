//! `demo`.
use super::exit::Code;
use super::output::{Failure, Output};
use clap::Args;
#[derive(Args)]
pub(super) struct Arguments {}
pub(super) fn run(_: &Arguments, _: Output) -> Result<Code, Failure> {
    Ok(Code::Done)
}
