//! What Docker means by trust: tags, signers, pins, and the engine that pulls.

pub mod engine;
pub mod pins;
