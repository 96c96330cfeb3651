//! Where an upstream's addresses come from, and in which order they are tried.

use std::net::{IpAddr, SocketAddr};

use tokio::time::{Instant, timeout_at};

use super::origin::Origin;
use crate::fault::{self, Fault};

/// Addresses tried for one connection; a name with more has its first ones tried.
const MOST: usize = 16;

pub async fn addresses(origin: &Origin, deadline: Instant) -> Result<Vec<SocketAddr>, Fault> {
    if !origin.addresses.is_empty() {
        return Ok(interleave(origin.addresses.iter().copied()));
    }
    if let Ok(address) = origin.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, origin.port)]);
    }
    let host = (origin.host.as_str(), origin.port);
    let found = match timeout_at(deadline, tokio::net::lookup_host(host)).await {
        Ok(Ok(found)) => interleave(found),
        Ok(Err(error)) => {
            return Err(Fault::new(
                &fault::CONNECT_DNS,
                format!("{}: {error}", origin.host),
            ));
        }
        Err(_) => {
            return Err(Fault::new(
                &fault::CONNECT_DNS,
                format!("{}: no answer in time", origin.host),
            ));
        }
    };
    if found.is_empty() {
        return Err(Fault::new(
            &fault::CONNECT_DNS,
            format!("{}: has no address", origin.host),
        ));
    }
    Ok(found)
}

/// RFC 8305 4: families in turn, beginning with that of the first address, so that a family that
/// is broken costs one delay and not one per address.
fn interleave(found: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut found = found.into_iter().peekable();
    let Some(first) = found.peek().copied() else {
        return Vec::new();
    };
    let (same, other): (Vec<_>, Vec<_>) =
        found.partition(|address| address.is_ipv6() == first.is_ipv6());
    let mut other = other.into_iter();
    let mut order: Vec<SocketAddr> = Vec::with_capacity(MOST);
    for address in same {
        order.push(address);
        order.extend(other.next());
    }
    order.extend(other);
    let mut seen = Vec::with_capacity(MOST);
    order.retain(|address| {
        let new = !seen.contains(address);
        seen.push(*address);
        new
    });
    order.truncate(MOST);
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(text: &[&str]) -> Vec<SocketAddr> {
        text.iter().map(|one| one.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        let found = list(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "[::1]:1"]);
        assert_eq!(
            interleave(found),
            list(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"])
        );
        let found = list(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(
            interleave(found),
            list(&["1.1.1.1:1", "[::1]:1", "[::2]:1"])
        );
        assert!(interleave([]).is_empty());
    }
}
