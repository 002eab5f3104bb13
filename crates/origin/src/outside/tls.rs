//! The TLS side of the way out: rustls over ring, the system's roots and those that the operator adds.

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

/// Makes the client configuration: roots of the system plus `extra`, TLS 1.2 and 1.3, HTTP/2 preferred.
///
/// A certificate of the system that cannot be read is skipped; the others still work.
///
/// # Errors
/// [`TlsError::NoCertificate`] where an extra file gives none at all.
pub(super) fn configure(extra: &[ExtraRoots]) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (found, _skipped) = roots.add_parsable_certificates(system.certs);
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
