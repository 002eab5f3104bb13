//! As much of XML as `svn --xml` prints: elements, attributes, text, the five entities and numbered characters.
//!
//! Not for XML of strangers: what Subversion prints is well formed, and anything else gives `None`.

/// An element and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Text directly inside, unescaped.
    pub text: String,
    /// Elements directly inside, in order.
    pub children: Vec<Element>,
}

/// Deepest nesting; Subversion's own is 4.
const DEPTH_MAX: usize = 16;

impl Element {
    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first element of that name directly inside.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads the first element of a text; what follows it is left alone.
pub fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader { rest: text };
    let mut open: Vec<Element> = Vec::new();
    loop {
        let before = reader.until("<")?;
        if let Some(element) = open.last_mut() {
            element.text.push_str(&unescape(before)?);
        }
        let tag = reader.until(">")?;
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().filter(|element| element.name == name.trim())?;
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return Some(element),
            }
            continue;
        }
        let element = parse_tag(tag.trim_end_matches('/'))?;
        if !tag.ends_with('/') {
            if open.len() == DEPTH_MAX {
                return None;
            }
            open.push(element);
            continue;
        }
        match open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => return Some(element),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// What stands before `end`, which is skipped.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }
}

/// Reads name and attributes. Subversion escapes `<` and `>` inside of values.
fn parse_tag(tag: &str) -> Option<Element> {
    let name_end = tag
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(tag.len());
    let mut element = Element {
        name: tag[..name_end].to_owned(),
        ..Element::default()
    };
    let mut reader = Reader {
        rest: tag[name_end..].trim(),
    };
    while !reader.rest.is_empty() {
        let name = reader.until("=\"")?.trim();
        let value = unescape(reader.until("\"")?)?;
        element.attributes.push((name.to_owned(), value));
    }
    Some(element)
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut reader = Reader { rest: text };
    while let Some(before) = reader.until("&") {
        out.push_str(before);
        let entity = reader.until(";")?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => parse_number(entity)?,
        });
    }
    out.push_str(reader.rest);
    Some(out)
}

fn parse_number(entity: &str) -> Option<char> {
    let digits = entity.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_text_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<list\n   path=\"svn://h/r?a&amp;b\">\n<entry kind=\"dir\"/>\
                    <entry\n kind=\"file\">\n<name>a &lt;&#38;&#x41; b</name></entry>\n</list>\n<list></list>";
        let list = parse(text).unwrap();
        assert_eq!(list.name, "list");
        assert_eq!(list.attribute("path"), Some("svn://h/r?a&b"));
        assert_eq!(list.attribute("kind"), None);
        assert_eq!(list.children.len(), 2);
        assert_eq!(list.children[0].attribute("kind"), Some("dir"));
        assert_eq!(list.children[1].child("name").unwrap().text, "a <&A b");
        assert!(list.child("name").is_none());
    }

    #[test]
    fn what_is_broken_is_nothing() {
        for text in [
            "",
            "text",
            "<log>",
            "<a></b>",
            "</a>",
            "<a b></a>",
            "<a b=\"c></a>",
            "<a>&nbsp;</a>",
            "<a>&amp</a>",
            "<a>&#xd800;</a>",
            &"<a>".repeat(17),
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&format!("{}{}", "<a>".repeat(16), "</a>".repeat(16))).is_some());
    }
}
