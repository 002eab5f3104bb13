//! Words of a refusal that go on to the go client.

/// Most bytes of a refusal's text, as the go client prints them.
pub const TEXT_BYTES_MAX: usize = 648;

/// Most lines of a refusal's text, as the go client prints them.
pub const TEXT_LINES_MAX: usize = 8;

/// The text of an answer's body if it is one for people: `text/plain` in UTF-8 or ASCII, not empty.
///
/// The go client prints nothing else, so an HTML page of some web server on the way is not handed on either.
pub fn find_text(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let content_type = content_type?.to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    if parts.next() != Some("text/plain") {
        return None;
    }
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    if !matches!(
        charset.map(|name| name.trim_matches('"')),
        None | Some("utf-8" | "us-ascii")
    ) {
        return None;
    }
    let text = clean(&String::from_utf8_lossy(body));
    (!text.is_empty()).then_some(text)
}

/// Makes text fit for the go client: at most 8 lines and 648 bytes, no control characters, no empty lines.
///
/// The client stops at an empty line, so empty ones are left out rather than the lines after them.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let lines = text.lines().map(clean_line).filter(|line| !line.is_empty());
    for line in lines.take(TEXT_LINES_MAX) {
        if !cleaned.is_empty() {
            cleaned.push('\n');
        }
        cleaned.push_str(&line);
    }
    let mut end = cleaned.len().min(TEXT_BYTES_MAX);
    while !cleaned.is_char_boundary(end) {
        end -= 1;
    }
    cleaned.truncate(end);
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

fn clean_line(line: &str) -> String {
    let kept: String = line
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_bidi_control(*c))
        .take(TEXT_BYTES_MAX)
        .collect();
    kept.trim_end().to_owned()
}

/// Characters that reorder what a terminal shows: an upstream must not make one text look like another.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(content_type: &str, body: &[u8], want: Option<&str>) {
        assert_eq!(find_text(Some(content_type), body).as_deref(), want);
    }

    #[test]
    fn only_plain_text_is_handed_on() {
        check_text("text/plain", b"not found: x", Some("not found: x"));
        check_text("Text/Plain; Charset=UTF-8", b"a\n", Some("a"));
        check_text("text/plain; charset=\"us-ascii\"", b"a", Some("a"));
        check_text("text/plain; charset=utf-16", b"a", None);
        check_text("text/html", b"<p>a", None);
        check_text("text/plain", b" \n\n", None);
        assert_eq!(find_text(None, b"a"), None);
    }

    #[test]
    fn text_is_cut_and_cleaned() {
        check_text(
            "text/plain",
            b"a\x1b[31mb\x00\tc\r\n\n\nd  \n",
            Some("a[31mb c\nd"),
        );
        check_text("text/plain", "x\u{202e}y".as_bytes(), Some("xy"));
        assert_eq!(clean(&"line\n".repeat(20)).lines().count(), TEXT_LINES_MAX);
        assert_eq!(clean(&"a".repeat(1000)).len(), TEXT_BYTES_MAX);
        let cut = clean(&"é".repeat(1000));
        assert!(cut.len() <= TEXT_BYTES_MAX && cut.chars().all(|c| c == 'é'));
    }
}
