//! Reads typed values out of the layers. What a value is for is decided in the parent module.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use store::space::Reserve;

use super::keys;
use super::layers::Layers;

/// Reads typed values; every error names the key and its source.
pub struct Reader<'a> {
    /// Where the values come from.
    pub layers: &'a Layers,
}

impl Reader<'_> {
    /// The key with its value (unless it is secret) and who gave it: how every error begins.
    pub fn context(&self, name: &str) -> String {
        let given = self.layers.get(name);
        let shown = if keys::find_key(name).is_some_and(|k| k.secret) {
            "(secret)"
        } else {
            given.text.as_str()
        };
        format!("`{name}` is `{shown}` (from {})", given.source)
    }

    /// The text, unless it is empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        Some(self.layers.get(name).text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The text, also an empty one, if somebody gave it.
    pub fn given(&self, name: &str) -> Option<String> {
        self.layers
            .is_given(name)
            .then(|| self.layers.get(name).text)
    }

    /// The parts between commas, without empty ones.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.layers.get(name).text;
        text.split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// A text that must be one of `values`.
    pub fn one_of(&self, name: &str, values: &[&str]) -> Result<String> {
        let text = self.layers.get(name).text;
        if values.contains(&text.as_str()) {
            return Ok(text);
        }
        bail!(
            "{}: it must be one of {}",
            self.context(name),
            values.join(", ")
        )
    }

    /// Addresses to listen on; names are resolved. At least one.
    pub fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>> {
        use std::net::ToSocketAddrs;
        let mut found = Vec::new();
        for item in self.list(name) {
            let resolved = item.to_socket_addrs().with_context(|| {
                format!(
                    "{}: `{item}` is no address such as 127.0.0.1:3000",
                    self.context(name)
                )
            })?;
            found.extend(resolved);
        }
        if found.is_empty() {
            bail!("{}: no address to listen on", self.context(name));
        }
        Ok(found)
    }

    /// An http or https address.
    pub fn url(&self, name: &str) -> Result<Option<url::Url>> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        let url =
            url::Url::parse(text.trim_end_matches('/')).with_context(|| self.context(name))?;
        if !matches!(url.scheme(), "http" | "https")
            || url.query().is_some()
            || url.fragment().is_some()
        {
            bail!(
                "{}: it must be an http or https address without ? and #",
                self.context(name)
            );
        }
        Ok(Some(url))
    }

    /// Where the catalog lives, unless in the data folder.
    pub fn database(&self) -> Result<Option<String>> {
        let Some(text) = self.optional("database") else {
            return Ok(None);
        };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Some(text));
        }
        bail!(
            "{}: it must start with postgres://; leave it out for SQLite in the data folder",
            self.context("database")
        )
    }

    /// The folder that a `file://` address names.
    pub fn store(&self) -> Result<Option<PathBuf>> {
        let Some(text) = self.optional("store") else {
            return Ok(None);
        };
        let path = text
            .strip_prefix("file://")
            .filter(|path| path.starts_with('/'));
        let path =
            path.ok_or_else(|| anyhow!("{}: it must be file:///folder", self.context("store")))?;
        Ok(Some(PathBuf::from(path)))
    }

    /// A number from `min` to `max`.
    pub fn count(&self, name: &str, min: usize, max: usize) -> Result<usize> {
        let number: usize = self
            .layers
            .get(name)
            .text
            .trim()
            .parse()
            .with_context(|| format!("{}: it must be a number", self.context(name)))?;
        if (min..=max).contains(&number) {
            return Ok(number);
        }
        bail!("{}: it must be between {min} and {max}", self.context(name))
    }

    /// A duration with its unit.
    pub fn duration(&self, name: &str) -> Result<Duration> {
        parse_duration(&self.layers.get(name).text).with_context(|| {
            format!(
                "{}: write it like 500ms, 60s, 5m, 2h or 30d",
                self.context(name)
            )
        })
    }

    /// What is left alone on a disk.
    pub fn reserve(&self, name: &str) -> Result<Reserve> {
        parse_reserve(&self.layers.get(name).text).with_context(|| {
            format!(
                "{}: write `auto`, or a size like 512MiB or 2GiB",
                self.context(name)
            )
        })
    }

    /// A number of bytes with its unit.
    pub fn size(&self, name: &str) -> Result<u64> {
        parse_size(&self.layers.get(name).text).with_context(|| {
            format!(
                "{}: write it like 512KiB, 32MiB or 1GiB",
                self.context(name)
            )
        })
    }
}

/// Parses `auto` or a size.
fn parse_reserve(text: &str) -> Result<Reserve> {
    match text.trim() {
        "auto" => Ok(Reserve::Auto),
        size => parse_size(size).map(Reserve::Bytes),
    }
}

/// Parses `500ms`, `60s`, `5m`, `2h`, `30d`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(|| anyhow!("the unit is missing"))?;
    let number: u64 = text[..split].parse().context("no number")?;
    let millis = match &text[split..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => bail!("unknown unit `{other}`"),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(|| anyhow!("too long"))
}

/// Parses `512`, `512KiB`, `32MiB`, `1GiB` into bytes.
pub fn parse_size(text: &str) -> Result<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..split].parse().context("no number")?;
    let unit: u64 = match &text[split..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => bail!("unknown unit `{other}`"),
    };
    number.checked_mul(unit).ok_or_else(|| anyhow!("too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(parse_duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(
            parse_duration("30d").unwrap(),
            Duration::from_secs(30 * 86_400)
        );
        assert!(parse_duration("99999999999999999d").is_err());
        assert_eq!(parse_size("32MiB").unwrap(), 32 << 20);
        assert!(parse_size("99999999999GiB").is_err());
        assert_eq!(parse_reserve("auto").unwrap(), Reserve::Auto);
        assert_eq!(parse_reserve("2GiB").unwrap(), Reserve::Bytes(2 << 30));
        assert_eq!(parse_reserve("0").unwrap(), Reserve::Bytes(0));
        assert!(parse_reserve("").is_err());
    }
}
