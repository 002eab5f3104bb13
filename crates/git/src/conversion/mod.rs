//! Conversions: what git does to a file's content on its way into an archive.
//!
//! In git's order: `$Id$` is expanded, then line ends become CRLF, then the encoding is changed. The settings are those of
//! `git -c core.autocrlf=input -c core.eol=lf archive`, so without `eol=crlf` no line end is changed.

use std::borrow::Cow;

use crate::id::ObjectId;

mod encoding;
mod eol;
mod ident;

pub use encoding::{ConversionError, Encoding};

/// Larger files pass as they are: they go through git in pieces (`core.bigFileThreshold`), which it does not convert.
const CONTENT_BYTES_MAX: usize = 512 << 20;

/// What is done to a file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conversion {
    /// What is done to line ends.
    pub line_endings: LineEndings,
    /// Whether `$Id$` is expanded.
    pub has_ident: bool,
    /// What the content, taken for UTF-8, is encoded in.
    pub encoding: Option<Encoding>,
}

/// What is done to line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineEndings {
    /// Nothing.
    #[default]
    Kept,
    /// LF becomes CRLF, also in files that look binary.
    Crlf,
    /// LF becomes CRLF in files that look like text and hold neither CRLF nor CR.
    CrlfInText,
}

impl Conversion {
    /// Whether all content stays as it is.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// How large a content can become at most, found without converting it.
    pub fn bound_bytes(&self, id: &ObjectId, content: &[u8]) -> u64 {
        let mut bytes = content.len() as u64;
        let count = |wanted: u8| content.iter().filter(|&&byte| byte == wanted).count() as u64;
        if self.has_ident {
            bytes = bytes.saturating_add(count(b'$') / 2 * ident::growth_bytes(id));
        }
        if self.line_endings != LineEndings::Kept {
            bytes = bytes.saturating_add(count(b'\n'));
        }
        match &self.encoding {
            Some(_) => bytes
                .saturating_mul(encoding::GROWTH_MAX)
                .saturating_add(encoding::MARK_BYTES_MAX),
            None => bytes,
        }
    }

    /// Converts the content of the blob `id`.
    ///
    /// # Errors
    /// If git itself fails, or if the encoding is one that Granary does not know.
    pub fn apply<'a>(
        &self,
        id: &ObjectId,
        content: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, ConversionError> {
        let mut converted = Cow::Borrowed(content);
        if self.is_identity() || content.len() > CONTENT_BYTES_MAX {
            return Ok(converted);
        }
        if self.has_ident {
            replace(&mut converted, |content| ident::expand(id, content));
        }
        match self.line_endings {
            LineEndings::Kept => {}
            LineEndings::Crlf => replace(&mut converted, eol::to_crlf),
            LineEndings::CrlfInText => replace(&mut converted, |content| {
                eol::is_plain_text(content)
                    .then(|| eol::to_crlf(content))
                    .flatten()
            }),
        }
        if let Some(encoding) = &self.encoding
            && let Some(encoded) = encoding.encode(&converted)?
        {
            converted = Cow::Owned(encoded);
        }
        Ok(converted)
    }
}

fn replace(content: &mut Cow<'_, [u8]>, conversion: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
    if let Some(converted) = conversion(content) {
        *content = Cow::Owned(converted);
    }
}

#[cfg(test)]
mod tests;
