//! Defects on demand. Compiled for tests alone: nothing of it is in a build that serves.
#![allow(clippy::panic)]

/// Panics when the request asks for a defect here, by its target.
pub fn hit(target: &str, point: &str) {
    if target.strip_prefix("/defect/") == Some(point) {
        panic!("a defect at {point}");
    }
}
