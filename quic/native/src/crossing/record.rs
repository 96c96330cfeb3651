//! The record that every exchange leaves, however it ends.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::encode;
use crate::fault::Fault;

pub struct Record {
    pub id: u64,
    pub connection: u64,
    pub listener: u32,
    pub upstream: u32,
    pub protocol_in: u8,
    pub protocol_out: u8,
    pub status: u16,
    pub bytes_in: u64,
    pub bytes_out: u64,
    accepted: SystemTime,
    began: Instant,
    pub decided: Option<Instant>,
    pub connected: Option<Instant>,
    pub first_byte: Option<Instant>,
    pub attempts: u16,
    pub reused: bool,
    pub fault: Option<Fault>,
    pub upstream_address: Option<SocketAddr>,
}

impl Record {
    pub fn new(id: u64, connection: u64, listener: u32, protocol: u8) -> Self {
        Self {
            id,
            connection,
            listener,
            upstream: 0,
            protocol_in: protocol,
            protocol_out: 0,
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            accepted: SystemTime::now(),
            began: Instant::now(),
            decided: None,
            connected: None,
            first_byte: None,
            attempts: 0,
            reused: false,
            fault: None,
            upstream_address: None,
        }
    }

    /// The first fault is the cause; later ones follow from it.
    pub fn fail(&mut self, fault: Fault) {
        if self.fault.is_none() {
            self.fault = Some(fault);
        }
    }

    fn since(&self, at: Option<Instant>) -> f64 {
        at.map_or(-1.0, |at| {
            at.saturating_duration_since(self.began).as_secs_f64() * 1e3
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let accepted = self
            .accepted
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64() * 1e3);
        let end = Some(Instant::now());
        let (code, detail, wire) = match &self.fault {
            Some(fault) => (fault.code.code, fault.detail.clone(), fault.wire),
            None => ("", Cow::Borrowed(""), None),
        };
        encode::message(out, encode::RECORD, self.id, |writer| {
            writer.f64(self.connection as f64);
            writer.u32(self.listener);
            writer.u32(self.upstream);
            writer.u8(self.protocol_in);
            writer.u8(self.protocol_out);
            writer.u16(self.status);
            writer.f64(self.bytes_in as f64);
            writer.f64(self.bytes_out as f64);
            writer.f64(accepted);
            writer.f64(self.since(self.decided));
            writer.f64(self.since(self.connected));
            writer.f64(self.since(self.first_byte));
            writer.f64(self.since(end));
            writer.u16(self.attempts);
            writer.u8(u8::from(self.reused));
            writer.bytes(code.as_bytes());
            writer.bytes(detail.as_bytes());
            writer.length(wire);
            match self.upstream_address {
                Some(address) => writer.bytes(address.to_string().as_bytes()),
                None => writer.bytes(b""),
            }
        });
    }
}
