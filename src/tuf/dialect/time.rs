//! Dates as Go writes and reads them (RFC 3339, up to nanoseconds, any offset), and as TUF 1.0
//! does.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±hh:mm)`; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    if !text.is_ascii() || text.len() > MAX_LENGTH {
        return None;
    }
    let (date, rest) = text.split_at_checked(19)?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?,
        None => ("0", rest),
    };
    let at = civil(date, nanoseconds(fraction)?)?;
    match seconds_east(offset)?.to_timestamp(at) {
        Ok(instant) => Some(instant),
        // The last day of 9999, which some write for "never", lies past the last instant we can
        // hold.
        Err(_) => (at.year() == 9999).then_some(Timestamp::MAX),
    }
}

/// Reads UTC as TUF 1.0 writes it, `YYYY-MM-DDTHH:MM:SSZ`; a fraction is let pass.
pub(super) fn parse_utc(text: &str) -> Option<Timestamp> {
    parse(text).filter(|_| text.ends_with('Z'))
}

/// Writes UTC in whole seconds, as TUF 1.0 wants it (TUF 1.0.34 §4.2.3).
pub(super) fn format_seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// Writes UTC with `Z` and no trailing zeros in the fraction, the form that Go's decode and encode
/// leaves alone.
pub(super) fn format(at: Timestamp) -> String {
    at.to_string()
}

fn civil(date: &str, nanosecond: i32) -> Option<DateTime> {
    let shape = b"0000-00-00T00:00:00";
    let fits = date.bytes().zip(shape).all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        mark => byte == *mark,
    });
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(number(from, to)?).ok();
    let year = number(0, 4)?;
    if !fits || year == 0 {
        return None;
    }
    DateTime::new(
        year,
        small(5, 7)?,
        small(8, 10)?,
        small(11, 13)?,
        small(14, 16)?,
        small(17, 19)?,
        nanosecond,
    )
    .ok()
}

/// The first nine digits of a fraction; more are cut off, as Go does.
fn nanoseconds(fraction: &str) -> Option<i32> {
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    if fraction.is_empty() { None } else { digits.parse().ok() }
}

fn seconds_east(offset: &str) -> Option<Offset> {
    if offset == "Z" {
        return Some(Offset::UTC);
    }
    let sign = match offset.as_bytes() {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let digits = |from: usize, to: usize| {
        offset.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok()
    };
    let (hours, minutes) = (digits(1, 3)?, digits(4, 6)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let east = SignedDuration::from_hours(hours).checked_add(SignedDuration::from_mins(minutes))?;
    let seconds = i32::try_from(east.as_secs()).ok()?;
    Offset::from_seconds(seconds.checked_mul(sign)?).ok()
}

const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuf1_dates_are_utc_in_seconds() {
        for (text, written) in [
            ("2026-12-05T21:18:54Z", "2026-12-05T21:18:54Z"),
            ("2026-12-05T21:18:54.999Z", "2026-12-05T21:18:54Z"),
        ] {
            assert_eq!(parse_utc(text).map(format_seconds).as_deref(), Some(written), "{text}");
        }
        for bad in ["2026-12-05T21:18:54+00:00", "2026-12-05T21:18:54", "2026-12-05"] {
            assert_eq!(parse_utc(bad), None, "{bad}");
        }
    }

    #[test]
    fn expiry_format_table() {
        for (text, utc) in [
            ("2026-12-05T21:18:54.634412777Z", "2026-12-05T21:18:54.634412777Z"),
            ("2036-11-18T16:19:53.685910656-05:00", "2036-11-18T21:19:53.685910656Z"),
            ("2026-12-05T21:18:54+02:00", "2026-12-05T19:18:54Z"),
            ("2026-12-05T21:18:54.100Z", "2026-12-05T21:18:54.1Z"),
            ("2026-12-05T21:18:54-23:59", "2026-12-06T21:17:54Z"),
            ("2026-12-05T21:18:54.1234567891Z", "2026-12-05T21:18:54.123456789Z"),
            ("9999-12-29T23:59:59Z", "9999-12-29T23:59:59Z"),
            ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.999999999Z"),
            ("9999-12-31T23:59:59-23:59", "9999-12-30T22:00:00.999999999Z"),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some(utc), "{text}");
        }
        for bad in [
            "2026-12-05T21:18:54",
            "2026-12-05t21:18:54Z",
            "2026-12-05T21:18:54z",
            "2026-12-05T24:00:00Z",
            "2026-12-05T21:18:60Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2026-12-05",
            "",
            "Z",
            " 2026-12-05T21:18:54Z",
            "2026-12-05 21:18:54Z",
            "2026-02-30T00:00:00Z",
            "2026-12-05T21:18:54.Z",
            "2026-12-05T21:18:54+24:00",
            "2026-12-05T21:18:54+0200",
            "2026-12-05T21:18:54,5Z",
            "+026-12-05T21:18:54Z",
            "2026-12-05T21:18:54é",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
