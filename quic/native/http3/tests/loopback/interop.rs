//! Against the crate `h3`.

use bytes::{Buf, Bytes};
use harmony_http3::{Config, client};
use harmony_stream::Transmit;

use crate::support::*;

#[tokio::test]
async fn h3_client_asks_our_server() {
    let pair = serve(Config::default(), echo).await;
    let quic = h3_quinn::Connection::new(pair.client.clone());
    let (mut driver, mut requester) = within(h3::client::new(quic)).await.unwrap();
    let driving =
        tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
    for n in 0..3u8 {
        let request = http::Request::post("https://localhost/x?y")
            .header("user-agent", "h3")
            .header("x-number", u16::from(n))
            .body(())
            .unwrap();
        let mut stream = within(requester.send_request(request)).await.unwrap();
        stream
            .send_data(Bytes::from(vec![n; 100_000]))
            .await
            .unwrap();
        stream.finish().await.unwrap();
        let response = within(stream.recv_response()).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut got = 0;
        while let Some(mut data) = within(stream.recv_data()).await.unwrap() {
            got += data.remaining();
            assert!(
                data.copy_to_bytes(data.remaining())
                    .iter()
                    .all(|byte| *byte == n)
            );
        }
        assert_eq!(got, 100_000);
    }
    drop(requester);
    let _ = within(driving).await;
}

#[tokio::test]
async fn our_client_asks_an_h3_server() {
    let pair = pair().await;
    let quic = h3_quinn::Connection::new(pair.server.clone());
    let serving = tokio::spawn(async move {
        let mut connection = h3::server::Connection::<_, Bytes>::new(quic).await.unwrap();
        while let Ok(Some(resolver)) = connection.accept().await {
            let (request, mut stream) = resolver.resolve_request().await.unwrap();
            let mut sum = 0;
            while let Some(data) = stream.recv_data().await.unwrap() {
                sum += data.remaining();
            }
            let response = http::Response::builder()
                .header("x-path", request.uri().path())
                .body(())
                .unwrap();
            stream.send_response(response).await.unwrap();
            stream
                .send_data(Bytes::from(sum.to_string()))
                .await
                .unwrap();
            stream.finish().await.unwrap();
        }
    });
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    tokio::spawn(driver);
    let (parts, ()) = http::Request::post("https://localhost/path")
        .body(())
        .unwrap()
        .into_parts();
    let (mut send, mut recv) = requester.open().await.unwrap().send(&parts, false).unwrap();
    send.send_data(Bytes::from(vec![1; 50_000])).unwrap();
    finish(&mut send).await.unwrap();
    assert_eq!(head(&mut recv).await.unwrap().headers["x-path"], "/path");
    assert_eq!(content(&mut recv).await.unwrap().0, b"50000");
    drop((send, recv, requester));
    within(serving).await.unwrap();
}
