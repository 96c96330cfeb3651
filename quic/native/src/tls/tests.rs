//! Handshakes between the two sides, in memory.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::client::{ClientIdentity, server_name};
use super::server::ServerIdentity;
use super::{H1, H2, Peer, fault};
use crate::config::{ClientCertificates, Identity, ServerTls, UpstreamTls};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Of two authorities with one name, the wrong one would be a bad signature instead of an
        // unknown issuer.
        let name = format!("{:?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    fn issue_with(&self, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        edit(&mut params);
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub fn trusted(&self) -> UpstreamTls {
        UpstreamTls {
            ca: Some(self.pem.clone()),
            ..UpstreamTls::default()
        }
    }
}

pub fn serving(identities: Vec<Identity>) -> ServerTls {
    ServerTls {
        identities,
        client_certificates: None,
        min_version: None,
    }
}

type Pair = (
    io::Result<server::TlsStream<DuplexStream>>,
    io::Result<client::TlsStream<DuplexStream>>,
);

async fn meet(
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
    host: &str,
) -> Pair {
    let (near, far) = tokio::io::duplex(65_536);
    let name = server_name(&UpstreamTls::default(), host).unwrap();
    tokio::join!(
        TlsAcceptor::from(server).accept(near),
        TlsConnector::from(client).connect(name, far)
    )
}

fn built(options: &ServerTls, alpn: &[&[u8]]) -> Arc<rustls::ServerConfig> {
    ServerIdentity::new(options, "tcp.tls")
        .and_then(|identity| identity.tcp(alpn))
        .unwrap()
}

fn connecting(options: &UpstreamTls, alpn: &[&[u8]]) -> Arc<rustls::ClientConfig> {
    ClientIdentity::new(options)
        .and_then(|identity| identity.tcp(alpn))
        .unwrap()
}

#[tokio::test]
async fn both_sides_agree_on_tls_1_3_with_a_post_quantum_key_exchange_and_alpn() {
    let ca = Authority::new();
    let server = built(&serving(vec![ca.issue(&["a.test"])]), &[H2, H1]);
    let client = connecting(&ca.trusted(), &[H1, H2]);
    let (server, client) = meet(server, client, "A.test").await;
    let (server, client) = (server.unwrap(), client.unwrap());
    let (_, connection) = client.get_ref();
    assert_eq!(
        connection.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    let peer = Peer::of_tls(server.get_ref().1);
    assert_eq!(peer.server_name.as_deref(), Some("a.test"));
    // The server's order decides.
    assert_eq!(peer.alpn.as_deref(), Some(H2));
    assert_eq!(peer.client_certificate, None);
}

#[tokio::test]
async fn the_minimum_version_is_kept() {
    let ca = Authority::new();
    let mut options = serving(vec![ca.issue(&["a.test"])]);
    let old = |options: &UpstreamTls| {
        let mut roots = rustls::RootCertStore::empty();
        for root in super::pem::certificates(options.ca.as_ref().unwrap(), "ca").unwrap() {
            roots.add(root).unwrap();
        }
        let config = rustls::ClientConfig::builder_with_provider(super::provider())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    };
    let (server, client) = meet(built(&options, &[H1]), old(&ca.trusted()), "a.test").await;
    assert!(server.is_ok() && client.is_ok());
    options.min_version = Some("1.3".into());
    let (server, client) = meet(built(&options, &[H1]), old(&ca.trusted()), "a.test").await;
    assert!(server.is_err() && client.is_err());
}

#[tokio::test]
async fn a_second_connection_resumes_and_sends_nothing_early() {
    let ca = Authority::new();
    let server = built(&serving(vec![ca.issue(&["a.test"])]), &[H1]);
    let client = connecting(&ca.trusted(), &[H1]);
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (near, far) = meet(server.clone(), client.clone(), "a.test").await;
        let (mut near, mut far) = (near.unwrap(), far.unwrap());
        assert_eq!(far.get_ref().1.handshake_kind(), Some(expected));
        assert!(!far.get_ref().1.is_early_data_accepted());
        // The ticket comes with the first bytes.
        near.write_all(b"x").await.unwrap();
        near.flush().await.unwrap();
        far.read_u8().await.unwrap();
    }
    // A swapped configuration knows nothing of the sessions of the old one.
    let other = built(&serving(vec![ca.issue(&["a.test"])]), &[H1]);
    let (_, client) = meet(other, client, "a.test").await;
    let kind = client.unwrap().get_ref().1.handshake_kind();
    assert_eq!(kind, Some(HandshakeKind::Full));
}

#[tokio::test]
async fn client_certificates_are_verified_and_handed_on() {
    let ca = Authority::new();
    let other = Authority::new();
    for (mode, shown, ok, code) in [
        ("required", Some(&ca), true, ""),
        ("required", None, false, "tls/client-certificate"),
        ("required", Some(&other), false, "tls/untrusted"),
        ("optional", None, true, ""),
        ("optional", Some(&ca), true, ""),
        ("optional", Some(&other), false, "tls/untrusted"),
    ] {
        let mut options = serving(vec![ca.issue(&["a.test"])]);
        options.client_certificates = Some(ClientCertificates {
            mode: mode.into(),
            ca: ca.pem.clone(),
        });
        let mut own = ca.trusted();
        own.client_certificate = shown.map(|authority| authority.issue(&["client.test"]));
        let (server, client) =
            meet(built(&options, &[H1]), connecting(&own, &[H1]), "a.test").await;
        match server {
            Ok(server) => {
                assert!(ok, "{mode}");
                let peer = Peer::of_tls(server.get_ref().1);
                assert_eq!(peer.client_certificate.is_some(), shown.is_some());
            }
            Err(error) => {
                assert!(!ok, "{mode}: {error}");
                assert_eq!(fault(&error).code, code);
                // In TLS 1.3 the client learns of it with its first read.
                let read = client.unwrap().read_u8().await.unwrap_err();
                assert_eq!(fault(&read).code, "tls/client-certificate", "{read}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_server_has_its_code() {
    let ca = Authority::new();
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let expired = ca.issue_with(&["a.test"], |params| {
        params.not_before = year(2001);
        params.not_after = year(2002);
    });
    let early = ca.issue_with(&["a.test"], |params| {
        params.not_before = year(2900);
        params.not_after = year(2901);
    });
    for (identity, alpn, code) in [
        (expired, H1, "tls/expired"),
        (early, H1, "tls/expired"),
        (ca.issue(&["b.test"]), H1, "tls/name-mismatch"),
        (Authority::new().issue(&["a.test"]), H1, "tls/untrusted"),
        (ca.issue(&["a.test"]), H2, "tls/alpn"),
    ] {
        let server = built(&serving(vec![identity]), &[alpn]);
        let client = connecting(&ca.trusted(), &[H1]);
        let (_, client) = meet(server, client, "a.test").await;
        let error = client.err().unwrap();
        assert_eq!(fault(&error).code, code, "{error}");
    }
}

#[test]
fn mistakes_are_named_without_a_byte_of_a_key() {
    let ca = Authority::new();
    let good = ca.issue(&["a.test"]);
    let with = |certificate: &str, key: &str| {
        serving(vec![
            good.clone(),
            Identity {
                certificate: certificate.into(),
                key: key.into(),
            },
        ])
    };
    let mut modes = serving(vec![good.clone()]);
    modes.client_certificates = Some(ClientCertificates {
        mode: "maybe".into(),
        ca: ca.pem.clone(),
    });
    let mut bundle = modes.clone();
    bundle.client_certificates = Some(ClientCertificates {
        mode: "required".into(),
        ca: String::new(),
    });
    let mut version = serving(vec![good.clone()]);
    version.min_version = Some("1.1".into());
    let garbled = good.key.replace("MIG", "M!G");
    for (options, start) in [
        (serving(Vec::new()), "tcp.tls.identities is empty"),
        (
            with("", &good.key),
            "tcp.tls.identities[1].certificate: must hold at least one pem certificate",
        ),
        (
            with(&good.certificate, ""),
            "tcp.tls.identities[1].key: must hold one pem private key",
        ),
        (
            with(&good.certificate, &ca.issue(&["a.test"]).key),
            "tcp.tls.identities[1].key does not belong to tcp.tls.identities[1].certificate",
        ),
        (
            with(&good.key, &good.key),
            "tcp.tls.identities[1].certificate: must hold at least one pem certificate",
        ),
        (
            with(&good.certificate, &garbled),
            "tcp.tls.identities[1].key: a section is not base64",
        ),
        (
            with(
                &good.certificate,
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            ),
            "tcp.tls.identities[1].key: is encrypted",
        ),
        (
            with(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                &good.key,
            ),
            "tcp.tls.identities[1].certificate: the first certificate cannot be parsed",
        ),
        (modes, "tcp.tls.clientCertificates.mode is \"maybe\""),
        (bundle, "tcp.tls.clientCertificates.ca: must hold"),
        (version, "tcp.tls.minVersion is \"1.1\""),
    ] {
        let error = ServerIdentity::new(&options, "tcp.tls").err().unwrap();
        assert!(error.starts_with(start), "{error}");
        for line in good.key.lines().filter(|line| !line.starts_with('-')) {
            assert!(!error.contains(line));
        }
    }
}

#[test]
fn an_upstream_must_trust_somebody() {
    let error_of = |options: &UpstreamTls| ClientIdentity::new(options).err().unwrap();
    let mut options = UpstreamTls {
        roots: Some("none".into()),
        ..UpstreamTls::default()
    };
    assert!(error_of(&options).starts_with("tls.roots is \"none\" and tls.ca is missing"));
    options.roots = Some("mine".into());
    assert!(error_of(&options).starts_with("tls.roots is \"mine\""));
    options = Authority::new().trusted();
    options.client_certificate = Some(Identity {
        certificate: String::new(),
        key: String::new(),
    });
    assert!(error_of(&options).starts_with("tls.clientCertificate.certificate: must hold"));
}

#[test]
fn the_name_to_verify_is_the_configured_one_or_the_host() {
    let mut options = UpstreamTls::default();
    let name =
        |options: &UpstreamTls, host| server_name(options, host).map(|n| n.to_str().into_owned());
    assert_eq!(name(&options, "a.test").as_deref(), Ok("a.test"));
    assert_eq!(name(&options, "[::1]").as_deref(), Ok("::1"));
    assert_eq!(name(&options, "192.0.2.1").as_deref(), Ok("192.0.2.1"));
    assert!(name(&options, "a b").unwrap_err().starts_with("origin is"));
    options.server_name = Some("b.test".into());
    assert_eq!(name(&options, "a.test").as_deref(), Ok("b.test"));
    options.server_name = Some("-".into());
    let error = name(&options, "a.test").unwrap_err();
    assert!(error.starts_with("tls.serverName is"), "{error}");
}

#[test]
fn quic_configurations_are_built_on_both_sides() {
    let ca = Authority::new();
    let mut options = serving(vec![ca.issue(&["a.test"])]);
    // The minimum for TCP says nothing about QUIC, which has TLS 1.3 only.
    options.min_version = Some("1.2".into());
    ServerIdentity::new(&options, "quic.tls")
        .and_then(|identity| identity.quic())
        .unwrap();
    ClientIdentity::new(&ca.trusted())
        .and_then(|identity| identity.quic())
        .unwrap();
}
