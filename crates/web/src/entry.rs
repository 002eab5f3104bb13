//! One 200 answer, rendered once: header block and body, plain and gzipped. It is what the hot map keeps and what every
//! handler of the protocol gives back.

use std::time::Instant;

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;

use crate::conditional::http_date;
use crate::metrics::Class;
use crate::open_file::OpenFile;

/// Bodies shorter than this are sent as they are: they fit into one packet either way.
const GZIP_BYTES_MIN: usize = 1024;
/// Longer bodies are not compressed: it would cost more memory and time than the transfer.
const GZIP_BYTES_MAX: usize = 1 << 20;
/// Weight of a mapped body in the hot map, in bytes: the kernel's book-keeping for it, and a bound on how many mappings
/// there are at once (the kernel allows 65,530; a budget of 32 MiB holds 2,048).
const MAPPED_WEIGHT: u64 = 16 << 10;

/// How long others may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For ever: the bytes never change.
    Immutable,
    /// For some seconds.
    Seconds(u64),
}

/// What an [`Entry`] is made from.
#[derive(Debug)]
pub struct Draft {
    /// What it counts as.
    pub class: Class,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `Cache-Control`.
    pub keep: Keep,
    /// Something that is different for different bytes; ends up quoted in `ETag`. Characters of hex or base64.
    pub tag: String,
    /// Value of `Last-Modified`.
    pub last_modified: Option<Timestamp>,
    /// The bytes, exactly as they are to arrive.
    pub body: Bytes,
    /// Whether the bytes are a mapped file, which takes no memory of this process.
    pub mapped: bool,
    /// Whether a gzipped form may be offered.
    pub gzip: bool,
    /// When the answer must be looked up again; `None` is never.
    pub until: Option<Instant>,
}

/// A 200 answer that is ready to be sent.
#[derive(Debug)]
pub struct Entry {
    /// What it counts as.
    pub class: Class,
    /// When it must be looked up again; `None` is never.
    pub until: Option<Instant>,
    pub(crate) content_type: HeaderValue,
    pub(crate) cache_control: HeaderValue,
    pub(crate) last_modified: Option<(Timestamp, HeaderValue)>,
    pub(crate) varies: bool,
    mapped: bool,
    /// The plain body as a file that the kernel can send.
    pub(crate) file: Option<OpenFile>,
    pub(crate) plain: Variant,
    pub(crate) gzip: Option<Variant>,
}

/// One encoding of an entry.
#[derive(Debug)]
pub(crate) struct Variant {
    /// Status line and headers for HTTP/1.1, up to and without `Date` and the empty line.
    pub head: Bytes,
    pub tag: HeaderValue,
    pub body: Bytes,
}

impl Entry {
    /// Renders a draft. Compresses where that is wanted and worth it: up to about 10 ms for the longest body.
    pub fn render(draft: Draft) -> Self {
        let cache_control = match draft.keep {
            Keep::Immutable => HeaderValue::from_static("public, max-age=31536000, immutable"),
            Keep::Seconds(seconds) => header_value(&format!("public, max-age={seconds}")),
        };
        let last_modified = draft
            .last_modified
            .and_then(|at| Some((at, header_value(&http_date(at)?))));
        let varies = draft.gzip;
        let compressed = if draft.gzip {
            compress(&draft.body)
        } else {
            None
        };
        let mut entry = Self {
            class: draft.class,
            until: draft.until,
            content_type: HeaderValue::from_static(draft.content_type),
            cache_control,
            last_modified,
            varies,
            mapped: draft.mapped,
            file: None,
            plain: Variant {
                head: Bytes::new(),
                tag: header_value(&format!("\"{}\"", draft.tag)),
                body: draft.body,
            },
            gzip: compressed.map(|body| Variant {
                head: Bytes::new(),
                // A strong tag names exact bytes, so the compressed form has its own.
                tag: header_value(&format!("\"{}-gz\"", draft.tag)),
                body,
            }),
        };
        entry.plain.head = entry.render_head(&entry.plain, None);
        let head = entry
            .gzip
            .as_ref()
            .map(|variant| entry.render_head(variant, Some("gzip")));
        if let (Some(variant), Some(head)) = (entry.gzip.as_mut(), head) {
            variant.head = head;
        }
        entry
    }

    /// The same entry with its plain body as an open file too.
    pub(crate) fn with_file(self, file: Option<OpenFile>) -> Self {
        Self { file, ..self }
    }

    fn render_head(&self, variant: &Variant, encoding: Option<&str>) -> Bytes {
        let mut head = Vec::with_capacity(384);
        head.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        let mut line = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        line("Content-Type", self.content_type.as_bytes());
        line("Content-Length", variant.body.len().to_string().as_bytes());
        if let Some(encoding) = encoding {
            line("Content-Encoding", encoding.as_bytes());
        }
        line("Cache-Control", self.cache_control.as_bytes());
        line("ETag", variant.tag.as_bytes());
        if let Some((_, date)) = &self.last_modified {
            line("Last-Modified", date.as_bytes());
        }
        if self.varies {
            line("Vary", b"Accept-Encoding");
        }
        line("Accept-Ranges", b"bytes");
        line("X-Content-Type-Options", b"nosniff");
        Bytes::from(head)
    }

    /// The form for a client that takes gzip or does not.
    pub(crate) fn variant(&self, takes_gzip: bool) -> &Variant {
        match &self.gzip {
            Some(variant) if takes_gzip => variant,
            _ => &self.plain,
        }
    }

    /// Whether the answer may be given at `now` without another look.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// What the entry counts against the hot map's budget, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        let body = match self.mapped {
            true => MAPPED_WEIGHT,
            false => self.plain.body.len() as u64,
        };
        let gzip = self
            .gzip
            .as_ref()
            .map_or(0, |variant| variant.head.len() + variant.body.len());
        // The map's own entry, the counters and the allocations' slack.
        512 + self.plain.head.len() as u64 + body + gzip as u64
    }
}

fn compress(body: &[u8]) -> Option<Bytes> {
    if !(GZIP_BYTES_MIN..=GZIP_BYTES_MAX).contains(&body.len()) {
        return None;
    }
    let level = libdeflater::CompressionLvl::default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut compressed = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut compressed).ok()?;
    compressed.truncate(length);
    compressed.shrink_to_fit();
    (length < body.len()).then(|| Bytes::from(compressed))
}

/// Our own header texts are ASCII; one that is not becomes empty rather than a failure.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: Bytes) -> Draft {
        Draft {
            class: Class::GoMod,
            content_type: "text/plain; charset=utf-8",
            keep: Keep::Immutable,
            tag: "abc".into(),
            last_modified: Some("2021-03-04T05:06:07Z".parse().unwrap()),
            body,
            mapped: false,
            gzip: true,
            until: None,
        }
    }

    #[test]
    fn heads_hold_all_headers_but_the_date() {
        let entry = Entry::render(draft(Bytes::from_static(b"module example.com/m\n")));
        let head = std::str::from_utf8(&entry.plain.head).unwrap();
        assert_eq!(
            head,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 21\r\n\
             Cache-Control: public, max-age=31536000, immutable\r\n\
             ETag: \"abc\"\r\n\
             Last-Modified: Thu, 04 Mar 2021 05:06:07 GMT\r\n\
             Vary: Accept-Encoding\r\n\
             Accept-Ranges: bytes\r\n\
             X-Content-Type-Options: nosniff\r\n"
        );
        assert!(entry.gzip.is_none(), "too short to compress");
    }

    #[test]
    fn long_text_has_a_gzipped_form_with_its_own_tag() {
        let text = "require example.com/m v1.0.0\n".repeat(100);
        let entry = Entry::render(draft(Bytes::from(text.clone())));
        let variant = entry.variant(true);
        let mut plain = vec![0; text.len()];
        let length = libdeflater::Decompressor::new()
            .gzip_decompress(&variant.body, &mut plain)
            .unwrap();
        assert_eq!(&plain[..length], text.as_bytes());
        assert_eq!(variant.tag, "\"abc-gz\"");
        let head = std::str::from_utf8(&variant.head).unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", variant.body.len())));
        assert!(head.contains("Content-Encoding: gzip\r\n"));
        assert_eq!(entry.variant(false).body, text.as_bytes());
    }

    #[test]
    fn incompressible_bodies_stay_as_they_are() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(4096)
        .collect();
        assert!(Entry::render(draft(Bytes::from(noise))).gzip.is_none());
    }

    #[test]
    fn entries_end() {
        let now = Instant::now();
        let mut entry = Entry::render(draft(Bytes::new()));
        assert!(entry.is_fresh(now));
        entry.until = Some(now);
        assert!(!entry.is_fresh(now));
    }

    #[test]
    fn mapped_bodies_weigh_little() {
        let small = Entry::render(draft(Bytes::from(vec![0; 1000]))).weight();
        assert!((1500..3000).contains(&small), "{small}");
        let mut big = draft(Bytes::from(vec![0; 10 << 20]));
        big.gzip = false;
        big.mapped = true;
        assert!(Entry::render(big).weight() < 32 << 10);
    }
}
