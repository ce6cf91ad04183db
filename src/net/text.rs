//! Words of servers, made fit for terminals and logs.

/// At most 512 characters on one line; whatever could move a cursor or turn a line is escaped.
pub(super) fn sanitised(text: &str) -> String {
    text.chars().take(MAX_CHARACTERS).map(|letter| if letter == '\n' { ' ' } else { letter }).fold(
        String::new(),
        |mut line, letter| {
            match letter {
                '"' | '\'' | '\\' => line.push(letter),
                _ => line.extend(letter.escape_debug()),
            }
            line
        },
    )
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
