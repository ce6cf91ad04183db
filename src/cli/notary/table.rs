//! Tables as Go's `text/tabwriter` lays them out for Notary: every cell but the last of a row is
//! padded to the widest of its column and four blanks (Notary 0.7 `cmd/notary/prettyprint.go`).

/// A heading, dashes below it, and rows.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let dashes = heading.map(|title| "-".repeat(title.len()));
    let heading = heading.map(str::to_owned);
    let all = || [&heading, &dashes].into_iter().chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default() + BETWEEN
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    all().map(|row| line(row, &widths)).collect()
}

/// The end of a text that is too long, behind dots.
pub(super) fn end_of(text: &str, width: usize) -> String {
    let length = text.chars().count();
    match length <= width {
        true => text.to_owned(),
        false => format!("...{}", text.chars().skip(length + 3 - width).collect::<String>()),
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let Some((last, padded)) = row.split_last() else { return String::new() };
    let cells = padded.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    format!("{}{last}\n", cells.collect::<String>())
}

const BETWEEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_last_cell_leaves_the_padding_of_the_one_before() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let text =
            table(["#", "ACTION", "PATH"], &[row(["0", "create", "h"]), row(["1", "x", ""])]);
        assert_eq!(
            text,
            "#    ACTION    PATH\n-    ------    ----\n0    create    h\n1    x         \n"
        );
    }

    #[test]
    fn long_names_lose_their_beginning() {
        let shown = end_of("docker.io/library/some-long-name", 25);
        assert_eq!(shown, "...library/some-long-name");
        assert_eq!(shown.len(), 25);
        assert_eq!(end_of("short", 25), "short");
    }
}
