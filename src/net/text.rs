//! Words of others, made fit for terminals, logs and records.

/// At most 512 characters of a server's words on one line.
pub(super) fn sanitised(text: &str) -> String {
    let start = text.chars().take(MAX_CHARACTERS);
    let start = start.map(|letter| if letter == '\n' { ' ' } else { letter });
    on_one_line(&start.collect::<String>())
}

/// The same text; whatever could move a cursor, turn a line or hide is written as an escape.
pub(crate) fn on_one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, letter| {
        match letter {
            '"' | '\'' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
        line
    })
}

const MAX_CHARACTERS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidi_characters_are_escaped() {
        assert_eq!(
            sanitised("it's \"so\"\n\u{1b}[2J\u{202e}é"),
            "it's \"so\" \\u{1b}[2J\\u{202e}é"
        );
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(sanitised(&"x".repeat(10_000)).len(), MAX_CHARACTERS);
    }
}
