//! Names and hashes of passwords, as they stand in one state of the file that `htpasswd -B` writes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr as _;
use std::sync::{Mutex, PoisonError};

use bcrypt::HashParts;
use ring::hmac;
use ring::rand::SystemRandom;

/// Who is known.
pub(super) struct Users {
    hashes: HashMap<String, String>,
    /// The slowest of the hashes, for those who are not known.
    decoy: Option<String>,
    /// Passwords that were found right, as codes under a key that is made with each state.
    known: Mutex<HashMap<String, hmac::Tag>>,
    secret: hmac::Key,
}

impl Users {
    /// Reads lines of `name:hash`, with bcrypt hashes.
    ///
    /// # Errors
    ///
    /// Which line is wrong, and in what; never what stands there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(
                "is empty; where nobody is to have a password, a comment (#) says so".into()
            );
        }
        let mut hashes = HashMap::new();
        let lines = text.lines().map(str::trim).zip(1..);
        for (line, number) in lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')) {
            let (name, hash) = user(line).map_err(|problem| format!("line {number} {problem}"))?;
            match hashes.entry(name.to_owned()) {
                Entry::Vacant(place) => place.insert(hash.to_owned()),
                Entry::Occupied(_) => return Err(format!("line {number} repeats a name")),
            };
        }
        let secret = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let secret = secret.map_err(|_| "cannot be used: the system gives no random numbers")?;
        let decoy = hashes.values().max_by_key(|hash| cost(hash)).cloned();
        Ok(Self { hashes, decoy, known: Mutex::default(), secret })
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.hashes.contains_key(name)
    }

    /// Whether this password of that name was found right before.
    pub(super) fn remembers(&self, name: &str, password: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            |tag: &hmac::Tag| hmac::verify(&self.secret, password.as_bytes(), tag.as_ref()).is_ok();
        known.get(name).is_some_and(same)
    }

    /// Whether it is the password of that name. Slow on purpose; whoever is not known takes no less
    /// time than a wrong password.
    pub(super) fn check(&self, name: &str, password: &str) -> bool {
        let hash = self.hashes.get(name);
        let Some(compared) = hash.or(self.decoy.as_ref()) else { return false };
        let right = bcrypt::verify(password, compared).unwrap_or(false) && hash.is_some();
        if right {
            let code = hmac::sign(&self.secret, password.as_bytes());
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name.to_owned(), code);
        }
        right
    }
}

/// A line's name and hash.
fn user(line: &str) -> Result<(&str, &str), &'static str> {
    let (name, hash) = line.split_once(':').unwrap_or_default();
    match cost(hash) {
        _ if name.is_empty() => Err(NO_USER),
        None => Err(NO_USER),
        Some(cost) if cost > MAX_COST => {
            Err("has a hash that takes minutes to check (htpasswd -C)")
        }
        Some(_) => Ok((name, hash)),
    }
}

fn cost(hash: &str) -> Option<u32> {
    HashParts::from_str(hash).ok().map(|parts| parts.get_cost())
}

const NO_USER: &str = "is no `name:$2y$…` (htpasswd -B)";
/// The highest that `htpasswd` makes.
const MAX_COST: u32 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        let hash = bcrypt::hash("right", 4).expect("a hash");
        let users = Users::parse(&format!("# team\r\n\r\nalice:{hash}\r\n  bob:{hash}  \n"));
        let users = users.expect("a file");
        assert!(users.check("alice", "right") && users.check("bob", "right"));
        assert!(users.remembers("alice", "right") && !users.remembers("alice", "wrong"));
        assert!(!users.check("alice", "wrong") && !users.check("carol", "right"));
        assert!(!users.remembers("carol", "right"), "the decoy is nobody's password");
        assert!(!Users::parse("# nobody\n").expect("a file").check("alice", "right"));
        let slow = hash.replacen("$04$", "$31$", 1);
        for (text, problem) in [
            ("".to_owned(), "is empty"),
            (" \n".to_owned(), "is empty"),
            (format!("alice:{hash}\nbob\n"), "line 2 is no"),
            (format!("\n:{hash}\n"), "line 2 is no"),
            (format!("alice:{}\n", &hash[..59]), "line 1 is no"),
            (format!("alice:{hash}x\n"), "line 1 is no"),
            ("alice:{SHA}x\n".to_owned(), "line 1 is no"),
            ("alice:$2y$x\n".to_owned(), "line 1 is no"),
            (format!("alice:{hash}\nalice:{hash}\n"), "line 2 repeats"),
            (format!("alice:{slow}\n"), "line 1 has a hash that takes minutes"),
        ] {
            let told = Users::parse(&text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(told.starts_with(problem) && !told.contains(&hash[7..]), "{told}");
        }
    }
}
