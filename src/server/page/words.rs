//! Times as people say them.

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;

/// `in 3 days`, `2 hours ago`.
pub(super) fn away(at: Instant, now: Instant) -> String {
    let seconds = at.as_second() - now.as_second();
    let told = span(seconds.unsigned_abs());
    match seconds {
        _ if told.is_empty() => "just now".to_owned(),
        0.. => format!("in {told}"),
        _ => format!("{told} ago"),
    }
}

/// `2026-03-01 12:00 UTC`.
pub(super) fn full(at: Instant) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-03-01`.
pub(super) fn day(at: Instant) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// How much it presses that something expires then; `soon` is in seconds.
pub(super) fn urgency(expires: Instant, now: Instant, soon: i64) -> &'static str {
    match expires.as_second() - now.as_second() {
        ..=0 => "expired",
        seconds if seconds < soon => "soon",
        _ => "fine",
    }
}

/// The largest unit of which there are at least two, or one.
fn span(seconds: u64) -> String {
    let units =
        [("year", 365 * DAY), ("month", 30 * DAY), ("day", DAY), ("hour", 3600), ("minute", 60)];
    let enough = |(_, size): &&(&str, u64)| seconds >= 2 * size;
    let unit = units.iter().find(enough).or_else(|| units.iter().find(|unit| seconds >= unit.1));
    match unit.map(|(name, size)| (name, seconds / size)) {
        None => String::new(),
        Some((name, 1)) => format!("1 {name}"),
        Some((name, count)) => format!("{count} {name}s"),
    }
}

/// One tag, or several.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", grouped(number)) }
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const DAY: u64 = 24 * 3600;
/// What a publisher signs and expires sooner is shown as pressing: 30 days.
pub(super) const SOON: i64 = 30 * 24 * 3600;
/// A timestamp lives 14 days and is signed again after half of them: one day is left for that.
pub(super) const RENEWED: i64 = 6 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_that_fit() {
        let at = |second| Instant::from_second(second).expect("a time");
        for (seconds, told) in [
            (0, "just now"),
            (59, "just now"),
            (60, "in 1 minute"),
            (-7_300, "2 hours ago"),
            (26 * 3600, "in 26 hours"),
            (13 * 86_400, "in 13 days"),
            (45 * 86_400, "in 45 days"),
            (-400 * 86_400, "13 months ago"),
            (3_650 * 86_400, "in 10 years"),
        ] {
            assert_eq!(away(at(1_000_000_000 + seconds), at(1_000_000_000)), told);
        }
        assert_eq!(urgency(at(5), at(5), SOON), "expired");
        assert_eq!(urgency(at(6), at(5), SOON), "soon");
        assert_eq!(urgency(at(40 * 86_400), at(5), SOON), "fine");
        assert_eq!(urgency(at(8 * 86_400), at(5), RENEWED), "fine");
        assert_eq!(urgency(at(5 * 86_400), at(5), RENEWED), "soon");
        assert_eq!(count(20_000, "tag"), "20,000 tags");
    }
}
