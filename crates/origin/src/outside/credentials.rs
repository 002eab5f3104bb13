//! User and password for one site.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use url::Url;

/// User and password as the `Authorization` header carries them. Never shown, never sent to another site.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    header: HeaderValue,
}

impl Credentials {
    /// Takes user and password out of a URL, percent-decoded; `None` where it has none.
    pub fn take_from(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let user = decode_percent(url.username());
        let password = decode_percent(url.password().unwrap_or_default());
        // Neither can fail for a URL that had user information.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Self::new(&user, &password)
    }

    /// The credentials of a user. `None` only where no header can hold them, which base64 sees to.
    pub fn new(user: &[u8], password: &[u8]) -> Option<Self> {
        let pair = [user, b":", password].concat();
        let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        header.set_sensitive(true);
        Some(Self { header })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

fn decode_percent(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = text
            .get(at + 1..at + 3)
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match pair {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_leave_the_url() {
        let mut url = Url::parse("https://us%40er:p%3Ass%25@h.test/base").unwrap();
        let credentials = Credentials::take_from(&mut url).unwrap();
        assert_eq!(url.as_str(), "https://h.test/base");
        assert_eq!(
            credentials.header().to_str().unwrap(),
            format!("Basic {}", STANDARD.encode("us@er:p:ss%"))
        );
        assert!(!format!("{credentials:?}").contains("Basic"));
        assert!(Credentials::take_from(&mut url).is_none());
    }

    #[test]
    fn odd_percent_signs_stay() {
        assert_eq!(decode_percent("a%zz%4"), b"a%zz%4");
        assert_eq!(decode_percent("%41%+1"), b"A%+1");
    }
}
