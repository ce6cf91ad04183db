//! Tables as docker lays them out: no lines, three blanks between the longest cells.

/// Rows under a heading; the last cell of a row is not padded.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let all = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| {
        let longest = all().map(|row| row[column].chars().count()).max().unwrap_or_default();
        (longest + BETWEEN).max(NARROWEST)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    all().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let Some((last, padded)) = row.split_last() else { return String::new() };
    let cells = padded.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    format!("{}{last}\n", cells.collect::<String>())
}

const BETWEEN: usize = 3;
const NARROWEST: usize = 10;
