//! A client's connection, from its handshake to its end, in each protocol: takes requests off it
//! and runs an exchange for each.

pub mod http1;
pub mod http2;
pub mod http3;

use std::sync::Arc;

use crate::connection::Connection;
use crate::event::Event;
use crate::fault::Code;

/// A request whose head was refused before an exchange was made of it.
fn refused(
    connection: &Arc<Connection>,
    protocol: u8,
    status: u16,
    code: &'static Code,
    reason: &str,
) {
    let shared = &connection.shared;
    shared.stats.requests_refused.up();
    if !connection.listener.refusal_events.allows() {
        return;
    }
    shared.event(&Event::RequestRefused {
        listener: connection.listener.id,
        remote_address: connection.remote.ip().to_canonical().to_string(),
        protocol,
        status,
        code: code.code,
        reason: reason.to_owned(),
    });
}

/// A connection that ended because one side found fault with the other. One that is merely gone
/// is told by the records of its exchanges.
fn failed(
    connection: &Arc<Connection>,
    protocol: u8,
    code: &'static Code,
    wire_code: Option<u64>,
    reason: String,
) {
    let shared = &connection.shared;
    shared.stats.connection_failures.up();
    if connection.listener.failure_events.allows() {
        shared.event(&Event::ConnectionFailed {
            listener: connection.listener.id,
            remote_address: connection.remote.ip().to_canonical().to_string(),
            protocol,
            code: code.code,
            wire_code,
            reason,
        });
    }
}
