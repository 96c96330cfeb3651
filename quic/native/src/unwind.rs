//! Keeps a defect in the engine within the exchange, the connection or the call that met it.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// Runs a future; a panic in it is an error with the panic's message.
///
/// What the future borrowed may be in any state afterwards (hence `AssertUnwindSafe`); the caller
/// only resets the two halves and drops them.
///
/// It takes the future pinned, since one that it owned would be stored twice.
pub fn guarded<F: Future>(
    mut future: Pin<&mut F>,
) -> impl Future<Output = Result<F::Output, String>> {
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(message(payload.as_ref()))),
        }
    })
}

/// What a panic said.
pub fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let outcome = guarded(pin!(async { panic!("defect {}", 7) })).await;
        assert_eq!(outcome, Err::<(), _>("defect 7".to_owned()));
        assert_eq!(guarded(pin!(async { 3 })).await, Ok(3));
    }
}
