//! The one RSA key of the tests: making one takes too long.

use countersign::crypto::PrivateKey;

/// The key.
pub fn rsa_key() -> PrivateKey {
    const VECTORS: &str = include_str!("../../vectors/crypto/private.tsv");
    let rows = VECTORS.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let mut rsa = rows.filter(|row| row[0] == "RSA" && row[1] == "pkcs1");
    let digits = rsa.next().expect("a vector")[3];
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    let der: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    PrivateKey::from_pkcs1(&der).expect("an RSA key")
}
