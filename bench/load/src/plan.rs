//! What to ask for, how often at once and for how long: the command line.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Uri};
use rustls::ClientConfig;

use crate::{Error, tls};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    H1,
    H2,
    H3,
}

pub struct Plan {
    pub protocol: Protocol,
    pub uri: Uri,
    /// Name for the certificate and the authority.
    pub host: String,
    pub address: SocketAddr,
    pub method: Method,
    pub authorization: Option<String>,
    /// Bytes of request body, in `block` after `block`.
    pub body: u64,
    pub block: Bytes,
    pub status: u16,
    pub length: u64,
    pub sha256: Option<String>,
    pub connections: usize,
    /// Concurrent requests on each connection.
    pub streams: usize,
    pub threads: usize,
    pub warmup: Duration,
    pub time: Duration,
    pub tls: Option<Arc<ClientConfig>>,
}

impl Plan {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Error> {
        let mut flags = HashMap::new();
        while let Some(name) = args.next() {
            let value = args.next().ok_or(format!("{name} has no value"))?;
            flags.insert(name.trim_start_matches("--").to_owned(), value);
        }
        let protocol = match flags.get("protocol").map(String::as_str) {
            Some("h1") => Protocol::H1,
            Some("h2") => Protocol::H2,
            Some("h3") => Protocol::H3,
            _ => return Err("--protocol is h1, h2 or h3".into()),
        };
        let uri: Uri = flags.get("url").ok_or("--url is missing")?.parse()?;
        let secure = uri.scheme_str() == Some("https");
        let connections = number(&flags, "connections", 1)?;
        let streams = number(&flags, "streams", 1)?;
        if protocol == Protocol::H1 && streams != 1 {
            return Err("HTTP/1.1 has one request at a time on a connection".into());
        }
        Ok(Self {
            protocol,
            host: uri.host().ok_or("--url has no host")?.to_owned(),
            address: flags
                .get("connect")
                .ok_or("--connect is missing")?
                .parse()?,
            method: number(&flags, "method", Method::GET)?,
            authorization: flags.get("authorization").cloned(),
            body: number(&flags, "body", 0)?,
            block: Bytes::from((0..64 * 1024).map(|i| (i % 251) as u8).collect::<Vec<_>>()),
            status: number(&flags, "status", 200)?,
            length: number(&flags, "length", 0)?,
            sha256: flags.get("sha256").cloned(),
            connections,
            streams,
            threads: number(&flags, "threads", 2)?.min(connections),
            warmup: Duration::from_secs_f64(number(&flags, "warmup", 0.5)?),
            time: Duration::from_secs_f64(number(&flags, "seconds", 3.0)?),
            tls: if secure {
                let ca = flags.get("ca").ok_or("--ca is missing")?;
                Some(Arc::new(tls::config(ca, protocol)?))
            } else {
                None
            },
            uri,
        })
    }
}

fn number<T>(flags: &HashMap<String, String>, name: &str, otherwise: T) -> Result<T, Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(match flags.get(name) {
        Some(text) => text.parse()?,
        None => otherwise,
    })
}
