//! Tells HTTP/2 with prior knowledge from HTTP/1.1 on a plain connection, by its first bytes,
//! which stay unread.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// RFC 9113 3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Between two looks at a preface that arrives in pieces. The socket stays readable meanwhile, so
/// readiness cannot tell of more; such clients are rare, and the wait doubles up to the second.
const LOOK: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(32);

/// True for HTTP/2. False as soon as one byte differs, and for a client that sends nothing more.
pub async fn preface(stream: &TcpStream) -> io::Result<bool> {
    let mut buffer = [0; PREFACE.len()];
    let mut wait = LOOK;
    loop {
        let count = stream.peek(&mut buffer).await?;
        if count == 0 {
            return Ok(false);
        }
        if let Some(decided) = decide(&buffer[..count]) {
            return Ok(decided);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LOOK_MAX);
    }
}

fn decide(start: &[u8]) -> Option<bool> {
    if start == PREFACE {
        Some(true)
    } else if PREFACE.starts_with(start) {
        None
    } else {
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_first_byte_that_differs_decides() {
        assert_eq!(decide(b"G"), Some(false));
        assert_eq!(decide(b"P"), None);
        assert_eq!(decide(b"PO"), Some(false));
        assert_eq!(decide(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
        assert_eq!(decide(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"), Some(false));
        assert_eq!(decide(PREFACE), Some(true));
    }

    #[tokio::test]
    async fn a_preface_in_pieces_is_recognised_and_left_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        client.set_nodelay(true).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let (sent, found) = tokio::join!(
            async {
                for byte in PREFACE {
                    client.write_all(&[*byte]).await?;
                    tokio::task::yield_now().await;
                }
                client.write_all(b"more").await
            },
            preface(&server)
        );
        sent.unwrap();
        assert!(found.unwrap());
        let mut read = vec![0; 28];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read[..24], PREFACE);
        assert_eq!(&read[24..], b"more");
    }
}
