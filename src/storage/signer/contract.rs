//! What the table must do in every database.

use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::{SignerKey, SignerTable};
use crate::storage::database::{Kind, TestDatabase};
use crate::storage::metadata::Address;
use crate::tuf::{Gun, KeyId, RoleName};

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_the_signer_s_contract() {
    let database = TestDatabase::start(Kind::Postgres);
    keeps_the_contract(&database, "postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_the_signer_s_contract() {
    let database = TestDatabase::start(Kind::MariaDb);
    keeps_the_contract(&database, "mariadb").await;
}

async fn keeps_the_contract(database: &TestDatabase, name: &str) {
    let table = opened(database.variable("SIGNER_URL")).await;
    let shape = database.shape("notarysigner", &["private_keys"]);
    let vector = format!("{}/tests/vectors/sql/{name}-signer.sql", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(shape, std::fs::read_to_string(&vector).expect("a vector"), "{vector}");
    drop(opened(database.variable("SIGNER_URL")).await);

    let (gun, role) = (Gun::raw("a/b").expect("a name"), RoleName::Timestamp);
    let unused = async |gun: &Gun, role: &RoleName, algorithm: &str| {
        table.unused(gun, role, algorithm).await.expect("answered")
    };
    assert_eq!(unused(&gun, &role, "ecdsa").await, None);
    let (first, second) = (key("1"), key("2"));
    table.add(&second, at(1)).await.expect("added");
    table.add(&first, at(2)).await.expect("added");
    assert_eq!(unused(&gun, &role, "ecdsa").await, Some(first.clone()), "the first by id");
    assert_eq!(unused(&gun, &role, "ed25519").await, None);
    assert_eq!(unused(&gun, &RoleName::Snapshot, "ecdsa").await, None);
    assert_eq!(unused(&Gun::raw("A/b").expect("a name"), &role, "ecdsa").await, None);

    table.used(&first.id, at(3)).await.expect("noted");
    assert_eq!(unused(&gun, &role, "ecdsa").await, Some(second.clone()));
    let found = table.find(&[first.id, second.id, id("3")]).await.expect("answered");
    assert_eq!(found, [SignerKey { is_used: true, ..first.clone() }, second.clone()]);
    assert!(table.find(&[]).await.expect("answered").is_empty());
    let many = ["3", "4", "5", "6", "7", "8"].map(id).into_iter().chain([second.id]);
    let many: Vec<KeyId> = many.collect();
    assert_eq!(table.find(&many).await.expect("answered"), std::slice::from_ref(&second));
    let columns = "encryption_alg, keywrap_alg, last_used";
    let row = database.sql(
        "notarysigner",
        &format!("SELECT {columns} FROM private_keys WHERE key_id = '{}'", first.id),
    );
    assert_eq!(row.trim(), "A256GCM\tPBES2-HS256+A128KW\t1970-01-01 00:00:03");

    let aliases = table.aliases().await.expect("answered");
    assert_eq!(
        aliases.iter().map(|(key, count)| (key.alias.as_str(), *count)).collect::<Vec<_>>(),
        [("alias", 2)]
    );
    let deleted =
        format!("UPDATE private_keys SET deleted_at = '2026-01-01' WHERE key_id = '{}'", second.id);
    database.sql("notarysigner", &deleted);
    assert_eq!(
        unused(&gun, &role, "ecdsa").await,
        None,
        "a row that was deleted softly is not there"
    );
    assert_eq!(table.find(&[second.id]).await.expect("answered"), []);
}

async fn opened(url: &str) -> Arc<dyn SignerTable> {
    let address: Address = url.parse().expect("an address");
    super::open(&address).await.expect("opened")
}

fn key(digit: &str) -> SignerKey {
    SignerKey {
        id: id(digit),
        gun: "a/b".to_owned(),
        role: "timestamp".to_owned(),
        algorithm: "ecdsa".to_owned(),
        alias: "alias".to_owned(),
        public: vec![1, 0, 255],
        private: format!("sealed.{digit}"),
        is_used: false,
    }
}

fn id(digit: &str) -> KeyId {
    digit.repeat(64).parse().expect("an id")
}

fn at(second: i64) -> Instant {
    Instant::from_second(second).expect("a time")
}
