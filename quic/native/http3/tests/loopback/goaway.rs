//! Connections that go away, on both sides.

use std::time::Duration;

use bytes::Bytes;
use harmony_http3::server::Connection;
use harmony_http3::{Code, Config, client};
use harmony_stream::{Kind, Transmit};

use crate::support::*;

#[tokio::test]
async fn rfc9114_5_2_late_requests_are_rejected_and_others_finish() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server.clone(), Config::default())
        .await
        .unwrap();
    let get = request("GET", &[]);
    let (_send, mut recv) = bi(&pair.client, &get).await;
    let (_, _body, mut respond) = accepted(&mut connection).await;

    connection.shutdown();
    connection.shutdown();
    let accepting = tokio::spawn(async move {
        let none = connection.accept().await.unwrap().is_none();
        (none, connection)
    });
    let mut control = within(pair.client.accept_uni()).await.unwrap();
    let mut bytes = [0; 13];
    within(control.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[10..], &[7, 1, 4], "goaway with the next id");

    let (late, mut late_recv) = bi(&pair.client, &get).await;
    assert_eq!(reset_code(&mut late_recv).await, Code::REQUEST_REJECTED);
    assert_eq!(stop_code(&late).await, Code::REQUEST_REJECTED);

    let (parts, ()) = http::Response::new(()).into_parts();
    respond.send_head(&parts, false).unwrap();
    write(&mut respond, Bytes::from_static(b"done"))
        .await
        .unwrap();
    assert!(!accepting.is_finished());
    finish(&mut respond).await.unwrap();
    drop((respond, _body));
    assert_eq!(answer(&mut recv).await, (200, b"done".to_vec()));
    let (none, connection) = within(accepting).await.unwrap();
    assert!(none);
    assert!(pair.client.close_reason().is_none());
    drop(connection);
    assert_eq!(close_code(&pair.client).await, Code::NO_ERROR);
}

#[tokio::test]
async fn a_drained_connection_has_delivered_its_answers() {
    // The client's window lets 64 KiB through at a time, and it reads late.
    let mut slow = quinn::TransportConfig::default();
    slow.stream_receive_window(65_536u32.into());
    let pair = pair_with(quinn::TransportConfig::default(), slow).await;
    let mut connection = Connection::new(pair.server.clone(), Config::default())
        .await
        .unwrap();
    let (_send, mut recv) = bi(&pair.client, &request("GET", &[])).await;
    let (_, body, mut respond) = accepted(&mut connection).await;
    let (parts, ()) = http::Response::new(()).into_parts();
    respond.send_head(&parts, false).unwrap();
    respond.send_data(Bytes::from(vec![5; 60_000])).unwrap();
    finish(&mut respond).await.unwrap();
    drop((respond, body));

    connection.shutdown();
    let draining = tokio::spawn(async move {
        assert!(connection.accept().await.unwrap().is_none());
    });
    assert_eq!(answer(&mut recv).await.1.len(), 60_000);
    within(draining).await.unwrap();
}

#[tokio::test]
async fn an_idle_client_leaves_when_the_server_goes_away() {
    let pair = pair().await;
    let mut connection = Connection::new(pair.server.clone(), Config::default())
        .await
        .unwrap();
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    let driving = tokio::spawn(driver);
    connection.shutdown();
    assert!(within(connection.accept()).await.unwrap().is_none());
    let end = within(driving).await.unwrap();
    assert!(end.is_clean(), "{end}");
    assert!(!requester.is_open());
    assert_eq!(requester.open().await.err().unwrap().kind, Kind::Refused);
}

/// A raw server's control stream, and our client.
async fn raw() -> (
    Pair,
    quinn::SendStream,
    client::Requester,
    tokio::task::JoinHandle<harmony_http3::ConnectionError>,
) {
    let pair = pair().await;
    let control = uni(&pair.server, &[0, 4, 0]).await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    let driving = tokio::spawn(driver);
    within(requester.settings()).await.unwrap();
    (pair, control, requester, driving)
}

fn get() -> http::request::Parts {
    http::Request::get("https://localhost/")
        .body(())
        .unwrap()
        .into_parts()
        .0
}

#[tokio::test]
async fn rfc9114_5_2_requests_from_the_id_on_are_refused_though_nobody_resets_them() {
    let (pair, mut control, requester, driving) = raw().await;
    let first = requester.open().await.unwrap();
    assert_eq!(first.id(), 0);
    let (_send, mut response_0) = first.send(&get(), true).unwrap();
    let (mut send_4, mut response_4) = requester.open().await.unwrap().send(&get(), true).unwrap();
    let unsent = requester.open().await.unwrap();
    let (mut raw_send, _raw_recv) = within(pair.server.accept_bi()).await.unwrap();

    let waiting = tokio::spawn(async move { head(&mut response_4).await });
    control.write_all(&[7, 1, 4]).await.unwrap();
    assert_eq!(
        within(waiting).await.unwrap().unwrap_err().kind,
        Kind::Refused
    );
    finish(&mut send_4).await.unwrap();
    assert!(!requester.is_open());
    assert_eq!(requester.open().await.err().unwrap().kind, Kind::Refused);
    assert_eq!(unsent.send(&get(), true).err().unwrap().kind, Kind::Refused);

    raw_send.write_all(&response("200", &[])).await.unwrap();
    raw_send.write_all(&framed(0, b"last")).await.unwrap();
    raw_send.finish().unwrap();
    assert_eq!(head(&mut response_0).await.unwrap().status, 200);
    assert_eq!(content(&mut response_0).await.unwrap().0, b"last");
    assert!(!driving.is_finished());
    drop((_send, response_0, send_4));
    assert_eq!(close_code(&pair.server).await, Code::NO_ERROR);
    assert!(within(driving).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_request_that_waits_for_credit_is_refused_by_goaway() {
    let mut server = quinn::TransportConfig::default();
    server.max_concurrent_bidi_streams(1u32.into());
    let pair = pair_with(server, quinn::TransportConfig::default()).await;
    let mut control = uni(&pair.server, &[0, 4, 0]).await;
    let (requester, driver) = client::connect(pair.client.clone(), Config::default());
    tokio::spawn(driver);
    let _first = requester.open().await.unwrap();
    let clone = requester.clone();
    let waiting = tokio::spawn(async move { clone.open().await.err().map(|error| error.kind) });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!waiting.is_finished());
    control.write_all(&[7, 1, 4]).await.unwrap();
    assert_eq!(within(waiting).await.unwrap(), Some(Kind::Refused));
}

#[tokio::test]
async fn rfc9114_4_1_1_a_rejected_request_is_refused() {
    let (pair, _control, requester, _driving) = raw().await;
    let (_send, mut response) = requester.open().await.unwrap().send(&get(), true).unwrap();
    let (mut raw_send, _raw_recv) = within(pair.server.accept_bi()).await.unwrap();
    raw_send.reset(code(Code::REQUEST_REJECTED)).unwrap();
    let error = head(&mut response).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Refused, Some(0x10b)));
}

#[tokio::test]
async fn a_client_without_users_closes_its_connection() {
    let (pair, _control, requester, driving) = raw().await;
    let (send, response) = requester.open().await.unwrap().send(&get(), false).unwrap();
    drop(requester);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!driving.is_finished());
    drop((send, response));
    assert_eq!(close_code(&pair.server).await, Code::NO_ERROR);
    assert!(within(driving).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_request_in_time_or_late_is_answered_or_refused() {
    for _ in 0..20 {
        let pair = pair().await;
        let mut connection = Connection::new(pair.server.clone(), Config::default())
            .await
            .unwrap();
        let (requester, driver) = client::connect(pair.client.clone(), Config::default());
        tokio::spawn(driver);
        let serving = tokio::spawn(async move {
            let mut tasks = Vec::new();
            while let Some(incoming) = connection.accept().await.unwrap() {
                tasks.push(tokio::spawn(echo(incoming)));
                if tasks.len() == 5 {
                    connection.shutdown();
                }
            }
            tasks.len()
        });
        let mut asking = Vec::new();
        for _ in 0..20 {
            let requester = requester.clone();
            asking.push(tokio::spawn(async move {
                let (_send, mut response) = requester.open().await?.send(&get(), true)?;
                let status = head(&mut response).await?.status;
                content(&mut response).await?;
                Ok::<_, harmony_stream::StreamError>(status)
            }));
        }
        let mut answered = 0;
        for task in asking {
            match within(task).await.unwrap() {
                Ok(_) => answered += 1,
                Err(error) => assert_eq!(error.kind, Kind::Refused, "{error}"),
            }
        }
        assert_eq!(within(serving).await.unwrap(), answered);
    }
}
