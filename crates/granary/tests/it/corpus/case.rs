//! One case: what is sent, and what must come back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::rig::raw;

/// How long an answer may take where the case says nothing else.
const LIMIT: Duration = Duration::from_secs(2);

/// What a machine that does much else may take longer. It stands for no promise: a limit is there to find what hangs.
fn patience() -> Duration {
    match std::env::var("GRANARY_SOAK").as_deref() {
        Ok("1") => Duration::ZERO,
        _ => Duration::from_secs(8),
    }
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    request: Vec<u8>,
    /// Statuses with `|` between them; `4xx` is any that begins with 4.
    statuses: String,
    /// Words of the answer; all of it after a `=`.
    says: String,
    limit: Duration,
}

impl Case {
    /// A GET of a target.
    pub fn get(name: &str, target: &str, statuses: &str, says: &str) -> Self {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: granary\r\nConnection: close\r\n\r\n");
        Self::raw(name, request.into_bytes(), statuses, says)
    }

    /// Whatever is sent.
    pub fn raw(name: &str, request: Vec<u8>, statuses: &str, says: &str) -> Self {
        Self {
            name: name.to_owned(),
            request,
            statuses: statuses.to_owned(),
            says: says.to_owned(),
            limit: LIMIT,
        }
    }

    /// The same with a limit of its own.
    pub fn within(mut self, limit_seconds: u64) -> Self {
        self.limit = Duration::from_secs(limit_seconds);
        self
    }

    /// Puts the case; gives what was wrong with the answer.
    pub fn put(&self, to: SocketAddr) -> Option<String> {
        let begun = Instant::now();
        let answer = raw::send(to, &self.request);
        let took = begun.elapsed();
        let text = answer.text();
        let is_head = self.request.starts_with(b"HEAD ");
        let is_said = is_head
            || match self.says.strip_prefix('=') {
                Some(whole) => text == whole,
                None => text.contains(&self.says),
            };
        let is_refusal = answer.header("content-type").is_some() && answer.status >= 400;
        let is_short = !is_refusal || (text.lines().count() <= 8 && text.len() <= 648);
        let is_right =
            self.is_wanted(answer.status) && is_said && is_short && took < self.limit + patience();
        let shown: String = text.chars().take(300).collect();
        let line = format!("{}: {} after {took:?}: {shown:?}", self.name, answer.status);
        if std::env::var_os("GRANARY_SHOW").is_some() {
            eprintln!("{line}");
        }
        (!is_right).then(|| {
            format!(
                "{line}, wanted {} {:?} within {:?}",
                self.statuses, self.says, self.limit
            )
        })
    }

    fn is_wanted(&self, status: u16) -> bool {
        self.statuses
            .split('|')
            .any(|wanted| match wanted.strip_suffix("xx") {
                Some(class) => class.parse() == Ok(status / 100),
                None => wanted.parse() == Ok(status),
            })
    }
}
