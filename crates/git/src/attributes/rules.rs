//! The rules of one `.gitattributes` file and the macros of the root's, without all that changes no content.

use std::collections::HashMap;

use super::line::{Line, Subject, lines};
use super::pattern::Pattern;
use super::setting::{NAMES, Setting};

/// What the repository's own `info/attributes`, which goes before all others, takes from every file.
const ALWAYS_FALSE: [&[u8]; 2] = [b"export-subst", b"export-ignore"];

/// More rules than may be kept.
#[derive(Debug)]
pub(super) struct TooManyRules;

/// The rules of a file, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) list: Vec<Rule>,
    /// Whether one of them can lead to a conversion.
    pub(super) may_convert: bool,
    pub(super) size_bytes: usize,
}

/// A line about files.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) settings: Box<[Setting]>,
}

impl Rules {
    /// Reads a file. At most `bytes_max` bytes of rules are kept.
    pub(super) fn new(
        text: &[u8],
        is_root: bool,
        macros: &Macros,
        bytes_max: usize,
    ) -> Result<Self, TooManyRules> {
        let mut rules = Self::default();
        for line in lines(text, is_root) {
            let Subject::Pattern(pattern) = &line.subject else {
                continue;
            };
            let settings = macros.list_settings(&line);
            if settings.is_empty() {
                continue;
            }
            rules.size_bytes += weight(pattern, &settings);
            if rules.size_bytes > bytes_max {
                return Err(TooManyRules);
            }
            let Some(pattern) = Pattern::new(pattern) else {
                continue;
            };
            rules.may_convert |= settings.iter().any(|setting| macros.may_convert(setting));
            rules.list.push(Rule { pattern, settings });
        }
        Ok(rules)
    }
}

/// A rule's share of the bound, in bytes: at least what its text takes.
fn weight(name: &[u8], settings: &[Setting]) -> usize {
    name.len() + settings.len() * 4 + 4
}

/// The macros that can change content, by themselves or by others.
#[derive(Clone, Debug)]
pub(super) struct Macros {
    /// Numbers of all attributes that matter.
    attributes: HashMap<Vec<u8>, usize>,
    /// What each of them brings along when it is set; empty if it is no macro.
    settings: Vec<Box<[Setting]>>,
    may_convert: bool,
    pub(super) size_bytes: usize,
}

impl Macros {
    /// Reads the macros of the root's file; the last of a name counts, and before git's own.
    pub(super) fn new(text: &[u8], bytes_max: usize) -> Result<Self, TooManyRules> {
        let mut size_bytes = 0;
        let mut definitions: HashMap<Vec<u8>, Line<'_>> = HashMap::new();
        for line in lines(b"[attr]binary -diff -merge -text", true).chain(lines(text, true)) {
            if let Subject::Macro(name) = &line.subject {
                if ALWAYS_FALSE.contains(&&**name) {
                    continue; // a macro that is never set
                }
                size_bytes += name.len() + line.assignments().count() * 4 + 4;
                if size_bytes > bytes_max {
                    return Err(TooManyRules);
                }
                definitions.insert(name.to_vec(), line);
            }
        }
        let mut macros = Self {
            attributes: number_attributes(&definitions),
            settings: Vec::new(),
            may_convert: false,
            size_bytes,
        };
        let mut settings = vec![Box::default(); macros.attributes.len()];
        for (name, line) in &definitions {
            if let Some(attribute) = macros.find_attribute(name) {
                settings[attribute] = macros.list_settings(line);
            }
        }
        macros.may_convert = settings.iter().flatten().any(Setting::may_convert);
        macros.settings = settings;
        Ok(macros)
    }

    /// How many attributes matter.
    pub(super) fn attributes(&self) -> usize {
        self.settings.len()
    }

    pub(super) fn find_attribute(&self, name: &[u8]) -> Option<usize> {
        self.attributes.get(name).copied()
    }

    pub(super) fn settings_of(&self, attribute: usize) -> &[Setting] {
        &self.settings[attribute]
    }

    fn list_settings(&self, line: &Line<'_>) -> Box<[Setting]> {
        line.assignments()
            .filter_map(|assignment| {
                let attribute = self.find_attribute(assignment.attribute)?;
                Some(Setting::new(attribute, assignment.value))
            })
            .collect()
    }

    /// Whether `setting` can lead to a conversion, by itself or as a macro.
    fn may_convert(&self, setting: &Setting) -> bool {
        setting.may_convert()
            || (self.may_convert && !self.settings_of(setting.attribute).is_empty())
    }
}

/// Numbers the attributes that change content and the macros that lead to one of them.
fn number_attributes(definitions: &HashMap<Vec<u8>, Line<'_>>) -> HashMap<Vec<u8>, usize> {
    let mut users: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
    for (name, line) in definitions {
        for assignment in line.assignments() {
            users.entry(assignment.attribute).or_default().push(name);
        }
    }
    let mut attributes = HashMap::new();
    for name in NAMES {
        attributes.insert(name.to_vec(), attributes.len());
    }
    let mut found: Vec<&[u8]> = NAMES.to_vec();
    while let Some(name) = found.pop() {
        for &user in users.get(name).into_iter().flatten() {
            if !attributes.contains_key(user) {
                attributes.insert(user.to_vec(), attributes.len());
                found.push(user);
            }
        }
    }
    attributes
}
