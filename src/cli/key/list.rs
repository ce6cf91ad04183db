//! `key list`: what is here, where it is kept, and what it is good for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::context::Context;
use super::super::exit::Code;
use super::super::output::{Failure, Format};
use super::super::table::table;
use crate::docker::{Survey, Use};
use crate::keys::{Holding, Kept};
use crate::storage::TrustDirectory;

/// Lists every key in every place.
pub(super) fn run(context: &Context) -> Result<Code, Failure> {
    let mut holdings = context.key_set()?.holdings()?;
    let survey = Survey::of(&TrustDirectory::new(context.trust()))?;
    holdings.sort_by_key(|held| {
        let entry = &held.entry;
        (entry.role.as_deref() != Some("root"), entry.gun.clone(), entry.role.clone(), entry.id)
    });
    match context.output.format {
        Format::Text if holdings.is_empty() => context.output.notice("No signing keys found."),
        Format::Text => {
            let row = |held: &Holding| row(held, survey.uses(&held.entry.id), context.now);
            let rows: Vec<_> = holdings.iter().map(row).collect();
            context.output.page(&table(HEADING, &rows));
            context.output.detail(&format!("files: {}", context.keys().path().display()));
        }
        Format::Json => holdings.iter().for_each(|held| {
            context.output.object(&object(held, survey.uses(&held.entry.id)));
        }),
    }
    Ok(Code::Done)
}

fn row(held: &Holding, uses: &[Use], now: Timestamp) -> [String; 7] {
    let entry = &held.entry;
    let unreadable = || entry.is_unreadable.then(|| "(unreadable)".to_owned());
    let role = entry.role.clone().or_else(unreadable).unwrap_or_default();
    let gun = entry.gun.clone().unwrap_or_default();
    let (kept, age) = match &held.kept {
        Kept::File(file) => ("file".to_owned(), file.written.map(|then| age(then, now))),
        Kept::Elsewhere(place) => (place.clone(), None),
    };
    let until = uses.iter().filter_map(|used| used.expires).min();
    let until = until.map(|then| then.strftime("%Y-%m-%d").to_string());
    let age = age.unwrap_or_default();
    [role, gun, entry.id.to_string(), kept, age, signs(uses), until.unwrap_or_default()]
}

/// What it signs, shorter the more it is.
fn signs(uses: &[Use]) -> String {
    match uses {
        [] => String::new(),
        [one] => format!("{} of {}", one.role, one.gun),
        [first, rest @ ..] if rest.iter().all(|used| used.role == first.role) => {
            format!("{} of {} repositories", first.role, uses.len())
        }
        _ => format!("{} roles", uses.len()),
    }
}

/// In the largest unit that has one.
fn age(then: Timestamp, now: Timestamp) -> String {
    let hours = now.duration_since(then).as_hours().max(0);
    match hours {
        0..48 => format!("{hours} h"),
        48..1440 => format!("{} d", hours / 24),
        _ => format!("{} months", hours / 730),
    }
}

fn object(held: &Holding, uses: &[Use]) -> Value {
    let entry = &held.entry;
    let (place, path, written) = match &held.kept {
        Kept::File(file) => {
            ("file", Some(file.path.display().to_string()), file.written.map(|at| at.to_string()))
        }
        Kept::Elsewhere(place) => (place.as_str(), None, None),
    };
    let signs = uses.iter().map(|used| {
        json!({
            "name": used.gun.as_str(),
            "role": used.role.as_str(),
            "threshold": used.threshold,
            "keys": used.keys,
            "expires": used.expires.map(|at| at.to_string()),
        })
    });
    json!({
        "id": entry.id.to_string(),
        "role": entry.role,
        "gun": entry.gun,
        "readable": !entry.is_unreadable,
        "place": place,
        "path": path,
        "written": written,
        "algorithm": uses.first().map(|used| used.algorithm.to_string()),
        "signs": signs.collect::<Vec<_>>(),
    })
}

const HEADING: [&str; 7] = ["ROLE", "GUN", "KEY ID", "KEPT", "AGE", "SIGNS", "UNTIL"];
