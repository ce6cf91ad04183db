//! What stands before a program: the shell's own words, and programs that start another one.

/// How many words after this one stand before a program, too; `None` if it is the program.
pub(super) fn passed_over(word: &str, rest: &[String]) -> Option<usize> {
    if is_keyword(word) {
        return Some(0);
    }
    let name = word.rsplit('/').next()?;
    let starter = STARTERS.iter().find(|it| it.name == name)?;
    let mut count = 0;
    while let Some(option) = rest.get(count).filter(|it| it.starts_with('-')) {
        count += 1 + usize::from(starter.takes_next(option));
        if option == "--" {
            break;
        }
    }
    Some((count + starter.operands).min(rest.len()))
}

/// A word of the shell's, after which a command begins.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// A program that starts another one.
struct Starter {
    name: &'static str,
    /// Its options with a value.
    letters: &'static str,
    long: &'static [&'static str],
    /// Words of its own before the program.
    operands: usize,
}

impl Starter {
    /// Whether the value of an option is the next word.
    fn takes_next(&self, option: &str) -> bool {
        if let Some(long) = option.strip_prefix("--") {
            return self.long.contains(&long);
        }
        // What follows such a letter is its value.
        let letters = option.trim_start_matches('-');
        let valued = letters.find(|letter| self.letters.contains(letter));
        valued.is_some_and(|at| at + 1 == letters.len())
    }
}

const KEYWORDS: [&str; 10] = ["if", "then", "elif", "else", "do", "while", "until", "!", "{", "}"];

const STARTERS: [Starter; 8] = [
    Starter {
        name: "sudo",
        letters: "CDghpRrTtUu",
        long: &[
            "chdir",
            "chroot",
            "close-from",
            "command-timeout",
            "group",
            "host",
            "other-user",
            "prompt",
            "role",
            "type",
            "user",
        ],
        operands: 0,
    },
    Starter { name: "env", letters: "Cu", long: &["chdir", "unset"], operands: 0 },
    Starter { name: "timeout", letters: "ks", long: &["kill-after", "signal"], operands: 1 },
    Starter { name: "nice", letters: "n", long: &["adjustment"], operands: 0 },
    Starter { name: "time", letters: "fo", long: &["format", "output"], operands: 0 },
    Starter { name: "exec", letters: "a", long: &[], operands: 0 },
    Starter { name: "command", letters: "", long: &[], operands: 0 },
    Starter { name: "nohup", letters: "", long: &[], operands: 0 },
];
