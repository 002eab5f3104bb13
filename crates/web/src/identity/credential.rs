//! What a request says about who sends it: a token in its `Authorization` header, however it is wrapped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::identity::secret::Secret;

/// Longest header value that is looked at, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// What a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// A text with the form of a token.
    Token(Secret),
    /// Something that no token of ours can be.
    Foreign,
}

impl Credential {
    /// Reads `Authorization: Bearer <token>`, and `Basic` with the token as the password or as the user: what go sends
    /// from a `.netrc`, from GOAUTH or for a user in the URL of GOPROXY.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Self::None;
        };
        let token = value
            .to_str()
            .ok()
            .filter(|value| values.next().is_none() && value.len() <= VALUE_BYTES_MAX)
            .and_then(read_value);
        token.map_or(Self::Foreign, Self::Token)
    }
}

fn read_value(value: &str) -> Option<Secret> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Secret::parse(rest);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Secret::parse(password).or_else(|| Secret::parse(user).filter(|_| password.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Credential {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Credential::read(&headers)
    }

    #[test]
    fn tokens_come_as_bearer_and_as_password() {
        let secret = Secret::random().unwrap();
        let text = secret.reveal();
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(read(&[]), Credential::None);
        for value in [
            format!("Bearer {text}"),
            format!("bearer  {text}"),
            basic(&format!("go:{text}")),
            basic(&format!(":{text}")),
            basic(&format!("{text}:")),
        ] {
            assert_eq!(
                read(&[&value]),
                Credential::Token(secret.clone()),
                "{value}"
            );
        }
        for value in [
            "Bearer".to_owned(),
            "Bearer x".to_owned(),
            text.to_owned(),
            format!("Digest {text}"),
            "Basic !!".to_owned(),
            basic(text),
            basic("user:password"),
            basic(&format!("{text}:password")),
            format!("Bearer {}", "x".repeat(5000)),
        ] {
            assert_eq!(read(&[&value]), Credential::Foreign, "{value}");
        }
        let value = format!("Bearer {text}");
        assert_eq!(read(&[&value, &value]), Credential::Foreign, "twice");
    }
}
