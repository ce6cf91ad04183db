//! What happened (Notary `server/handlers/changefeed.go`).

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde::Serialize;

use super::{Error, Inner, response};
use crate::storage::metadata::{Change, Event, Page};
use crate::tuf::Gun;

impl Inner {
    pub(super) async fn changefeed(
        &self,
        gun: Option<&Gun>,
        query: Option<&str>,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let changes = self.store.changes(gun, page(query.unwrap_or_default())?).await?;
        let records: Vec<_> = changes.iter().map(record).collect();
        let body = serde_json::to_vec(&Records { count: records.len(), records });
        Ok(response::json(body.map_err(|_| Error::Internal("a changefeed that is no JSON"))?))
    }
}

/// A negative number of records walks backwards, and so does a negative id, from the end.
fn page(query: &str) -> Result<Page, Error> {
    let parameter = |name: &str| {
        let mut parameters = url::form_urlencoded::parse(query.as_bytes()).take(MAX_PARAMETERS);
        parameters.find(|(found, _)| found == name).map(|(_, value)| value).unwrap_or_default()
    };
    let records = parameter("records");
    let records: i32 = records.parse().map_err(|_| Error::Request {
        problem: format!("invalid records parameter: parsing {records:?}: invalid syntax"),
    })?;
    let id = match &*parameter("change_id") {
        "" => 0,
        id => id
            .parse::<i64>()
            .map_err(|_| Error::Request { problem: "change_id is no number".to_owned() })?,
    };
    let limit = match usize::try_from(records.unsigned_abs()).unwrap_or(MAX_RECORDS) {
        0 => DEFAULT_RECORDS,
        limit => limit.min(MAX_RECORDS),
    };
    let from = u64::try_from(id).ok();
    Ok(match from {
        Some(id) if records >= 0 => Page::After { id, limit },
        from => Page::Before { id: from.filter(|id| *id > 0), limit },
    })
}

/// As Notary writes it, member by member: there are scripts that read it so.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'c> {
    #[serde(rename = "ID")]
    id: String,
    created_at: String,
    #[serde(rename = "GUN")]
    gun: &'c str,
    version: u64,
    #[serde(rename = "SHA256")]
    sha256: String,
    category: &'static str,
}

#[derive(Serialize)]
struct Records<'c> {
    count: usize,
    records: Vec<Record<'c>>,
}

fn record(change: &Change) -> Record<'_> {
    let (version, sha256, category) = match change.event {
        Event::Update { version, sha256 } => (version.number(), sha256.to_string(), "update"),
        Event::Deletion => (0, String::new(), "deletion"),
    };
    Record {
        id: change.id.to_string(),
        created_at: change.at.to_string(),
        gun: change.gun.as_ref(),
        version,
        sha256,
        category,
    }
}

const DEFAULT_RECORDS: usize = 100;
const MAX_RECORDS: usize = 1000;
const MAX_PARAMETERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_written_as_notary_writes_it() {
        let change = Change {
            id: 7,
            at: "2026-11-21T21:22:41.822326Z".parse().expect("a time"),
            gun: "a/b".to_owned(),
            event: Event::Deletion,
        };
        let records = Records { count: 1, records: vec![record(&change)] };
        assert_eq!(
            serde_json::to_string(&records).expect("JSON"),
            r#"{"count":1,"records":[{"ID":"7","CreatedAt":"2026-11-21T21:22:41.822326Z","GUN":"a/b","Version":0,"SHA256":"","Category":"deletion"}]}"#
        );
    }

    #[test]
    fn changefeed_bounds() {
        let after = |id, limit| Page::After { id, limit };
        let before = |id, limit| Page::Before { id, limit };
        for (query, expected) in [
            ("records=5", after(0, 5)),
            ("records=0", after(0, 100)),
            ("records=5&change_id=", after(0, 5)),
            ("records=%35&change_id=%37", after(7, 5)),
            ("records=5&records=6", after(0, 5)),
            ("change_id=7&records=5", after(7, 5)),
            ("records=1000000000", after(0, 1000)),
            ("records=-3", before(None, 3)),
            ("records=-3&change_id=7", before(Some(7), 3)),
            ("records=3&change_id=-1", before(None, 3)),
            ("records=-2147483648", before(None, 1000)),
        ] {
            assert_eq!(page(query).expect(query), expected, "{query}");
        }
        for bad in [
            "",
            "records=",
            "records=x",
            "records=1&change_id=x",
            "records=99999999999",
            "records=+5",
        ] {
            assert!(matches!(page(bad), Err(Error::Request { .. })), "{bad}");
        }
    }
}
