//! Clients of HTTP, with TLS by rustls: whose certificates they believe, and why a call failed.

use reqwest::{Certificate, ClientBuilder};

use crate::ClientError;

/// Authorities whose certificates are believed, in the place of the system's.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// Reads certificates in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ClientError> {
        let malformed = |reason: String| ClientError::Malformed { reason };
        let certificates =
            Certificate::from_pem_bundle(pem).map_err(|error| malformed(format!("not PEM: {error}")))?;
        match certificates.is_empty() {
            true => Err(malformed("there is no certificate in it".to_owned())),
            false => Ok(Self(certificates)),
        }
    }
}

/// Begins a client for plain HTTP.
pub fn plain_http() -> ClientBuilder {
    // The system's authorities are not looked for: a machine may have none, and needs none for this.
    begun().tls_certs_only([])
}

/// Begins a client that believes these authorities' certificates, or those that the system believes.
pub fn secured_http(authorities: Option<&Authorities>) -> ClientBuilder {
    match authorities {
        Some(Authorities(certificates)) => begun().tls_certs_only(certificates.iter().cloned()),
        None => begun(),
    }
}

fn begun() -> ClientBuilder {
    // No client is made without a provider of cryptography. If there is one already, it serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// The innermost cause of a failed call: the outer ones repeat the URL.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for pem in ["", "not PEM at all", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let refused = Authorities::from_pem(pem.as_bytes()).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{pem}: {refused}");
        }
    }
}
