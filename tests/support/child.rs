//! Waiting for a process, but not for ever.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How it ended.
///
/// # Panics
///
/// If it does not end; it is killed then.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match child.try_wait().expect("a child") {
            Some(status) => return status,
            None if Instant::now() > end => {
                let _ = child.kill();
                panic!("it does not end");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
