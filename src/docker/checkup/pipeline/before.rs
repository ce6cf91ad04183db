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

/// The words that `env -S` makes of its text, and how many after `env` give way to them.
pub(super) fn split_string(word: &str, rest: &[String]) -> Option<(usize, Vec<String>)> {
    let env = STARTERS.iter().find(|it| it.name == "env")?;
    if word.rsplit('/').next() != Some(env.name) {
        return None;
    }
    let mut count = 0;
    while let Some(option) = rest.get(count).filter(|it| it.starts_with('-')) {
        let next = rest.get(count + 1).map(String::as_str);
        match text_to_split(option, next) {
            Some((text, length)) => return Some((count + length, words_of(text))),
            None => count += 1 + usize::from(env.takes_next(option)),
        }
    }
    None
}

/// The text of `-S TEXT`, `-iSTEXT` or `--split-string=TEXT`, and how many words it takes.
fn text_to_split<'w>(option: &'w str, next: Option<&'w str>) -> Option<(&'w str, usize)> {
    let text = match option.strip_prefix("--") {
        Some(long) => long.strip_prefix("split-string")?.strip_prefix('=').unwrap_or_default(),
        None => {
            let (before, text) = option.strip_prefix('-')?.split_once('S')?;
            // What follows these is their value.
            if before.contains(['C', 'u']) {
                return None;
            }
            text
        }
    };
    if text.is_empty() { next.map(|next| (next, 2)) } else { Some((text, 1)) }
}

/// Words between blanks, quoted or not.
fn words_of(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
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
