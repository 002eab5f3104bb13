//! The TLS side of the way out: rustls over ring, the system's roots and those that the operator adds.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why the TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file of additional roots holds no usable certificate.
    #[error("{name} holds no certificate that can be used as a root")]
    NoCertificate {
        /// The file as the caller named it.
        name: String,
    },
    /// The cryptography does not support the protocol versions.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// PEM text with additional root certificates, and the name to call it in errors.
#[derive(Clone, Debug)]
pub struct ExtraRoots {
    /// Where it came from, usually a file's path.
    pub name: String,
    /// The PEM text.
    pub pem: Vec<u8>,
}

/// Bundles of root certificates where the usual systems keep them, the first that exists is taken.
///
/// The loader for the system's roots gives only what `SSL_CERT_FILE` names where that is set; roots that an operator
/// adds must not take away the system's, so the bundle is read by itself.
/// Source: Go, `crypto/x509`, `root_linux.go`.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Makes the client configuration: roots of the system plus `extra`, TLS 1.2 and 1.3, HTTP/2 preferred.
///
/// A certificate of the system that cannot be read is skipped; the others still work.
///
/// # Errors
/// [`TlsError::NoCertificate`] where an extra file gives none at all.
pub(super) fn configure(extra: &[ExtraRoots]) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let (found, _skipped) = roots.add_parsable_certificates(system_certificates());
    if found == 0 && extra.is_empty() {
        tracing::warn!("the system has no root certificates: no https server can be verified");
    }
    for file in extra {
        let certificates = CertificateDer::pem_slice_iter(&file.pem).filter_map(Result::ok);
        let (added, _skipped) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TlsError::NoCertificate {
                name: file.name.clone(),
            });
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Each root certificate of the system once, in no order.
fn system_certificates() -> HashSet<CertificateDer<'static>> {
    let bundle = SYSTEM_BUNDLES
        .iter()
        .map(Path::new)
        .find(|path| path.is_file());
    let mut found: HashSet<_> = rustls_native_certs::load_native_certs()
        .certs
        .into_iter()
        .collect();
    if let Some(bundle) = bundle {
        found.extend(rustls_native_certs::load_certs_from_paths(Some(bundle), None).certs);
    }
    found
}
