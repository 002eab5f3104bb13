//! Pages with go-import tags, asked over the one way out.
//!
//! A page counts whatever its status is, and only as far as its head goes. Nothing but a tag comes out of it.
//!
//! Source: cmd/go/internal/vcs, `urlForImportPath`, `repoRootForImportDynamic`; cmd/go/internal/web, `get`.

use std::time::Duration;

use url::Url;

use super::settings::LocateSettings;
use super::tag::{Head, HeadEnd, ImportTag, read_head};
use crate::outside::{Answer, Call, Outside, OutsideError, find_retry_after};
use crate::refusal;
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Most bytes of a page that are read. Heads of real pages with everything inlined stay below 300 KiB; one that has no
/// tag in its first mebibyte is no page for the go command.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Most bytes of tags that are remembered of one page: a hundred modules. Longer ones are asked for again each time.
const TAGS_BYTES_MAX: usize = 16 * 1024;

/// Longest wait for an https answer of an insecure host, which may have nobody there. The go command waits as long.
const INSECURE_ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a page says: at least one tag.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it was asked.
    pub(super) url: String,
    /// Its tags.
    pub(super) tags: Vec<ImportTag>,
}

impl Page {
    /// Whether it is small enough to be remembered.
    pub(super) fn is_small(&self) -> bool {
        let lengths = self.tags.iter().map(|tag| {
            size_of::<ImportTag>()
                + tag.prefix.len()
                + tag.vcs.len()
                + tag.repository.len()
                + tag.subdirectory.len()
        });
        lengths.sum::<usize>() <= TAGS_BYTES_MAX
    }
}

/// Gets the page of a path, the go-get way. Over http only where https fails and `is_insecure` says so.
///
/// # Errors
/// `Absent` where the host answered and there is no tag; `Unreachable` and the like where it did not.
pub(super) async fn get_page(
    outside: &Outside,
    settings: &LocateSettings,
    path: &str,
    is_insecure: bool,
) -> Result<Page, CodeError> {
    let url = page_url("https", path)?;
    let credentials = settings
        .credentials
        .as_ref()
        .and_then(|credentials| credentials.find(&url));
    let answer_within = if is_insecure {
        settings.answer_within.min(INSECURE_ANSWER_WITHIN)
    } else {
        settings.answer_within
    };
    let call = Call {
        url: &url,
        credentials: credentials.as_ref(),
        share: None,
        answer_within,
        whole_within: settings.page_within,
    };
    match outside.get(call).await {
        Ok(answer) => return read_page(answer, &url).await,
        Err(error) if !is_insecure => return Err(explain(&error, &url)),
        Err(_insecure) => {}
    }
    let url = page_url("http", path)?;
    let call = Call {
        url: &url,
        credentials: None,
        share: None,
        answer_within: settings.answer_within,
        whole_within: settings.page_within,
    };
    match outside.get(call).await {
        Ok(answer) => read_page(answer, &url).await,
        Err(error) => Err(explain(&error, &url)),
    }
}

/// Whether there is a file at a URL: an answer of 200.
pub(super) async fn is_there(outside: &Outside, settings: &LocateSettings, url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let call = Call {
        url: &url,
        credentials: None,
        share: None,
        answer_within: settings.answer_within,
        whole_within: settings.page_within,
    };
    outside
        .get(call)
        .await
        .is_ok_and(|answer| answer.status == 200)
}

fn page_url(scheme: &str, path: &str) -> Result<Url, CodeError> {
    let (host, rest) = path.split_once('/').unwrap_or((path, ""));
    let url = Url::parse(&format!("{scheme}://{host}/{rest}?go-get=1"));
    // `127.1.2` is a host for a URL, and another one than it seems.
    match url {
        Ok(url) if url.host_str() == Some(host) => Ok(url),
        _ => Err(CodeError::absent(format!("{host} is no name of a host"))),
    }
}

async fn read_page(mut answer: Answer, url: &Url) -> Result<Page, CodeError> {
    let (head, ended) = read_bytes(&mut answer, url).await?;
    if !head.tags.is_empty() {
        return Ok(Page {
            url: url.to_string(),
            tags: head.tags,
        });
    }
    let words = &answer.status_words;
    match (answer.status, ended, head.end) {
        // Half a page, and none of the tags in it.
        (_, Some(cut), HeadEnd::Over | HeadEnd::Broken(_)) => Err(cut),
        (200, _, HeadEnd::Broken(why)) => Err(CodeError::absent(format!(
            "no go-import meta tags in {url} before {why}"
        ))),
        (200, ..) => Err(CodeError::absent(format!(
            "no go-import meta tags in {url}"
        ))),
        (status, ..) => {
            let class = classify(status, find_retry_after(&answer.headers));
            Err(CodeError::new(
                class,
                format!("{url} answered {words}, without go-import meta tags"),
            ))
        }
    }
}

/// Reads until the head is over, the page is, or it is too long. Gives the trouble that cut it short, if there was any.
async fn read_bytes(
    answer: &mut Answer,
    url: &Url,
) -> Result<(Head, Option<CodeError>), CodeError> {
    answer.check_plain().map_err(|error| explain(&error, url))?;
    let mut page = Vec::new();
    let mut looked_at = 0;
    loop {
        let cut = match answer.next_chunk().await {
            Ok(Some(chunk)) => {
                let before = page.len();
                let room = PAGE_BYTES_MAX - before;
                page.extend_from_slice(&chunk[..chunk.len().min(room)]);
                // Reading again only when there is twice as much keeps a page of one-byte chunks from costing its square.
                if page.len() >= 2 * looked_at && has_mark(&page, before) {
                    looked_at = page.len();
                    let head = read_head(&page);
                    if head.end == HeadEnd::Marked {
                        return Ok((head, None));
                    }
                }
                if chunk.len() <= room {
                    continue;
                }
                Some(explain(&answer.too_large(PAGE_BYTES_MAX as u64), url))
            }
            Ok(None) => None,
            Err(error) => Some(explain(&error, url)),
        };
        return Ok((read_head(&page), cut));
    }
}

/// Whether what came after `before` may end the head.
fn has_mark(page: &[u8], before: usize) -> bool {
    const MARKS: [&[u8]; 3] = [b"/head", b"body", b"head/"];
    // All but the last byte of a mark may have come earlier.
    let fresh = &page[before.saturating_sub(MARKS[0].len() - 1)..];
    MARKS.iter().any(|mark| {
        fresh
            .windows(mark.len())
            .any(|window| window.eq_ignore_ascii_case(mark))
    })
}

/// The class of an answer without tags. Any 4xx says that there is no module: a client that tries all beginnings of a
/// path goes on to the next then, as it does with the go command.
fn classify(status: u16, retry_after: Option<Duration>) -> UpstreamClass {
    match status {
        410 => UpstreamClass::Gone,
        429 => UpstreamClass::Overloaded { retry_after },
        503 if retry_after.is_some() => UpstreamClass::Overloaded { retry_after },
        408 | 504 => UpstreamClass::TooSlow,
        508 => UpstreamClass::Loop,
        500.. => UpstreamClass::Unreachable,
        _ => UpstreamClass::Absent,
    }
}

/// The error for a page that was not had.
fn explain(error: &OutsideError, url: &Url) -> CodeError {
    let class = match error {
        OutsideError::Refused(_) => UpstreamClass::Forbidden,
        OutsideError::Unreachable { .. } | OutsideError::Broken { .. } => {
            UpstreamClass::Unreachable
        }
        OutsideError::TooSlow { .. } => UpstreamClass::TooSlow,
        OutsideError::Overloaded { retry_after, .. } => UpstreamClass::Overloaded {
            retry_after: Some(*retry_after),
        },
        // The host answered, and not with a page.
        OutsideError::Exhausted { .. } => UpstreamClass::Overloaded { retry_after: None },
        OutsideError::Redirect { .. } | OutsideError::TooLarge { .. } => UpstreamClass::Absent,
        OutsideError::Encoded { .. } => UpstreamClass::Invalid,
    };
    CodeError::new(
        class,
        refusal::clean(&format!("{url}: {}", error.explain())),
    )
}

#[cfg(test)]
mod tests;
