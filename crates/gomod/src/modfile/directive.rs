//! What the lines of a `go.mod` mean: one function for each directive.
//!
//! Source: golang.org/x/mod, `modfile/rule.go`.

use std::borrow::Cow;
use std::sync::Arc;

use super::file::{
    DIRECTIVES_MAX, Exclude, Godebug, ModFile, ModFileError, ModuleLine, Replace, Replacement,
    Require, Retract,
};
use super::lexer::Position;
use super::syntax::{Block, Line, Visitor, join_comments};
use super::words::{
    check_directory, find_go_version, is_directory_path, is_go_version, parse_fitting_version,
    parse_interval, parse_module, parse_single, parse_string, parse_version, path_major,
};
use crate::path::shorten;

/// How many faults one file may show before the rest is left out.
const ERRORS_MAX: usize = 20;

const USAGE_REPLACE: &str = "usage: replace module/path [v1.2.3] => other/module v1.4 or replace module/path [v1.2.3] => ../local/directory";

/// Gathers what the lines say.
pub(super) struct Collector<'n, 'b> {
    name: &'n str,
    bytes: &'b [u8],
    strict: bool,
    kept: usize,
    pub file: ModFile,
    pub errors: Vec<ModFileError>,
}

impl<'n, 'b> Collector<'n, 'b> {
    pub fn new(name: &'n str, bytes: &'b [u8], strict: bool) -> Self {
        Self {
            name,
            bytes,
            strict,
            kept: 0,
            file: ModFile::default(),
            errors: Vec::new(),
        }
    }

    /// Notes a fault.
    pub fn refuse(&mut self, at: Position, message: String) {
        if self.errors.len() < ERRORS_MAX {
            let column = at.column(self.bytes);
            self.errors.push(ModFileError {
                name: self.name.to_owned(),
                line: at.line,
                column,
                message,
            });
        }
    }

    fn add(&mut self, block: Option<&Block<'_>>, line: &Line<'_>) -> Result<(), String> {
        let (directive, args): (&str, &[Cow<'_, str>]) = match block {
            Some(block) => (&block.words[0], &line.words),
            None => (&line.words[0], &line.words[1..]),
        };
        // What only matters in a main module is passed over in dependencies, so that new directives do not break
        // old readers.
        if !self.strict
            && !matches!(
                directive,
                "go" | "module" | "retract" | "require" | "ignore"
            )
        {
            return Ok(());
        }
        self.kept += 1;
        if self.kept > DIRECTIVES_MAX {
            return Err(format!("more than {DIRECTIVES_MAX} lines"));
        }
        match directive {
            "module" => self.add_module(block, line, args),
            "go" => self.add_go(args),
            "toolchain" => self.add_toolchain(args),
            "godebug" => self.add_godebug(args),
            "require" => self.add_require(line, args),
            "exclude" => self.add_exclude(args),
            "replace" => self.add_replace(args),
            "retract" => self.add_retract(block, line, args),
            "tool" => {
                self.file.tool.push(parse_single("tool", args)?);
                Ok(())
            }
            "ignore" => {
                self.file.ignore.push(parse_single("ignore", args)?);
                Ok(())
            }
            _ => Err(format!("unknown directive: {}", shorten(directive))),
        }
    }

    fn add_module(
        &mut self,
        block: Option<&Block<'_>>,
        line: &Line<'_>,
        args: &[Cow<'_, str>],
    ) -> Result<(), String> {
        if self.file.module.is_some() {
            return Err("repeated module statement".to_owned());
        }
        let deprecated = find_deprecation(&comment_of(block, line));
        self.file.module = Some(ModuleLine {
            path: String::new(),
            deprecated: deprecated.clone(),
        });
        let [path] = args else {
            return Err("usage: module module/path".to_owned());
        };
        self.file.module = Some(ModuleLine {
            path: parse_string(path)?,
            deprecated,
        });
        Ok(())
    }

    fn add_go(&mut self, args: &[Cow<'_, str>]) -> Result<(), String> {
        if self.file.go.is_some() {
            return Err("repeated go statement".to_owned());
        }
        let [version] = args else {
            return Err("go directive expects exactly one argument".to_owned());
        };
        let read = if is_go_version(version) {
            Some(&**version)
        } else {
            None
        };
        let read = read.or_else(|| {
            if self.strict {
                None
            } else {
                find_go_version(version)
            }
        });
        match read {
            Some(read) => self.file.go = Some(read.to_owned()),
            None => {
                return Err(format!(
                    "invalid go version '{}': must match format 1.23.0",
                    shorten(version)
                ));
            }
        }
        Ok(())
    }

    fn add_toolchain(&mut self, args: &[Cow<'_, str>]) -> Result<(), String> {
        if self.file.toolchain.is_some() {
            return Err("repeated toolchain statement".to_owned());
        }
        let [name] = args else {
            return Err("toolchain directive expects exactly one argument".to_owned());
        };
        if name != "default" && name != "go1" && !name.starts_with("go1.") {
            return Err(format!(
                "invalid toolchain version '{}': must match format go1.23.0 or default",
                shorten(name)
            ));
        }
        self.file.toolchain = Some(name.clone().into_owned());
        Ok(())
    }

    fn add_godebug(&mut self, args: &[Cow<'_, str>]) -> Result<(), String> {
        let [arg] = args else {
            return Err("usage: godebug key=value".to_owned());
        };
        let pair = arg
            .split_once('=')
            .filter(|_| !arg.contains(['"', '`', '\'', ',']));
        let (key, value) = pair.ok_or("usage: godebug key=value")?;
        self.file.godebug.push(Godebug {
            key: key.to_owned(),
            value: value.to_owned(),
        });
        Ok(())
    }

    fn add_require(&mut self, line: &Line<'_>, args: &[Cow<'_, str>]) -> Result<(), String> {
        let (path, version) = parse_module("require", args)?;
        self.file.require.push(Require {
            path,
            version,
            indirect: is_indirect(line),
        });
        Ok(())
    }

    fn add_exclude(&mut self, args: &[Cow<'_, str>]) -> Result<(), String> {
        let (path, version) = parse_module("exclude", args)?;
        self.file.exclude.push(Exclude { path, version });
        Ok(())
    }

    fn add_replace(&mut self, args: &[Cow<'_, str>]) -> Result<(), String> {
        let arrow = if args.get(1).is_some_and(|arg| arg == "=>") {
            1
        } else {
            2
        };
        let (old, new) = match args.get(arrow) {
            Some(arg) if arg == "=>" => (&args[..arrow], &args[arrow + 1..]),
            _ => return Err(USAGE_REPLACE.to_owned()),
        };
        let (new_path, new_version) = match new {
            [path] => (path, None),
            [path, version] => (path, Some(version)),
            _ => return Err(USAGE_REPLACE.to_owned()),
        };
        let old_path = parse_string(&old[0])?;
        let major = path_major(&old_path)?;
        let old_version = match old.get(1) {
            Some(version) => Some(parse_fitting_version("replace", &old_path, major, version)?),
            None => None,
        };
        let new_path = parse_string(new_path)?;
        let new = match new_version {
            None => Replacement::Directory(check_directory(new_path)?),
            Some(version) => {
                let version = parse_version("replace", &new_path, version)?;
                if is_directory_path(&new_path) {
                    let shown = shorten(&new_path);
                    return Err(format!(
                        "replacement module directory path {shown:?} cannot have version"
                    ));
                }
                Replacement::Module {
                    path: new_path,
                    version,
                }
            }
        };
        self.file.replace.push(Replace {
            old_path,
            old_version,
            new,
        });
        Ok(())
    }

    fn add_retract(
        &mut self,
        block: Option<&Block<'_>>,
        line: &Line<'_>,
        args: &[Cow<'_, str>],
    ) -> Result<(), String> {
        let (low, high, rest) = match parse_interval(args) {
            Ok(found) => found,
            // There may be other kinds of intervals one day.
            Err(_) if !self.strict => return Ok(()),
            Err(message) => return Err(message),
        };
        if let (true, Some(word)) = (self.strict, rest.first()) {
            return Err(format!(
                "unexpected token after version: {:?}",
                shorten(word)
            ));
        }
        self.file.retract.push(Retract {
            low,
            high,
            rationale: comment_of(block, line),
        });
        Ok(())
    }
}

impl<'a> Visitor<'a> for Collector<'_, '_> {
    fn enter(&mut self, block: &Block<'a>) -> bool {
        let known = matches!(
            block.words.as_slice(),
            [one] if matches!(
                &**one,
                "module" | "godebug" | "require" | "exclude" | "replace" | "retract" | "tool" | "ignore"
            )
        );
        if !known && self.strict {
            self.refuse(
                block.start,
                format!("unknown block type: {}", shorten(&block.words.join(" "))),
            );
        }
        known
    }

    fn line(&mut self, block: Option<&Block<'a>>, line: &Line<'a>) {
        if let Err(message) = self.add(block, line) {
            self.refuse(line.start, message);
        }
    }
}

/// Gives the comments of a line, or where it has none those of its block.
fn comment_of(block: Option<&Block<'_>>, line: &Line<'_>) -> Arc<str> {
    match block {
        Some(block) if line.comments.is_empty() => block.comment.clone(),
        _ => join_comments(&line.comments).into(),
    }
}

/// Finds the first paragraph that starts with `Deprecated:`.
fn find_deprecation(comment: &str) -> Option<String> {
    const MARK: &str = "Deprecated:";
    let rest = comment
        .strip_prefix(MARK)
        .or_else(|| comment.split_once("\n\nDeprecated:").map(|(_, rest)| rest))?;
    let rest = rest.trim_start_matches(' ');
    let text = rest.split_once("\n\n").map_or(rest, |(text, _)| text);
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_indirect(line: &Line<'_>) -> bool {
    let Some(comment) = &line.suffix else {
        return false;
    };
    let mut words = comment
        .strip_prefix("//")
        .unwrap_or(comment)
        .split_whitespace();
    matches!(
        (words.next(), words.next()),
        (Some("indirect"), None) | (Some("indirect;"), Some(_))
    )
}
