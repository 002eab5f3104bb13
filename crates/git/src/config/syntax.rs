//! The syntax of configuration files.

/// Largest file that is read. The largest ones that people write by hand have some ten kilobytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// A configuration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitConfigError {
    /// The file is too large.
    #[error("a configuration of more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// A line breaks the syntax.
    #[error("line {line} of the configuration: {what}")]
    Syntax {
        /// The line, the first being 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Lower case.
    pub(super) section: String,
    /// As it is written; `None` where there is none.
    pub(super) subsection: Option<String>,
    /// Lower case.
    pub(super) key: String,
    /// `None` for a key alone, which means "true".
    pub(super) value: Option<String>,
}

/// Reads all settings in order. Those with a name or a value that is not UTF-8 are left out.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, GitConfigError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(GitConfigError::TooLarge);
    }
    let mut reader = Reader {
        rest: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
        line: 1,
    };
    let mut entries = Vec::new();
    let mut section: Option<(String, Option<Vec<u8>>)> = None;
    while let Some(byte) = reader.next() {
        match byte {
            b'#' | b';' => reader.skip_line(),
            b'[' => section = Some(reader.section()?),
            byte if byte.is_ascii_whitespace() => {}
            byte if byte.is_ascii_alphabetic() => {
                let Some((name, subsection)) = &section else {
                    return Err(reader.error("a setting before any section"));
                };
                let (key, value) = reader.setting(byte)?;
                let subsection = subsection.clone().map(String::from_utf8).transpose();
                let value = value.map(String::from_utf8).transpose();
                if let (Ok(subsection), Ok(value)) = (subsection, value) {
                    entries.push(Entry {
                        section: name.clone(),
                        subsection,
                        key,
                        value,
                    });
                }
            }
            _ => return Err(reader.error("neither a section nor a setting")),
        }
    }
    Ok(entries)
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Reader<'_> {
    /// The next byte, a carriage return before a newline left out.
    fn next(&mut self) -> Option<u8> {
        if self.rest.starts_with(b"\r\n") {
            self.rest = &self.rest[1..];
        }
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *byte == b'\n' {
            self.line += 1;
        }
        Some(*byte)
    }

    fn peek(&self) -> Option<u8> {
        match self.rest {
            [b'\r', b'\n', ..] => Some(b'\n'),
            rest => rest.first().copied(),
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.next();
        }
    }

    fn error(&self, what: &'static str) -> GitConfigError {
        GitConfigError::Syntax {
            line: self.line,
            what,
        }
    }

    /// `name]`, `name "subsection"]` or the old `name.subsection]`, which ignores case.
    fn section(&mut self) -> Result<(String, Option<Vec<u8>>), GitConfigError> {
        let bad = "a section is written [name] or [name \"subsection\"]";
        let mut name = String::new();
        loop {
            match self.next() {
                Some(b']') if !name.is_empty() => break,
                Some(b' ' | b'\t') => return Ok((name, Some(self.subsection()?))),
                Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') => {
                    name.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => return Err(self.error(bad)),
            }
        }
        Ok(match name.split_once('.') {
            Some((section, rest)) => (section.to_owned(), Some(rest.as_bytes().to_vec())),
            None => (name, None),
        })
    }

    /// Blanks, `"subsection"]`.
    fn subsection(&mut self) -> Result<Vec<u8>, GitConfigError> {
        let bad = "a subsection is written [name \"subsection\"]";
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.next();
        }
        if self.next() != Some(b'"') {
            return Err(self.error(bad));
        }
        let mut name = Vec::new();
        loop {
            let mut byte = self.next();
            match byte {
                Some(b'"') => break,
                Some(b'\\') => byte = self.next(),
                _ => {}
            }
            match byte {
                Some(b'\n') | None => return Err(self.error(bad)),
                Some(byte) => name.push(byte),
            }
        }
        match self.next() {
            Some(b']') => Ok(name),
            _ => Err(self.error(bad)),
        }
    }

    /// The rest of a key and its value.
    fn setting(&mut self, first: u8) -> Result<(String, Option<Vec<u8>>), GitConfigError> {
        let mut key = String::from(char::from(first.to_ascii_lowercase()));
        while let Some(byte) = self.peek()
            && (byte.is_ascii_alphanumeric() || byte == b'-')
        {
            key.push(char::from(byte.to_ascii_lowercase()));
            self.next();
        }
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.next();
        }
        match self.peek() {
            Some(b'=') => {
                self.next();
                Ok((key, Some(self.value()?)))
            }
            None | Some(b'\n') => Ok((key, None)),
            Some(b'#' | b';') => {
                self.skip_line();
                Ok((key, None))
            }
            _ => Err(self.error("a setting is written name = value")),
        }
    }

    /// A value up to the end of its line: blanks around it dropped, quotes and escapes taken away.
    fn value(&mut self) -> Result<Vec<u8>, GitConfigError> {
        let mut value = Vec::new();
        // Up to here nothing is dropped from the end: quoted blanks stay.
        let mut kept = 0;
        let mut is_quoted = false;
        loop {
            let byte = match self.peek() {
                None | Some(b'\n') if is_quoted => {
                    return Err(self.error("a quote that does not end on its line"));
                }
                None | Some(b'\n') => break,
                Some(byte) => byte,
            };
            self.next();
            match byte {
                b'"' => {
                    is_quoted = !is_quoted;
                    kept = value.len();
                }
                b'\\' => {
                    match self.next() {
                        Some(b'\n') => continue,
                        Some(b'n') => value.push(b'\n'),
                        Some(b't') => value.push(b'\t'),
                        Some(b'b') => value.push(8),
                        Some(byte @ (b'\\' | b'"')) => value.push(byte),
                        _ => return Err(self.error("a backslash before what is no escape")),
                    }
                    kept = value.len();
                }
                b'#' | b';' if !is_quoted => {
                    self.skip_line();
                    break;
                }
                byte if byte.is_ascii_whitespace() && !is_quoted => {
                    if !value.is_empty() {
                        value.push(byte);
                    }
                }
                byte => {
                    value.push(byte);
                    kept = value.len();
                }
            }
        }
        value.truncate(kept);
        Ok(value)
    }
}
