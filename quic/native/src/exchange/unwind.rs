//! Keeps a defect in the engine within the exchange that met it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a future; a panic in it is an error with the panic's message.
///
/// What the future borrowed may be in any state afterwards (hence `AssertUnwindSafe`); the caller
/// only resets the two halves and drops them.
pub async fn guarded<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "panic".to_owned()))),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let outcome = guarded(async { panic!("defect {}", 7) }).await;
        assert_eq!(outcome, Err::<(), _>("defect 7".to_owned()));
        assert_eq!(guarded(async { 3 }).await, Ok(3));
    }
}
