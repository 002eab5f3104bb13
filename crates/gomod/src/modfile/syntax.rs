//! Puts the tokens of a `go.mod` together to lines, in blocks or alone, each with its comments.
//!
//! Lines are handed on one by one and not kept, so that a hostile file costs no more memory than its own size.
//! What the lines mean is for `directive`.
//!
//! Source: golang.org/x/mod, `modfile/read.go`.

use std::borrow::Cow;
use std::sync::Arc;

use super::lexer::{Fault, Kind, Lexer, Position, Token};

/// How many words of a line are kept: more than any directive has, so that a line with too many is seen to have
/// too many. The rest is read and dropped, since a file of short words would take a dozen times its size.
const WORDS_KEPT: usize = 16;

/// How many comments may stand together before a line, for the same reason.
const COMMENTS_MAX: usize = 100_000;

/// One line outside blocks, or one inside.
pub(super) struct Line<'a> {
    pub start: Position,
    /// The words, at most [`WORDS_KEPT`]; of a line outside blocks the first is the directive.
    pub words: Vec<Cow<'a, str>>,
    /// The comments before and behind, each with its slashes; an empty one is a blank line inside a block.
    pub comments: Vec<Cow<'a, str>>,
    /// The first comment behind the line.
    pub suffix: Option<Cow<'a, str>>,
}

/// The head of a block.
pub(super) struct Block<'a> {
    pub start: Position,
    /// The words before the opening parenthesis.
    pub words: Vec<Cow<'a, str>>,
    /// The text of the comments right before it, without slashes. Shared: every line of the block may want it.
    pub comment: Arc<str>,
}

/// Takes the lines of a file in order.
pub(super) trait Visitor<'a> {
    /// A block begins; its lines follow. `false` skips what they say; their syntax is still checked.
    fn enter(&mut self, block: &Block<'a>) -> bool;
    /// A line inside `block`, or outside of any.
    fn line(&mut self, block: Option<&Block<'a>>, line: &Line<'a>);
}

/// Reads a whole file. The first fault of syntax ends it.
pub(super) fn read<'a>(bytes: &'a [u8], visitor: &mut impl Visitor<'a>) -> Result<(), Fault> {
    let mut lexer = Lexer::new(bytes);
    let mut reader = Reader {
        next: lexer.next()?,
        lexer,
    };
    let mut comments = Vec::new();
    loop {
        match reader.next.kind {
            Kind::End => return Ok(()),
            // A blank line parts comments from what follows.
            Kind::Newline | Kind::SuffixComment => {
                reader.take()?;
                comments.clear();
            }
            Kind::LineComment => push_comment(&mut comments, reader.take()?)?,
            Kind::Word | Kind::Open | Kind::Close => {
                reader.statement(std::mem::take(&mut comments), visitor)?
            }
        }
    }
}

/// Gives the text of comments without their slashes, one line each; blank lines are left out.
pub(super) fn join_comments(comments: &[Cow<'_, str>]) -> String {
    let lines: Vec<&str> = comments
        .iter()
        .filter_map(|comment| comment.strip_prefix("//"))
        .map(str::trim)
        .collect();
    lines.join("\n")
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    /// The token after the one in hand.
    next: Token<'a>,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Result<Token<'a>, Fault> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn statement(
        &mut self,
        comments: Vec<Cow<'a, str>>,
        visitor: &mut impl Visitor<'a>,
    ) -> Result<(), Fault> {
        let first = self.take()?;
        let mut line = Line {
            start: first.start,
            words: vec![first.text],
            comments,
            suffix: None,
        };
        loop {
            let token = self.take()?;
            if token.kind.is_line_end() {
                line.end_with(token);
                visitor.line(None, &line);
                return Ok(());
            }
            let is_open = token.kind == Kind::Open;
            if is_open && self.next.kind.is_line_end() {
                return self.block(line, visitor);
            }
            if is_open && self.next.kind == Kind::Close {
                let close = self.take()?;
                if self.next.kind.is_line_end() {
                    self.take()?;
                    visitor.enter(&line.into_block()); // an empty block
                    return Ok(());
                }
                line.push(token.text);
                line.push(close.text);
            } else {
                line.push(token.text);
            }
        }
    }

    fn block(&mut self, head: Line<'a>, visitor: &mut impl Visitor<'a>) -> Result<(), Fault> {
        let block = head.into_block();
        let wanted = visitor.enter(&block);
        let mut comments: Vec<Cow<'a, str>> = Vec::new();
        let mut is_first = true;
        loop {
            match self.next.kind {
                Kind::End => {
                    let message = format!(
                        "syntax error (unterminated block started at line {})",
                        block.start.line
                    );
                    return Err(Fault {
                        at: self.next.start,
                        message,
                    });
                }
                Kind::SuffixComment => drop(self.take()?),
                Kind::Newline => {
                    self.take()?;
                    // Blank lines between lines count as one comment without text.
                    if comments.last().map_or(!is_first, |last| !last.is_empty()) {
                        comments.push(Cow::Borrowed(""));
                    }
                }
                Kind::LineComment => push_comment(&mut comments, self.take()?)?,
                Kind::Close => {
                    self.take()?;
                    if !self.next.kind.is_line_end() {
                        let message =
                            "syntax error (expected newline after closing paren)".to_owned();
                        return Err(Fault {
                            at: self.next.start,
                            message,
                        });
                    }
                    self.take()?;
                    return Ok(());
                }
                Kind::Word | Kind::Open => {
                    let line = self.block_line(std::mem::take(&mut comments))?;
                    is_first = false;
                    if wanted {
                        visitor.line(Some(&block), &line);
                    }
                }
            }
        }
    }

    fn block_line(&mut self, comments: Vec<Cow<'a, str>>) -> Result<Line<'a>, Fault> {
        let first = self.take()?;
        let mut line = Line {
            start: first.start,
            words: vec![first.text],
            comments,
            suffix: None,
        };
        loop {
            let token = self.take()?;
            if token.kind.is_line_end() {
                line.end_with(token);
                return Ok(line);
            }
            line.push(token.text);
        }
    }
}

/// Adds a comment to those that stand together.
fn push_comment<'a>(comments: &mut Vec<Cow<'a, str>>, comment: Token<'a>) -> Result<(), Fault> {
    if comments.len() >= COMMENTS_MAX {
        let message = format!("more than {COMMENTS_MAX} comments in one place");
        return Err(Fault {
            at: comment.start,
            message,
        });
    }
    comments.push(comment.text);
    Ok(())
}

impl<'a> Line<'a> {
    fn push(&mut self, word: Cow<'a, str>) {
        if self.words.len() < WORDS_KEPT {
            self.words.push(word);
        }
    }

    /// Takes up the comment behind the line, if that is what ended it.
    ///
    /// A line that a string with an escaped newline spreads over two gets none, as with the go command.
    fn end_with(&mut self, end: Token<'a>) {
        if end.kind == Kind::SuffixComment && end.start.line == self.start.line {
            self.comments.push(end.text.clone());
            self.suffix = Some(end.text);
        }
    }

    fn into_block(self) -> Block<'a> {
        Block {
            start: self.start,
            words: self.words,
            comment: join_comments(&self.comments).into(),
        }
    }
}
