//! The layers of configuration: defaults, one TOML file, `GRANARY_…` variables, flags. Later layers win.
//!
//! Values are kept as text with the layer they came from, so that an error and `config show` can name it. What a value
//! means is decided in the parent module.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::keys::{KEYS, find_key};

/// A value as someone gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text; lists are comma separated.
    pub text: String,
    /// Who gave it: `default`, a file's name, a variable's name or a flag.
    pub source: String,
}

/// All values by key, and what was odd on the way.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, Given>,
    /// Variables that look like ours and name no key.
    pub unknown_variables: Vec<String>,
}

/// The largest configuration file read; it is a page of text.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Layers {
    /// The defaults of the table.
    pub fn defaults() -> Self {
        let values = KEYS
            .iter()
            .map(|k| {
                (
                    k.name,
                    Given {
                        text: k.default.to_owned(),
                        source: "default".to_owned(),
                    },
                )
            })
            .collect();
        Self {
            values,
            unknown_variables: Vec::new(),
        }
    }

    /// Lays the TOML file over what is there. An unknown key is an error: a misspelt one must not pass in silence.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let size = std::fs::metadata(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?
            .len();
        if size > FILE_BYTES_MAX {
            bail!(
                "the configuration file {} has {size} bytes, more than {FILE_BYTES_MAX}",
                path.display()
            );
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        let table: toml::Table = toml::from_str(&text)
            .with_context(|| format!("{} is not valid TOML", path.display()))?;
        let mut flat = Vec::new();
        flatten("", &table, &mut flat).with_context(|| path.display().to_string())?;
        for (name, text) in flat {
            let Some(key) = find_key(&name) else {
                bail!(
                    "{}: unknown key `{name}`; `granary config show` lists the known ones",
                    path.display()
                );
            };
            self.values.insert(
                key.name,
                Given {
                    text,
                    source: path.display().to_string(),
                },
            );
        }
        Ok(())
    }

    /// Lays variables over what is there. `vars` are name and value; only names that start with `GRANARY_` are looked at.
    pub fn add_variables(&mut self, vars: impl Iterator<Item = (String, String)>) -> Result<()> {
        let given: BTreeMap<String, String> = vars
            .filter(|(name, _)| name.starts_with("GRANARY_"))
            .collect();
        let mut known = vec!["GRANARY_CONFIG".to_owned()];
        for key in KEYS {
            let variable = key.variable();
            let file_variable = format!("{variable}_FILE");
            if let Some(text) = given.get(&variable) {
                self.values.insert(
                    key.name,
                    Given {
                        text: text.clone(),
                        source: variable.clone(),
                    },
                );
            }
            if key.secret {
                if let Some(path) = given.get(&file_variable) {
                    if given.contains_key(&variable) {
                        bail!("both {variable} and {file_variable} are set; keep one");
                    }
                    let text = std::fs::read_to_string(path).with_context(|| {
                        format!("cannot read the file that {file_variable} names: {path}")
                    })?;
                    self.values.insert(
                        key.name,
                        Given {
                            text: text.trim_end().to_owned(),
                            source: file_variable.clone(),
                        },
                    );
                }
                known.push(file_variable);
            }
            known.push(variable);
        }
        self.unknown_variables = given
            .into_keys()
            .filter(|name| !known.contains(name))
            .collect();
        Ok(())
    }

    /// Lays one flag over what is there.
    pub fn add_flag(&mut self, name: &str, text: &str, flag: &str) -> Result<()> {
        let key = find_key(name).ok_or_else(|| {
            anyhow!("{flag}: unknown key `{name}`; `granary config show` lists the known ones")
        })?;
        self.values.insert(
            key.name,
            Given {
                text: text.to_owned(),
                source: flag.to_owned(),
            },
        );
        Ok(())
    }

    /// The value of a key of the table; empty for a name that is not in it.
    pub fn get(&self, name: &str) -> Given {
        let nothing = || Given {
            text: String::new(),
            source: "default".to_owned(),
        };
        self.values.get(name).cloned().unwrap_or_else(nothing)
    }

    /// Whether someone gave the value, the default aside.
    pub fn is_given(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|given| given.source != "default")
    }
}

/// Turns tables into dotted names and values into text. The depth is bounded because no key has more than one dot.
fn flatten(prefix: &str, table: &toml::Table, out: &mut Vec<(String, String)>) -> Result<()> {
    for (name, value) in table {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::Table(inner) if prefix.is_empty() => flatten(&name, inner, out)?,
            other => out.push((name.clone(), as_text(&name, other)?)),
        }
    }
    Ok(())
}

fn as_text(name: &str, value: &toml::Value) -> Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(yes) => yes.to_string(),
        toml::Value::Array(items) => {
            let items: Result<Vec<String>> = items.iter().map(|item| as_text(name, item)).collect();
            items?.join(",")
        }
        _ => {
            bail!("the value of `{name}` must be a text, a number, true, false or a list of texts")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Layers> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("granary.toml");
        std::fs::write(&path, text).unwrap();
        let mut layers = Layers::defaults();
        layers.add_file(&path)?;
        Ok(layers)
    }

    #[test]
    fn later_layers_win_and_say_where_they_come_from() {
        let mut layers =
            file("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[list]\nfresh = \"5s\"\n").unwrap();
        assert_eq!(layers.get("listen").text, "127.0.0.1:1,127.0.0.1:2");
        assert_eq!(layers.get("list.fresh").text, "5s");
        layers
            .add_variables([("GRANARY_LISTEN".to_owned(), "127.0.0.1:3".to_owned())].into_iter())
            .unwrap();
        assert_eq!(
            layers.get("listen"),
            Given {
                text: "127.0.0.1:3".into(),
                source: "GRANARY_LISTEN".into()
            }
        );
        layers
            .add_flag("listen", "127.0.0.1:4", "--listen")
            .unwrap();
        assert_eq!(layers.get("listen").source, "--listen");
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error_that_names_it() {
        let error = file("lissten = \"x\"\n").unwrap_err().to_string();
        assert!(error.contains("lissten"), "{error}");
        let error = file("[list]\nfrsh = \"x\"\n").unwrap_err().to_string();
        assert!(error.contains("list.frsh"), "{error}");
    }

    #[test]
    fn an_unknown_variable_is_kept_for_one_warning() {
        let mut layers = Layers::defaults();
        let vars = [
            ("GRANARY_LISSTEN".to_owned(), "x".to_owned()),
            ("OTHER".to_owned(), "y".to_owned()),
        ];
        layers.add_variables(vars.into_iter()).unwrap();
        assert_eq!(layers.unknown_variables, ["GRANARY_LISSTEN"]);
    }

    #[test]
    fn a_secret_may_come_from_a_file_but_not_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "postgres://u:p@h/d\n").unwrap();
        let from_file = (
            "GRANARY_DATABASE_FILE".to_owned(),
            path.display().to_string(),
        );
        let mut layers = Layers::defaults();
        layers
            .add_variables([from_file.clone()].into_iter())
            .unwrap();
        assert_eq!(layers.get("database").text, "postgres://u:p@h/d");
        let both = [from_file, ("GRANARY_DATABASE".to_owned(), "x".to_owned())];
        assert!(Layers::defaults().add_variables(both.into_iter()).is_err());
    }
}
