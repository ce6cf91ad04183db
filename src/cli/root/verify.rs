//! `root verify`: a transcript, checked to the last word.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::context::Context;
use super::super::exit::Code;
use super::super::output::{Failure, Format};
use super::super::source;
use super::FILE_MAX;
use crate::docker::{Person, Transcript};

#[derive(Args)]
#[command(after_help = "\
Checks every signature in it with the keys that it names, and refuses a transcript of which a word was changed. \
Needs no network and no keys. Whether these are the repository's keys `countersign inspect` and `history` say.

Example:
  countersign root verify ceremony.txt")]
pub(in crate::cli) struct Arguments {
    /// What `root submit --transcript` wrote
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
}

/// Reads, checks and tells.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let about = |error| Failure::from(error).about(arguments.transcript.display());
    let text = source::read_up_to(&arguments.transcript, FILE_MAX)?;
    let transcript = Transcript::read(&text).map_err(about)?;
    let output = &context.output;
    match output.format {
        Format::Json => output.object(&json!({
            "name": transcript.gun().as_str(),
            "request": transcript.request().to_string(),
            "signed": transcript.people().iter().map(person).collect::<Vec<Value>>(),
            "closed_by": transcript.closed_by().map(|id| id.to_string()),
        })),
        Format::Text => {
            output.page(transcript.account());
            let whole = match transcript.closed_by() {
                Some(id) => format!("the whole is signed with key {}", id.short()),
                None => "nobody signed the whole".to_owned(),
            };
            let count = transcript.people().len();
            output.notice(&format!("{count} signed it, and every signature is good; {whole}"));
        }
    }
    Ok(Code::Done)
}

fn person(person: &Person) -> Value {
    let signed = person.signed.iter();
    let signed = signed.map(|(role, id)| json!({"role": role.as_str(), "key": id.to_string()}));
    let at = format!("{:.0}", person.at);
    json!({"by": person.name, "at": at, "files": signed.collect::<Vec<_>>()})
}
