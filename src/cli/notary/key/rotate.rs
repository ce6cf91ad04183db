//! `key rotate`: other keys for a top-level role, published at once.

use super::super::files;
use super::super::grammar::{Call, Command, Run};
use super::super::prompt::confirmed;
use super::super::session::{self, Session};
use super::super::stop::Stop;
use crate::cli::pflag::{Flag, Takes};
use crate::cli::process::{guard_memory, wait_for};
use crate::client;
use crate::docker::{self, Legacy, NewKeys, RotateRequest, Survey};
use crate::net::{self, Access};
use crate::tuf::{Dialect, KeyId, RoleName};

pub(super) static COMMAND: Command = Command {
    name: "rotate",
    arguments: " [ GUN ] [ key role ]",
    summary: "Give a role of a collection other keys",
    about: "Gives a role (root, targets, snapshot, timestamp) other keys, and publishes that at once; what is staged stays staged. Replaced targets and snapshot keys are destroyed here after the server has taken the new root.",
    flags: &[
        Flag::texts("key", Some('k'), "Files with the new keys; without one a key is made"),
        Flag {
            long: "legacy",
            short: Some('l'),
            takes: Takes::Number,
            help: "Sign with the root keys of so many older roots as well, for old clients",
        },
        Flag::switch("server-managed", Some('r'), "Let the server make the key and keep it"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, role] = call.first("Must specify a GUN and a key role to rotate")?;
    let at_server = call.has("server-managed");
    guard_memory()?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let name = top_level_role(role, at_server)?;
    let named = call.texts("key").unwrap_or_default();
    if at_server && !named.is_empty() {
        return Err(Stop::fatal("a key of yours cannot be the server's: use --key or -r"));
    }
    let (keys, mut passphrases) = (session.keys()?, session.passphrases());
    let take = |path: &String| {
        let file = files::private_key(path, &name)?;
        files::take_in(&file, &name, Some(&collection), &keys, &mut passphrases)
    };
    let stored: Vec<KeyId> = named.iter().map(take).collect::<Result<_, _>>()?;
    if name == RoleName::Root && !root_is_meant(&session) {
        return Ok(());
    }
    let needed = Survey::of(&session.trust())?.needed_besides(&collection, Dialect::Notary);
    let request = RotateRequest {
        roles: vec![name],
        keys: match (at_server, stored.is_empty()) {
            (true, _) => NewKeys::Server,
            (_, true) => NewKeys::Made,
            (_, false) => NewKeys::Stored(stored),
        },
        threshold: None,
        legacy: legacy(call.number("legacy")),
        needed,
    };
    let opened = session.collection(&collection, Access::All)?;
    let shared = opened.collection();
    let rotated = wait_for(async { Ok(shared.rotate(&request, &keys, &mut passphrases).await) })?;
    let rotated = rotated.map_err(|error| match at_server && is_journey(&error) {
        // It is asked for its key before anything else.
        true => Stop::from(error).at(&format!("{role} key")).about("unable to rotate remote key: "),
        false => Stop::from(error).at("POST metadata endpoint"),
    })?;
    if let Some((_, error)) = rotated.left.into_iter().next() {
        return Err(docker::Error::from(error).into());
    }
    session.say(&format!("Successfully rotated {role} key for repository {gun}\n"));
    Ok(())
}

/// Whether the server was not heard, or answered something else than a judgement.
fn is_journey(error: &docker::Error) -> bool {
    let docker::Error::Client(client::Error::Net(error)) = error else { return false };
    !matches!(error, net::Error::Refused { .. })
}

/// Which keys can be where, in the words of the original.
fn top_level_role(text: &str, at_server: bool) -> Result<RoleName, Stop> {
    let role = text.parse::<RoleName>().ok().filter(|role| role.parent().is_none());
    let refuse = |words: String| Err(Stop::fatal(words));
    match (role, at_server) {
        (Some(RoleName::Root | RoleName::Targets), true) => {
            refuse(format!("notary does not permit the server managing the {text} key"))
        }
        (Some(RoleName::Timestamp), false) => {
            refuse(format!("notary does not permit the client managing the {text} key"))
        }
        (Some(role), _) => Ok(role),
        (None, _) => refuse(format!("notary does not currently permit rotating the {text} key")),
    }
}

fn root_is_meant(session: &Session) -> bool {
    session.say(
        "Warning: you are about to rotate your root key.\n\n\
         You must use your old key to sign this root rotation.\n\
         Are you sure you want to proceed?  (yes/no)  ",
    );
    let meant = confirmed();
    if !meant {
        session.say("\nAborting action.\n");
    }
    meant
}

fn legacy(count: i64) -> Legacy {
    match u32::try_from(count) {
        Ok(0) => Legacy::No,
        Ok(count) => Legacy::Last(count),
        Err(_) => Legacy::All,
    }
}
