//! Time for exchanges: one timer that is reused, and the `date` field.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use tokio::time::{Instant, Sleep, sleep_until};

/// One timer per exchange, made when first needed.
#[derive(Default)]
pub struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    pub fn set(&mut self, after: Duration) {
        let at = Instant::now() + after;
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.0 = Some(Box::pin(sleep_until(at))),
        }
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// The current `date` (RFC 9110 6.6.1), formatted once a second and thread.
pub fn date() -> HeaderValue {
    thread_local! {
        static CACHED: RefCell<(u64, HeaderValue)> =
            const { RefCell::new((0, HeaderValue::from_static(""))) };
    }
    let now = SystemTime::now();
    let second = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    CACHED.with_borrow_mut(|(at, value)| {
        if *at != second
            && let Ok(fresh) = HeaderValue::from_str(&httpdate::fmt_http_date(now))
        {
            *at = second;
            *value = fresh;
        }
        value.clone()
    })
}
