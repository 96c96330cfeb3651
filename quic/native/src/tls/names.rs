//! Which certificate a client gets, by the name it asks for (SNI, RFC 6066 3).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

#[derive(Debug)]
pub struct Names {
    /// Keyed by the name in lower case. Several keys for one name (RSA beside ECDSA) stay in the
    /// order in which they are configured.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// `*.example.com` under `example.com`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For a name that no certificate has, and for clients that name none.
    default: Vec<Arc<CertifiedKey>>,
}

impl Names {
    /// `identities` in configured order. The names are those of the subjectAltName extension
    /// alone: clients ignore the common name (RFC 9525 2).
    pub fn new(identities: Vec<CertifiedKey>) -> Self {
        let mut names = Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: Vec::new(),
        };
        for identity in identities {
            let identity = Arc::new(identity);
            for name in subject_names(&identity) {
                let (map, key) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent.to_owned()),
                    None => (&mut names.exact, name),
                };
                map.entry(key).or_default().push(identity.clone());
            }
            if names.default.is_empty() {
                names.default.push(identity);
            }
        }
        names
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let candidates = name
            .and_then(|name| self.named(&name.to_ascii_lowercase()))
            .unwrap_or(&self.default);
        candidates
            .iter()
            .find(|identity| identity.key.choose_scheme(schemes).is_some())
            .or(candidates.first())
            .cloned()
    }

    fn named(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.exact.get(name).or_else(|| {
            // RFC 9525 6.3: the wildcard stands for exactly one label, the leftmost.
            let (_, parent) = name.split_once('.')?;
            self.wildcard.get(parent)
        })
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}

fn subject_names(identity: &CertifiedKey) -> Vec<String> {
    // A leaf that webpki refuses (X.509 version 1, say) has no subjectAltName it could be found
    // by; it can still be the default.
    identity
        .end_entity_cert()
        .ok()
        .and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok())
        .map(|leaf| {
            leaf.valid_dns_names()
                .map(str::to_ascii_lowercase)
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::tls::{pem, provider};

    fn names(sets: &[&[&str]]) -> Names {
        let keys = sets.iter().map(|set| {
            let set: Vec<String> = set.iter().map(ToString::to_string).collect();
            let made = rcgen::generate_simple_self_signed(set).unwrap();
            let identity = crate::config::Identity {
                certificate: made.cert.pem(),
                key: made.signing_key.serialize_pem(),
            };
            pem::identity(&identity, &provider(), "identities[0]").unwrap()
        });
        Names::new(keys.collect())
    }

    /// The index of the identity that answers.
    fn chosen(names: &Names, all: &[&str], name: Option<&str>) -> usize {
        let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let found = names.choose(name, &schemes).unwrap();
        all.iter()
            .position(|own| {
                let own = names.choose(Some(own), &schemes).unwrap();
                Arc::ptr_eq(&own, &found)
            })
            .unwrap()
    }

    #[test]
    fn a_certificate_is_chosen_by_name_with_wildcards_and_in_any_case() {
        let names = names(&[
            &["first.test"],
            &["*.example.com", "example.com"],
            &["exact.example.com"],
        ]);
        let all = ["first.test", "example.com", "exact.example.com"];
        for (name, expected) in [
            (None, 0),
            (Some("unknown.test"), 0),
            (Some("FIRST.test"), 0),
            (Some("example.com"), 1),
            (Some("a.example.com"), 1),
            (Some("A.Example.COM"), 1),
            (Some("exact.example.com"), 2),
            // One label only, and never the bare parent of another wildcard.
            (Some("a.b.example.com"), 0),
            (Some("com"), 0),
            (Some(""), 0),
        ] {
            assert_eq!(chosen(&names, &all, name), expected, "{name:?}");
        }
    }

    #[test]
    fn of_two_keys_for_one_name_the_one_that_the_client_can_check_is_chosen() {
        let ecdsa = names(&[&["both.test"], &["both.test"]]);
        let ed25519 = {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            let cert = rcgen::CertificateParams::new(vec!["both.test".to_owned()])
                .unwrap()
                .self_signed(&key)
                .unwrap();
            let identity = crate::config::Identity {
                certificate: cert.pem(),
                key: key.serialize_pem(),
            };
            pem::identity(&identity, &provider(), "identities[1]").unwrap()
        };
        let first = ecdsa.default.first().unwrap().clone();
        let both = Names::new(vec![(*first).clone(), ed25519]);
        let of = |scheme| both.choose(Some("both.test"), &[scheme]).unwrap();
        let own = &both.exact["both.test"];
        assert!(Arc::ptr_eq(
            &of(SignatureScheme::ECDSA_NISTP256_SHA256),
            &own[0]
        ));
        assert!(Arc::ptr_eq(&of(SignatureScheme::ED25519), &own[1]));
        // No key fits: the first is offered, and the handshake fails with the client's own reason.
        assert!(Arc::ptr_eq(&of(SignatureScheme::RSA_PSS_SHA512), &own[0]));
    }
}
