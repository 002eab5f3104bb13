//! The way to a checksum database: through the first upstream that passes it on, else straight.
//!
//! Carries bytes only; what they prove is found out in [`crate::sumdb`].
//! Source: cmd/go, `modfetch`, `dbClient.initBase`; Go modules reference, "Checksum database".

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tlog::database::DatabaseKey;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::outside::{Answer, Call, Outside, OutsideError, find_retry_after};
use crate::refusal;
use crate::sumdb::transport::{DatabaseTransport, TransportError};
use crate::upstream::{DatabaseRoute, Upstreams};

/// How long the found way is kept. Upstreams begin or cease to pass a database on once in years.
const WAY_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Longest wait for one file of the database, all of which are small.
const FILE_WITHIN: Duration = Duration::from_secs(30);

/// Largest body of a refusal that is read for its text.
const REFUSAL_BODY_MAX: u64 = 16 * 1024;

/// The way to one checksum database.
#[derive(Debug)]
pub struct DatabaseWay {
    outside: Outside,
    /// Asked first; `None` where the key came with an address of its own.
    upstreams: Option<Upstreams>,
    name: String,
    direct: Url,
    found: Mutex<Option<(Way, Instant)>>,
}

/// The database's address is no URL that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is not an http or https address of a checksum database")]
pub struct BadDatabaseAddress {
    address: String,
}

#[derive(Clone, Debug)]
enum Way {
    Through(DatabaseRoute),
    Direct,
}

impl DatabaseWay {
    /// The way to the database of `key`. An address given with the key bypasses the upstreams. Opens nothing.
    ///
    /// The database's own address counts as configured: it is asked wherever it is.
    ///
    /// # Errors
    /// [`BadDatabaseAddress`].
    pub fn new(upstreams: &Upstreams, key: &DatabaseKey) -> Result<Self, BadDatabaseAddress> {
        let address = key.direct_url();
        let direct = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let direct = direct.ok_or(BadDatabaseAddress { address })?;
        let outside = upstreams.outside().clone();
        outside.trust(&direct);
        Ok(Self {
            upstreams: key.url().is_none().then(|| upstreams.clone()),
            name: key.name().to_owned(),
            found: Mutex::new(None),
            outside,
            direct,
        })
    }

    /// The way, found at most once at a time; those who come meanwhile wait for the same answer. A failure is not kept.
    async fn find(&self) -> Result<Way, TransportError> {
        let Some(upstreams) = &self.upstreams else {
            return Ok(Way::Direct);
        };
        let mut found = self.found.lock().await;
        if let Some((way, at)) = found.as_ref()
            && at.elapsed() < WAY_LIFETIME
        {
            return Ok(way.clone());
        }
        let route = upstreams.find_database(&self.name).await;
        let route = route.map_err(|error| TransportError::Unreachable { text: error.text })?;
        let way = route.map_or(Way::Direct, Way::Through);
        *found = Some((way.clone(), Instant::now()));
        Ok(way)
    }

    async fn open(&self, way: &Way, path: &str) -> Result<Answer, OutsideError> {
        let url = match way {
            Way::Through(route) => route.url_of(path),
            Way::Direct => below(&self.direct, path),
        };
        let credentials = match way {
            Way::Through(route) => route.remote().credentials(),
            Way::Direct => None,
        };
        let call = Call {
            url: &url,
            credentials,
            share: None,
            answer_within: FILE_WITHIN,
            whole_within: FILE_WITHIN,
        };
        self.outside.get(call).await
    }

    async fn refuse(&self, path: &str, answer: Answer) -> TransportError {
        if self.outside.is_own_loop(&answer) {
            // What we took for a way leads back here; the next file looks for another one.
            *self.found.lock().await = None;
        }
        let status = answer.status;
        let words = answer.status_words.clone();
        let whom = answer.site().to_string();
        let wait = find_retry_after(&answer.headers);
        let content_type = answer
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = answer.read(REFUSAL_BODY_MAX).await.unwrap_or_default();
        let text = refusal::find_text(content_type.as_deref(), &body);
        if matches!(status, 404 | 410) {
            let text = text.unwrap_or_else(|| format!("{whom} answered {words} for {path}"));
            return TransportError::NotFound { text };
        }
        let mut said = format!("{whom} answered {words} for {path}");
        if let Some(wait) = wait {
            said.push_str(&format!(", to be asked again in {} s", wait.as_secs()));
        }
        if let Some(text) = text {
            said.push_str(": ");
            said.push_str(&text);
        }
        TransportError::Unreachable {
            text: refusal::clean(&said),
        }
    }
}

#[async_trait]
impl DatabaseTransport for DatabaseWay {
    async fn get(&self, path: &str, limit_bytes: u64) -> Result<Bytes, TransportError> {
        if !is_plain_path(path) {
            let text = format!(
                "`{}` is no file of a checksum database",
                refusal::clean(path)
            );
            return Err(TransportError::NotFound { text });
        }
        let way = self.find().await?;
        let answer = self
            .open(&way, path)
            .await
            .map_err(|error| translate(&error, path))?;
        if answer.status != 200 {
            return Err(self.refuse(path, answer).await);
        }
        answer
            .check_plain()
            .map_err(|error| translate(&error, path))?;
        answer
            .read(limit_bytes)
            .await
            .map_err(|error| translate(&error, path))
    }
}

fn translate(error: &OutsideError, path: &str) -> TransportError {
    match error {
        OutsideError::TooLarge { .. } => TransportError::TooLarge,
        _ => TransportError::Unreachable {
            text: refusal::clean(&format!("{}, asked for {path}", error.explain())),
        },
    }
}

/// Whether a path stays below the database's address whoever reads it.
fn is_plain_path(path: &str) -> bool {
    let is_plain_element = |element: &str| !matches!(element, "" | "." | "..");
    let is_plain_byte =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'%');
    path.split('/').all(is_plain_element) && path.bytes().all(is_plain_byte)
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_the_database() {
        for path in [
            "latest",
            "lookup/github.com/!azure/sdk@v1.0.0+incompatible",
            "tile/8/0/x001/234.p/7",
            "tile/8/data/000",
        ] {
            assert!(is_plain_path(path), "{path}");
        }
        for path in [
            "",
            "/latest",
            "a//b",
            "../x",
            "lookup/../../x",
            "a/./b",
            "a?b",
            "a#b",
            "a%2e",
            "a\\b",
            "a b",
            "a\n",
            "é",
        ] {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    #[test]
    fn files_lie_below_the_address() {
        let base = Url::parse("https://sum.test/base/").unwrap();
        assert_eq!(
            below(&base, "lookup/a.test/!b@v1.0.0").as_str(),
            "https://sum.test/base/lookup/a.test/!b@v1.0.0"
        );
    }
}
