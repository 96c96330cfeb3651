//! PEM text into chains, keys and roots. Messages name the place and the kind of mistake, never
//! a byte of what was read: it may be a key in the wrong field.

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Identity;

/// A chain and its key, checked against each other.
///
/// `at` is the configuration key of the identity, for messages.
pub fn identity(
    options: &Identity,
    provider: &CryptoProvider,
    at: &str,
) -> Result<CertifiedKey, String> {
    let chain = certificates(&options.certificate, &format!("{at}.certificate"))?;
    let key = key(&options.key, &format!("{at}.key"))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
            "{at}.key does not belong to {at}.certificate: the first certificate must be the key's own"
        ),
        Error::InvalidCertificate(_) => {
            format!("{at}.certificate: the first certificate cannot be parsed")
        }
        _ => format!("{at}.key: must be an rsa, ecdsa or ed25519 key of a supported size"),
    })
}

pub fn certificates(text: &str, at: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| syntax(&error, at))?;
    if chain.is_empty() {
        return Err(format!("{at}: must hold at least one pem certificate"));
    }
    Ok(chain)
}

pub fn roots(text: &str, at: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates(text, at)?.into_iter().enumerate() {
        store
            .add(certificate)
            .map_err(|_| format!("{at}: certificate {index} of the bundle cannot be parsed"))?;
    }
    Ok(store)
}

fn key(text: &str, at: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound if text.contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            format!("{at}: is encrypted, must be given decrypted")
        }
        pem::Error::NoItemsFound => format!("{at}: must hold one pem private key"),
        error => syntax(&error, at),
    })
}

fn syntax(error: &pem::Error, at: &str) -> String {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end line",
        pem::Error::IllegalSectionStart { .. } => "a section's first line is malformed",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "is not pem text",
    };
    format!("{at}: {what}")
}
