//! TLS by certificate files that are read again when they change, so that a renewal needs no restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file is not PEM, or holds nothing of use.
    #[error("{path} holds no {wanted} in PEM form")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The key does not fit the certificate, or is of an unknown kind.
    #[error("the certificate of {path} cannot be used")]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// What the TLS library said.
        #[source]
        cause: rustls::Error,
    },
}

/// A certificate in two files, and what was last read of them.
#[derive(Debug)]
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    read_at: RwLock<Stamp>,
}

/// When the two files were last changed.
type Stamp = (Option<SystemTime>, Option<SystemTime>);

impl Certificate {
    /// Reads the files for the first time; here an error is fatal.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let stamp = stamp_of(certificate, key);
        let current = load(certificate, key, &provider)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider,
            current: RwLock::new(Arc::new(current)),
            read_at: RwLock::new(stamp),
        }))
    }

    /// The TLS side of a listener with this certificate. HTTP/2 is preferred.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let unusable = |cause| TlsError::Certificate {
            path: self.certificate.clone(),
            cause,
        };
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Reads the files again if they changed. What cannot be read leaves the old certificate in use: the two files are
    /// seldom written at the same moment. Gives whether there is a new one.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let stamp = stamp_of(&self.certificate, &self.key);
        if *self.read_at.read().unwrap_or_else(PoisonError::into_inner) == stamp {
            return Ok(false);
        }
        let renewed = load(&self.certificate, &self.key, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        *self.read_at.write().unwrap_or_else(PoisonError::into_inner) = stamp;
        Ok(true)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.current
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

fn stamp_of(certificate: &Path, key: &Path) -> Stamp {
    let changed = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    (changed(certificate), changed(key))
}

fn load(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let chain_pem = read(certificate)?;
    let key_pem = read(key)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if chain.is_empty() {
        return Err(TlsError::Pem {
            path: certificate.to_owned(),
            wanted: "certificate",
        });
    }
    let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| TlsError::Pem {
        path: key.to_owned(),
        wanted: "private key",
    })?;
    CertifiedKey::from_der(chain, private, provider).map_err(|cause| TlsError::Certificate {
        path: certificate.to_owned(),
        cause,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Read {
        path: path.to_owned(),
        cause,
    })
}
