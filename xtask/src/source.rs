//! A Rust file seen by a scanner: code without comments and strings, the strings apart, the lines that are tests.
//!
//! This is not a parser. It knows just enough of the language (nested comments, raw strings, lifetimes, braces) not to
//! take a word in a comment for code.

/// A Rust file, taken apart.
#[derive(Clone, Debug)]
pub struct Source {
    /// The text with every comment and every string's content blanked; offsets and lines are those of the original.
    pub code: String,
    /// String literals of the file, in order.
    pub literals: Vec<Literal>,
    /// Offsets in `code` that are tests, as half-open ranges.
    pub test_spans: Vec<(usize, usize)>,
    /// Modules declared as `#[cfg(test)] mod name;`, which live in files of their own.
    pub test_modules: Vec<String>,
    line_starts: Vec<usize>,
}

/// A string literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where its content begins in the text.
    pub at: usize,
    /// Its content as written, escapes not resolved.
    pub text: String,
}

impl Source {
    /// Takes a file apart. Any text is accepted; nonsense gives nonsense, never a panic.
    pub fn new(text: &str) -> Self {
        let (code, literals) = Mask::new(text.as_bytes()).run();
        let mut line_starts = vec![0];
        line_starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| i + 1),
        );
        let (test_spans, test_modules) = find_tests(&code);
        Self {
            code,
            literals,
            test_spans,
            test_modules,
            line_starts,
        }
    }

    /// The line of an offset, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    /// Whether an offset lies in a `#[cfg(test)]` item.
    pub fn is_test(&self, at: usize) -> bool {
        self.test_spans
            .iter()
            .any(|(from, to)| (*from..*to).contains(&at))
    }

    /// Lines of the file without those of its tests.
    pub fn lines_without_tests(&self, text: &str) -> usize {
        let tests: usize = self
            .test_spans
            .iter()
            .map(|(from, to)| self.line(to.saturating_sub(1)) - self.line(*from) + 1)
            .sum();
        text.lines().count().saturating_sub(tests)
    }

    /// Offsets at which `word` stands in the code, whole words only.
    pub fn find_word(&self, word: &str) -> Vec<usize> {
        find_word(&self.code, word)
    }
}

/// Offsets at which `word` stands in `text` with no letter, digit or `_` touching either end that is itself one.
pub fn find_word(text: &str, word: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let open_ended = |edge: Option<u8>| edge.is_none_or(|b| !is_name_byte(b));
    let starts_named = word.bytes().next().is_some_and(is_name_byte);
    let ends_named = word.bytes().last().is_some_and(is_name_byte);
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !starts_named || open_ended(at.checked_sub(1).map(|i| bytes[i])))
        .filter(|at| !ends_named || open_ended(bytes.get(at + word.len()).copied()))
        .collect()
}

/// Whether a byte can be part of a name.
pub fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The offset just after the brace that closes the one at `open`; the end of the code where none does.
pub fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (i, b) in code.bytes().enumerate().skip(open) {
        match b {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The first `{` or `;` from `from` on that stands in no parentheses or brackets.
pub fn body_or_end(code: &str, from: usize) -> Option<(usize, u8)> {
    let mut depth = 0i32;
    for (i, b) in code.bytes().enumerate().skip(from) {
        match b {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' | b';' if depth <= 0 => return Some((i, b)),
            _ => {}
        }
    }
    None
}

fn find_tests(code: &str) -> (Vec<(usize, usize)>, Vec<String>) {
    if code.contains("#![cfg(test)]") {
        return (vec![(0, code.len())], Vec::new());
    }
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut modules = Vec::new();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        if spans.last().is_some_and(|(_, to)| at < *to) {
            continue;
        }
        let item = skip_attributes(code, at + attribute.len());
        let Some((end, mark)) = body_or_end(code, item) else {
            continue;
        };
        let head: Vec<&str> = code[item..end].split_whitespace().collect();
        if mark == b';' {
            if let Some(i) = head.iter().position(|w| *w == "mod") {
                modules.extend(head.get(i + 1).map(|name| (*name).to_owned()));
            }
            spans.push((at, end + 1));
        } else {
            spans.push((at, closing_brace(code, end)));
        }
    }
    (spans, modules)
}

/// Skips white space and outer attributes.
fn skip_attributes(code: &str, mut at: usize) -> usize {
    loop {
        let rest = &code[at..];
        at += rest.len() - rest.trim_start().len();
        if !code[at..].starts_with("#[") {
            return at;
        }
        let mut depth = 0i32;
        let closed = code.bytes().enumerate().skip(at + 1).find(|(_, b)| {
            depth += i32::from(*b == b'[') - i32::from(*b == b']');
            depth == 0
        });
        match closed {
            Some((i, _)) => at = i + 1,
            None => return code.len(),
        }
    }
}

/// Walks the bytes of a file once and blanks what is not code.
struct Mask<'a> {
    text: &'a [u8],
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl<'a> Mask<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            code: Vec::with_capacity(text.len()),
            literals: Vec::new(),
        }
    }

    fn run(mut self) -> (String, Vec<Literal>) {
        while let Some(b) = self.peek(0) {
            match b {
                b'/' if self.peek(1) == Some(b'/') => self.blank_line(),
                b'/' if self.peek(1) == Some(b'*') => self.blank_block(),
                b'"' => self.string(),
                b'r' | b'b' | b'c' if !self.after_name() && self.raw_hashes().is_some() => {
                    self.raw_string()
                }
                b'\'' => self.quote(),
                _ => self.keep(),
            }
        }
        (
            String::from_utf8_lossy(&self.code).into_owned(),
            self.literals,
        )
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn after_name(&self) -> bool {
        self.at
            .checked_sub(1)
            .is_some_and(|i| is_name_byte(self.text[i]))
    }

    fn keep(&mut self) {
        let b = self.text[self.at];
        self.code.push(if b.is_ascii() { b } else { b' ' });
        self.at += 1;
    }

    fn blank(&mut self) {
        let b = self.text[self.at];
        self.code.push(if b == b'\n' { b } else { b' ' });
        self.at += 1;
    }

    fn blank_line(&mut self) {
        while self.peek(0).is_some_and(|b| b != b'\n') {
            self.blank();
        }
    }

    fn blank_block(&mut self) {
        let mut depth = 0usize;
        while let Some(b) = self.peek(0) {
            let pair = (b, self.peek(1).unwrap_or(0));
            if pair == (b'/', b'*') || pair == (b'*', b'/') {
                depth = if pair.0 == b'/' { depth + 1 } else { depth - 1 };
                self.blank();
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        let from = self.at;
        while self.peek(0).is_some_and(|b| b != b'"') {
            if self.peek(0) == Some(b'\\') && self.peek(1).is_some() {
                self.blank();
            }
            self.blank();
        }
        self.push_literal(from);
        if self.peek(0).is_some() {
            self.keep();
        }
    }

    /// The number of `#` of a raw string that begins here (`r"`, `br#"`, …).
    fn raw_hashes(&self) -> Option<usize> {
        let mut ahead = usize::from(self.peek(0) != Some(b'r'));
        if self.peek(ahead) != Some(b'r') {
            return None;
        }
        ahead += 1;
        let hashes = (0..)
            .take_while(|i| self.peek(ahead + i) == Some(b'#'))
            .count();
        (self.peek(ahead + hashes) == Some(b'"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_hashes().unwrap_or(0);
        while self.peek(0).is_some_and(|b| b != b'"') {
            self.keep();
        }
        self.keep();
        let from = self.at;
        while self.peek(0).is_some() && !self.raw_ends(hashes) {
            self.blank();
        }
        self.push_literal(from);
        if self.peek(0).is_some() {
            self.keep();
        }
    }

    fn raw_ends(&self, hashes: usize) -> bool {
        self.peek(0) == Some(b'"') && (1..=hashes).all(|i| self.peek(i) == Some(b'#'))
    }

    fn push_literal(&mut self, from: usize) {
        let text = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        self.literals.push(Literal { at: from, text });
    }

    /// A character literal is blanked, a lifetime is kept.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some(b'\\');
        let width = (2..=5).find(|i| self.peek(*i) == Some(b'\''));
        let short = width.is_some_and(|w| {
            let inside = &self.text[self.at + 1..self.at + w];
            std::str::from_utf8(inside).is_ok_and(|s| s.chars().count() == 1)
        });
        if !escaped && !short {
            return self.keep();
        }
        self.keep();
        if escaped && self.peek(1).is_some() {
            self.blank();
            self.blank();
        }
        while self.peek(0).is_some_and(|b| b != b'\'') {
            self.blank();
        }
        if self.peek(0).is_some() {
            self.keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_code(text: &str, want: &str) {
        let got = Source::new(text).code;
        assert_eq!(got.split_whitespace().collect::<Vec<_>>().join(" "), want);
        assert_eq!(got.len(), text.len());
    }

    #[test]
    fn comments_and_strings_are_blanked() {
        check_code("a // b\nc", "a c");
        check_code("a /* b /* c */ d */ e", "a e");
        check_code(r#"f("x // y", 1)"#, r#"f(" ", 1)"#);
        check_code(r#"f("\"x", 1)"#, r#"f(" ", 1)"#);
        check_code("f(r#\"a\"b\"#, 1)", "f(r#\" \"#, 1)");
        check_code("f(br\"ab\", 1)", "f(br\" \", 1)");
    }

    #[test]
    fn lifetimes_stay_and_characters_go() {
        check_code("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check_code("m('{', '\\'', '\\u{7d}', 'ä')", "m(' ', ' ', ' ', ' ')");
    }

    #[test]
    fn literals_know_their_place() {
        let source = Source::new("a\nb(\"one\", r#\"two\"#)");
        let texts: Vec<&str> = source.literals.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["one", "two"]);
        assert_eq!(source.line(source.literals[0].at), 2);
    }

    #[test]
    fn tests_are_found() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod more;\n";
        let source = Source::new(text);
        assert!(source.is_test(text.find("fn b").unwrap()));
        assert!(!source.is_test(text.find("fn c").unwrap()));
        assert_eq!(source.test_modules, ["more"]);
        assert_eq!(source.lines_without_tests(text), 2);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(
            find_word("StatusCode MyStatusCode StatusCodes", "StatusCode"),
            [0]
        );
        assert_eq!(find_word("x.await; y.awaited", ".await"), [1]);
    }

    #[test]
    fn unfinished_text_does_not_panic() {
        for text in [
            "\"",
            "r#\"",
            "/*",
            "'",
            "'\\",
            "#[cfg(test)]",
            "#[cfg(test)] mod x {",
            "b'",
        ] {
            Source::new(text);
        }
    }
}
