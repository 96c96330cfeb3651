//! RFC 8305 5: one address after the other with a short delay between, the next at once when one
//! fails, and the first connection wins. The same for TCP and for QUIC.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::fault::{self, Fault};

/// RFC 8305 8: recommended Connection Attempt Delay.
pub const DELAY: Duration = Duration::from_millis(250);

/// Each attempt must end by itself; `connect` bounds it.
pub async fn race<T, F>(
    addresses: &[SocketAddr],
    mut connect: impl FnMut(SocketAddr) -> F,
) -> Result<(T, SocketAddr), Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    if let [only] = addresses {
        return connect(*only).await.map(|made| (made, *only));
    }
    let mut rest = addresses.iter().copied();
    let mut running: Vec<(SocketAddr, Pin<Box<F>>)> = Vec::new();
    let mut worst: Option<Fault> = None;
    let mut timer = pin!(sleep(DELAY));
    let mut due = true;
    poll_fn(|cx| {
        loop {
            if due && let Some(address) = rest.next() {
                running.push((address, Box::pin(connect(address))));
                timer.as_mut().reset(Instant::now() + DELAY);
            }
            due = false;
            let mut at = 0;
            while let Some((address, attempt)) = running.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(made)) => return Poll::Ready(Ok((made, *address))),
                    Poll::Ready(Err(fault)) => {
                        drop(running.swap_remove(at));
                        due = true;
                        worst = Some(match worst.take() {
                            Some(other) => telling(other, fault),
                            None => fault,
                        });
                    }
                    Poll::Pending => at += 1,
                }
            }
            let more = rest.len() > 0;
            if running.is_empty() && !more {
                return Poll::Ready(Err(worst.take().unwrap_or_else(|| {
                    Fault::new(&fault::CONNECT_UNREACHABLE, "there is no address to try")
                })));
            }
            if more && (due || timer.as_mut().poll(cx).is_ready()) {
                due = true;
                continue;
            }
            return Poll::Pending;
        }
    })
    .await
}

/// Of two failures, the one that tells an operator more: what got further.
pub fn telling(one: Fault, other: Fault) -> Fault {
    if rank(&other) > rank(&one) {
        other
    } else {
        one
    }
}

fn rank(fault: &Fault) -> u8 {
    match fault.code.code {
        "tls/handshake" => 6,
        code if code.starts_with("tls/") => 7,
        "connect/closed" => 5,
        "connect/refused" => 4,
        "connect/timeout" => 3,
        "connect/unreachable" => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::RefCell;

    use super::*;

    fn list(n: u16) -> Vec<SocketAddr> {
        (1..=n)
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_one_delay() {
        let began = Instant::now();
        let won = race(&list(3), |address| async move {
            if address.port() < 3 {
                std::future::pending::<()>().await;
            }
            Ok(address.port())
        })
        .await
        .unwrap();
        assert_eq!((won.0, won.1.port()), (3, 3));
        assert_eq!(began.elapsed(), DELAY * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_starts_the_next_at_once() {
        let began = Instant::now();
        let won = race(&list(3), |address| async move {
            match address.port() {
                3 => Ok(3),
                _ => Err(Fault::new(&fault::CONNECT_REFUSED, "")),
            }
        })
        .await
        .unwrap();
        assert_eq!(won.0, 3);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_address_may_still_win_late() {
        let started = RefCell::new(Vec::new());
        let won = race(&list(2), |address| {
            started.borrow_mut().push(address.port());
            async move {
                sleep(Duration::from_millis(if address.port() == 1 {
                    300
                } else {
                    900
                }))
                .await;
                Ok(address.port())
            }
        })
        .await
        .unwrap();
        assert_eq!(won.0, 1);
        assert_eq!(*started.borrow(), [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_the_most_telling_one_is_reported() {
        let fault = race::<(), _>(&list(3), |address| async move {
            Err(match address.port() {
                1 => Fault::new(&fault::CONNECT_UNREACHABLE, ""),
                2 => Fault::new(&fault::CONNECT_REFUSED, ""),
                _ => Fault::new(&fault::CONNECT_TIMEOUT, ""),
            })
        })
        .await
        .unwrap_err();
        assert_eq!(fault.code.code, "connect/refused");
        let none = race::<(), std::future::Pending<_>>(&[], |_| std::future::pending()).await;
        assert!(none.is_err());
    }
}
