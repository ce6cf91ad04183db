//! How many connections there is room for: each takes a descriptor, and a process has only so many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many descriptors as this process may have. How many of the connections asked for they are
/// enough for, and a word if those are fewer.
pub(in crate::cli) fn raised(connections: usize) -> (usize, Option<String>) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let Some(limit) = (if raised.is_ok() { maximum } else { current }) else {
        return (connections, None);
    };
    let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVE).max(1);
    let told = format!(
        "take {room} connections at once, and not {connections}: the limit of open files is {limit} (ulimit -Hn)"
    );
    (connections.min(room), (room < connections).then_some(told))
}

/// For databases, files that are read again, and what libraries open.
const RESERVE: usize = 100;
