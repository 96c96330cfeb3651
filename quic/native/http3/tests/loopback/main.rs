//! Both sides over real QUIC on the loopback interface. Where a peer misbehaves, raw quinn
//! streams play it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cancel;
mod client;
mod exchange;
mod goaway;
mod interop;
mod server;
mod support;
