//! Commands that only print: `config show`, `env`, `completion`.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use serde_json::json;

use crate::cli::Cli;
use crate::config::Config;
use crate::config::keys::KEYS;
use crate::config::layers::Layers;

/// Prints every key with its value and who gave it. Secrets are named, not shown.
pub fn config(layers: &Layers, config: &Config, as_json: bool) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    for key in KEYS {
        let given = layers.get(key.name);
        let value = match key.name {
            "data" => config.data.display().to_string(),
            _ if key.secret && !given.text.is_empty() => "(secret)".to_owned(),
            _ => given.text,
        };
        if as_json {
            writeln!(
                out,
                "{}",
                json!({ "key": key.name, "variable": key.variable(), "value": value, "source": given.source, "help": key.help })
            )?;
        } else {
            writeln!(
                out,
                "# {} ({}; {})\n{} = {:?}\n",
                key.help,
                key.variable(),
                given.source,
                key.name,
                value
            )?;
        }
    }
    Ok(true)
}

/// Says on standard error which variables look like settings and are none. The server says it in its log.
pub fn unknown_variables(layers: &Layers) {
    if !layers.unknown_variables.is_empty() {
        let names = layers.unknown_variables.join(" ");
        writeln!(std::io::stderr(), "granary: warning: no setting is called {names}; `granary config show` lists the settings").ok();
    }
}

/// Prints the lines that make go use this server.
pub fn env(config: &Config, as_json: bool) -> Result<bool> {
    let url = client_url(config);
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({ "GOPROXY": format!("{url}") }))?;
        return Ok(true);
    }
    writeln!(out, "go env -w GOPROXY={url}")?;
    writeln!(out, "# and back to what it was:\n# go env -u GOPROXY")?;
    Ok(true)
}

/// The address that clients put into GOPROXY.
pub fn client_url(config: &Config) -> String {
    if let Some(url) = &config.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let mut address = config.listen[0];
    if address.ip().is_unspecified() {
        address.set_ip(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    }
    format!("{scheme}://{address}")
}

/// Prints a completion script.
pub fn completion(shell: clap_complete::Shell) -> Result<bool> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "granary", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(true)
}
