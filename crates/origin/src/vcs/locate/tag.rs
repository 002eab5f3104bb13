//! go-import tags: what a page says about where a module's repository is.
//!
//! Source: cmd/go/internal/vcs, `parseMetaGoImports`, `matchGoImport`, `validateRepoSubDir`; str, `HasPathPrefix`.

use super::markup::{BadMarkup, Element, Markup, Token};

/// What `<meta name="go-import" content="prefix vcs repository subdirectory">` says, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportTag {
    /// Module path of the repository's root.
    pub prefix: String,
    /// Name of the kind of version control.
    pub vcs: String,
    /// Address of the repository.
    pub repository: String,
    /// Folder of the repository that stands for the prefix; empty for its root.
    pub subdirectory: String,
}

/// The tags of a page's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Tags with three or four fields, in the page's order.
    pub tags: Vec<ImportTag>,
    /// Why reading ended.
    pub end: HeadEnd,
}

/// Why reading of a head ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadEnd {
    /// `</head>` or `<body>`: what comes after them says nothing.
    Marked,
    /// The bytes were over.
    Over,
    /// Markup that cannot be read; what it is, in words. What stood before it counts.
    Broken(&'static str),
}

/// Why no tag is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// None is for the path.
    #[error("no go-import meta tags for it{}", list_prefixes(.prefixes))]
    NoneMatches {
        /// Prefixes of the tags that are there, the first few.
        prefixes: Vec<String>,
    },
    /// More than one is for the path.
    #[error("more than one go-import meta tag is for it")]
    ManyMatch,
}

/// Most prefixes of other modules that an error lists: enough to see a slip, too few to fill a screen.
const PREFIXES_SHOWN_MAX: usize = 3;

/// Most characters of a page's text that an error shows.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// Reads the go-import tags of a page's head. Never fails: what is broken ends it.
pub fn read_head(page: &[u8]) -> Head {
    let mut markup = Markup::new(page);
    let mut tags = Vec::new();
    let end = loop {
        match markup.next_token() {
            Ok(Some(Token::Start(element))) => {
                if let Some(tag) = find_in(&element) {
                    tags.push(tag);
                }
                let is_head_end = element.is_empty && element.name.eq_ignore_ascii_case("head");
                if is_head_end || element.name.eq_ignore_ascii_case("body") {
                    break HeadEnd::Marked;
                }
            }
            Ok(Some(Token::End(name))) if name.eq_ignore_ascii_case("head") => {
                break HeadEnd::Marked;
            }
            Ok(Some(_)) => {}
            Ok(None) => break HeadEnd::Over,
            Err(BadMarkup(why)) => break HeadEnd::Broken(why),
        }
    };
    Head { tags, end }
}

/// The one tag that is for `path`. A `mod` tag that is beats all others.
///
/// # Errors
/// [`TagError`] for none and for more than one.
pub fn find_tag<'a>(tags: &'a [ImportTag], path: &str) -> Result<&'a ImportTag, TagError> {
    let matching: Vec<&ImportTag> = tags
        .iter()
        .filter(|tag| is_below(path, &tag.prefix))
        .collect();
    let is_mod = |tag: &&&ImportTag| tag.vcs == "mod";
    let of_mod = matching.iter().filter(is_mod).count();
    let mut best = matching.iter().filter(|tag| of_mod == 0 || is_mod(tag));
    match (best.next(), best.next()) {
        (Some(tag), None) => Ok(tag),
        (Some(_), Some(_)) => Err(TagError::ManyMatch),
        (None, _) => Err(TagError::NoneMatches {
            prefixes: tags
                .iter()
                .take(PREFIXES_SHOWN_MAX)
                .map(|tag| shorten(&tag.prefix))
                .collect(),
        }),
    }
}

/// Checks a tag's fourth field: no leading `/` or `-`, and no `..`, which would lead out of the repository.
///
/// # Errors
/// What is wrong, in words.
pub fn check_subdirectory(subdirectory: &str) -> Result<(), &'static str> {
    if subdirectory.starts_with('/') {
        Err("it begins with a slash")
    } else if subdirectory.starts_with('-') {
        Err("it begins with a dash")
    } else if subdirectory
        .split(['/', '\\'])
        .any(|element| element == "..")
    {
        Err("it leads upwards")
    } else {
        Ok(())
    }
}

/// Whether `path` is `prefix` or lies below it, element by element.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'),
        None => false,
    }
}

/// A page's text fit for an error: quoted, without control characters, not long.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

fn find_in(element: &Element) -> Option<ImportTag> {
    if !element.name.eq_ignore_ascii_case("meta") || element.value("name") != "go-import" {
        return None;
    }
    let mut fields = element
        .value("content")
        .split_whitespace()
        .map(str::to_owned);
    let tag = ImportTag {
        prefix: fields.next()?,
        vcs: fields.next()?,
        repository: fields.next()?,
        subdirectory: fields.next().unwrap_or_default(),
    };
    fields.next().is_none().then_some(tag)
}

fn list_prefixes(prefixes: &[String]) -> String {
    if prefixes.is_empty() {
        return String::new();
    }
    format!(" (those there are for {})", prefixes.join(", "))
}

// Named because the fuzz target takes this file from elsewhere.
#[cfg(test)]
#[path = "tag/tests.rs"]
mod tests;
