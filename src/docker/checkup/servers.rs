//! Trust servers that are known to go away, by what their operators announced.

use jiff::Timestamp as Instant;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::{Finding, Id, Severity};

/// What is to be said of a trust server, or of a registry that is one, by its host.
pub fn server_findings(host: &str, subject: &str, now: Instant) -> Option<Finding> {
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let ending = ENDINGS.iter().find(|ending| ending.covers(&host))?;
    let gone = now >= ending.at();
    let (severity, verb) = match gone {
        true => (Severity::Unverified, "was switched off on"),
        false => (Severity::Warning, "will be switched off on"),
    };
    let message = format!("the trust server {host} {verb} {}", ending.day);
    Some(Finding::new(
        Id::TrustServerEnds,
        severity,
        subject,
        message,
        "countersign serve, and move the trust data there while it is still served",
    ))
}

/// A server, or all below a domain, and the day on which it ends.
struct Ending {
    domain: &'static str,
    below: bool,
    day: Date,
}

impl Ending {
    fn covers(&self, host: &str) -> bool {
        match self.below {
            true => host.strip_suffix(self.domain).is_some_and(|rest| rest.ends_with('.')),
            false => host == self.domain,
        }
    }

    /// Midnight of that day, UTC.
    fn at(&self) -> Instant {
        let midnight = self.day.to_zoned(TimeZone::UTC);
        midnight.map_or(Instant::MAX, |zoned| zoned.timestamp())
    }
}

const ENDINGS: [Ending; 2] = [
    Ending { domain: "notary.docker.io", below: false, day: date(2026, 12, 8) },
    Ending { domain: "azurecr.io", below: true, day: date(2028, 3, 31) },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(host: &str, now: &str) -> Option<Severity> {
        let now = now.parse().expect("a time");
        server_findings(host, "x", now).map(|finding| finding.severity)
    }

    #[test]
    fn servers_that_end_are_named_until_and_after_their_day() {
        for (host, now, expected) in [
            ("notary.docker.io", "2026-12-07T23:59:59Z", Some(Severity::Warning)),
            ("notary.docker.io:443", "2026-12-08T00:00:00Z", Some(Severity::Unverified)),
            ("team.azurecr.io", "2026-12-08T00:00:00Z", Some(Severity::Warning)),
            ("TEAM.azurecr.io", "2028-04-01T00:00:00Z", Some(Severity::Unverified)),
            ("azurecr.io.example.com", "2028-04-01T00:00:00Z", None),
            ("evilazurecr.io", "2028-04-01T00:00:00Z", None),
            ("trust.example.com", "2030-01-01T00:00:00Z", None),
        ] {
            assert_eq!(severity(host, now), expected, "{host} at {now}");
        }
    }
}
