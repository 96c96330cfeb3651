//! Which code of the error table a failed handshake is.

use std::io;

use quinn::ConnectionError;
use rustls::{AlertDescription, CertificateError, Error};

use crate::fault::{self, Code};

/// RFC 9001 4.8: a TLS alert as a QUIC error code is 0x100 and the alert.
const CRYPTO: std::ops::Range<u64> = 0x100..0x200;

/// An error that a handshake can end with.
pub trait Classify {
    fn classify(&self) -> &'static Code;
}

/// The code for `error`, from the view of the side that met it.
pub fn fault<E: Classify + ?Sized>(error: &E) -> &'static Code {
    error.classify()
}

impl Classify for Error {
    fn classify(&self) -> &'static Code {
        match self {
            Error::InvalidCertificate(error) => certificate(error),
            // The peer did not show a certificate that we demand.
            Error::NoCertificatesPresented => &fault::TLS_CLIENT_CERTIFICATE,
            Error::NoApplicationProtocol => &fault::TLS_ALPN,
            Error::AlertReceived(alert) => received(*alert),
            _ => &fault::TLS_HANDSHAKE,
        }
    }
}

impl Classify for io::Error {
    fn classify(&self) -> &'static Code {
        if let Some(inner) = self.get_ref() {
            if let Some(error) = inner.downcast_ref::<Error>() {
                return error.classify();
            }
            if let Some(error) = inner.downcast_ref::<ConnectionError>() {
                return error.classify();
            }
        }
        match self.kind() {
            io::ErrorKind::ConnectionRefused => &fault::CONNECT_REFUSED,
            io::ErrorKind::TimedOut => &fault::CONNECT_TIMEOUT,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected => &fault::CONNECT_CLOSED,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied => &fault::CONNECT_UNREACHABLE,
            _ => &fault::TLS_HANDSHAKE,
        }
    }
}

impl Classify for ConnectionError {
    fn classify(&self) -> &'static Code {
        match self {
            ConnectionError::TransportError(error) => {
                let code = u64::from(error.code);
                if CRYPTO.contains(&code) {
                    raised((code & 0xff) as u8, &error.reason)
                } else if error.code == quinn::TransportErrorCode::CONNECTION_REFUSED {
                    &fault::CONNECT_REFUSED
                } else {
                    &fault::TLS_HANDSHAKE
                }
            }
            ConnectionError::ConnectionClosed(close) => {
                let code = u64::from(close.error_code);
                if CRYPTO.contains(&code) {
                    received(AlertDescription::from((code & 0xff) as u8))
                } else if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED {
                    &fault::CONNECT_REFUSED
                } else if close.error_code == quinn::TransportErrorCode::NO_ERROR {
                    &fault::CONNECT_CLOSED
                } else {
                    &fault::TLS_HANDSHAKE
                }
            }
            ConnectionError::ApplicationClosed(_)
            | ConnectionError::Reset
            | ConnectionError::LocallyClosed => &fault::CONNECT_CLOSED,
            ConnectionError::TimedOut => &fault::CONNECT_TIMEOUT,
            ConnectionError::VersionMismatch | ConnectionError::CidsExhausted => {
                &fault::TLS_HANDSHAKE
            }
        }
    }
}

fn certificate(error: &CertificateError) -> &'static Code {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
            &fault::TLS_EXPIRED
        }
        E::Revoked => &fault::TLS_REVOKED,
        E::NotValidForName | E::NotValidForNameContext { .. } => &fault::TLS_NAME_MISMATCH,
        // All others say that no chain of valid signatures leads to a root: unknown issuer, bad
        // signature, a leaf that is an authority, a purpose that is not allowed.
        _ => &fault::TLS_UNTRUSTED,
    }
}

/// An alert that the peer sent: what it says, it says about us.
fn received(alert: AlertDescription) -> &'static Code {
    use AlertDescription as A;
    match alert {
        A::NoApplicationProtocol => &fault::TLS_ALPN,
        A::CertificateRequired
        | A::NoCertificate
        | A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied => &fault::TLS_CLIENT_CERTIFICATE,
        _ => &fault::TLS_HANDSHAKE,
    }
}

/// An alert that our own TLS raised inside QUIC: it says something about the peer. quinn hands on
/// the alert and rustls's text, not rustls's error, and one alert stands for several errors; the
/// text tells these apart. The tests below make the texts with rustls itself.
fn raised(alert: u8, reason: &str) -> &'static Code {
    use AlertDescription as A;
    let about_certificate = reason.starts_with("invalid peer certificate");
    match A::from(alert) {
        A::NoApplicationProtocol => &fault::TLS_ALPN,
        A::CertificateRequired => &fault::TLS_CLIENT_CERTIFICATE,
        A::CertificateExpired if about_certificate => &fault::TLS_EXPIRED,
        A::CertificateRevoked if about_certificate => &fault::TLS_REVOKED,
        A::BadCertificate
            if about_certificate
                && (reason.contains("not valid for name")
                    || reason.contains("NotValidForName")) =>
        {
            &fault::TLS_NAME_MISMATCH
        }
        _ if about_certificate => &fault::TLS_UNTRUSTED,
        _ => &fault::TLS_HANDSHAKE,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls_pki_types::{ServerName, UnixTime};

    use super::*;

    fn cases() -> Vec<(Error, &'static str)> {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(2));
        let early = UnixTime::since_unix_epoch(Duration::from_secs(1));
        let bad = Error::InvalidCertificate;
        let mut cases = vec![
            (bad(CertificateError::UnknownIssuer), "tls/untrusted"),
            (bad(CertificateError::BadSignature), "tls/untrusted"),
            (bad(CertificateError::InvalidPurpose), "tls/untrusted"),
            (bad(CertificateError::BadEncoding), "tls/untrusted"),
            (bad(CertificateError::Expired), "tls/expired"),
            (
                bad(CertificateError::ExpiredContext {
                    time,
                    not_after: early,
                }),
                "tls/expired",
            ),
            (
                bad(CertificateError::NotValidYetContext {
                    time: early,
                    not_before: time,
                }),
                "tls/expired",
            ),
            (bad(CertificateError::Revoked), "tls/revoked"),
            (bad(CertificateError::NotValidForName), "tls/name-mismatch"),
            (Error::NoCertificatesPresented, "tls/client-certificate"),
            (Error::NoApplicationProtocol, "tls/alpn"),
            (Error::DecryptError, "tls/handshake"),
        ];
        if let Ok(expected) = ServerName::try_from("a.test") {
            cases.push((
                bad(CertificateError::NotValidForNameContext {
                    expected,
                    presented: vec!["b.test".into()],
                }),
                "tls/name-mismatch",
            ));
        }
        cases
    }

    #[test]
    fn each_failure_of_a_handshake_has_its_code() {
        for (error, code) in cases() {
            assert_eq!(fault(&error).code, code, "{error}");
            // As tokio-rustls hands it on.
            let wrapped = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!(fault(&wrapped).code, code, "{wrapped}");
        }
    }

    #[test]
    fn an_error_raised_inside_quic_has_the_same_code_as_over_tcp() {
        for (error, code) in cases() {
            let alert = match &error {
                Error::InvalidCertificate(error) => AlertDescription::from(error.clone()),
                Error::NoCertificatesPresented => AlertDescription::CertificateRequired,
                Error::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
                _ => AlertDescription::DecryptError,
            };
            let raised = raised_in_quic(alert, &error.to_string());
            assert_eq!(fault(&raised).code, code, "{error}");
        }
    }

    #[test]
    fn an_alert_of_the_peer_about_certificates_is_about_ours() {
        for alert in [
            AlertDescription::CertificateRequired,
            AlertDescription::BadCertificate,
            AlertDescription::UnknownCA,
            AlertDescription::CertificateExpired,
        ] {
            let error = Error::AlertReceived(alert);
            assert_eq!(fault(&error).code, "tls/client-certificate");
        }
        let none = Error::AlertReceived(AlertDescription::NoApplicationProtocol);
        assert_eq!(fault(&none).code, "tls/alpn");
        let failure = Error::AlertReceived(AlertDescription::HandshakeFailure);
        assert_eq!(fault(&failure).code, "tls/handshake");
    }

    #[test]
    fn failures_below_tls_keep_their_own_codes() {
        for (kind, code) in [
            (io::ErrorKind::ConnectionRefused, "connect/refused"),
            (io::ErrorKind::UnexpectedEof, "connect/closed"),
            (io::ErrorKind::TimedOut, "connect/timeout"),
            (io::ErrorKind::HostUnreachable, "connect/unreachable"),
        ] {
            assert_eq!(fault(&io::Error::from(kind)).code, code);
        }
        assert_eq!(fault(&ConnectionError::TimedOut).code, "connect/timeout");
        assert_eq!(fault(&ConnectionError::Reset).code, "connect/closed");
    }

    /// As quinn makes it of an error of rustls; its type has no public name.
    fn raised_in_quic(alert: AlertDescription, reason: &str) -> ConnectionError {
        let code = quinn::TransportErrorCode::crypto(u8::from(alert));
        let mut error = ConnectionError::TransportError(code.into());
        if let ConnectionError::TransportError(inner) = &mut error {
            inner.reason = reason.to_owned();
        }
        error
    }
}
