//! The real go client, getting modules directly, and what ours are compared with.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gomod::hash::hash_go_mod;
use gomod::path::ModulePath;
use gomod::version::ModuleVersion;
use gomod::zip::{Limits, create};
use origin::vcs::code::Code;
use origin::vcs::module::Module;
use serde_json::Value;

use super::place::Place;

/// Serves the page for `ex.test/m`, which the go client gets as through an outgoing proxy. Ends with the process.
fn serve_page(vcs: &str, url: &str) -> String {
    let page = format!(
        "<html><head><meta name=\"go-import\" content=\"ex.test/m {vcs} {url}\"></head></html>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head
                .next()
                .is_some_and(|line| line.is_ok_and(|it| !it.is_empty()))
            {}
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

struct Client {
    home: PathBuf,
    proxy: String,
}

impl Client {
    fn run(&self, arguments: &[String]) -> String {
        let output = Command::new("go")
            .args(arguments)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("USER", "tester")
            .env("LC_ALL", "C.UTF-8")
            .env("GOENV", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-modcacherw -mod=mod")
            .env("GOMODCACHE", self.home.join("modcache"))
            .env("GOCACHE", self.home.join("cache"))
            .env("GOPROXY", "direct")
            .env("GOSUMDB", "off")
            .env("GOINSECURE", "*")
            .env("GOVCS", "*:all")
            // In capitals: fossil would take the other one for itself, even for loopback.
            .env("HTTP_PROXY", &self.proxy)
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Whether what we make of each `path@query` is what the real go client makes of it, errors included, and the lists of
/// versions of these paths. `count` of the queries must give a zip. Paths are below `ex.test/m`.
#[track_caller]
pub fn check_like_go(place: &Place, vcs: &str, url: &str, queries: &[&str], count: usize) {
    if !super::place::have(&["go"]) {
        return;
    }
    let client = Client {
        home: place.join("go"),
        proxy: serve_page(vcs, url),
    };
    let code = &place.open_lasting(vcs, url);
    place.write("go", &[("go.mod", "module example.com/main\n")]);
    let mut arguments = vec!["mod".to_owned(), "download".to_owned(), "-json".to_owned()];
    arguments.extend(queries.iter().map(|query| format!("ex.test/{query}")));
    let told = client.run(&arguments);
    let told: Vec<Value> = serde_json::Deserializer::from_str(&told)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(told.len(), queries.len(), "{told:?}");
    let mut zips = 0;
    let mut wrong = Vec::new();
    for (query, told) in queries.iter().zip(&told) {
        let (path, query) = query.split_once('@').unwrap();
        let ours = make(code, &format!("ex.test/{path}"), query);
        let theirs = parse(told);
        zips += usize::from(matches!(&theirs, Ok(made) if made.sum.is_some()));
        let is_same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !is_same {
            wrong.push(format!(
                "{path}@{query}:\n ours   {ours:?}\n theirs {theirs:?}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert_eq!(zips, count, "{told:?}");
    check_lists(&client, code, queries);
}

fn check_lists(client: &Client, code: &Arc<dyn Code>, queries: &[&str]) {
    let mut paths: Vec<&str> = queries
        .iter()
        .map(|query| query.split('@').next().unwrap())
        .collect();
    paths.dedup();
    for path in paths {
        let path = format!("ex.test/{path}");
        let told = client.run(&["list", "-m", "-versions", &path].map(str::to_owned));
        // It says nothing at all where the newest version on the list cannot be had.
        if told.is_empty() {
            continue;
        }
        let theirs: Vec<&str> = told.split_ascii_whitespace().skip(1).collect();
        let ours: Vec<String> = module(code, &path)
            .list_versions()
            .unwrap()
            .iter()
            .map(|version| version.to_string())
            .collect();
        assert_eq!(ours, theirs, "{path}");
    }
}

/// What is compared. A zip that cannot be made has no sum.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    version: String,
    info: Value,
    sum: Option<String>,
    go_mod_sum: String,
}

fn module(code: &Arc<dyn Code>, path: &str) -> Module {
    let path: ModulePath = path.parse().unwrap();
    Module::new(Arc::clone(code), "ex.test/m", None, path).unwrap()
}

fn make(code: &Arc<dyn Code>, path: &str, query: &str) -> Result<Made, String> {
    let module = module(code, path);
    let stated = if query == "latest" {
        // The client takes the highest release, else the highest pre-release, else the newest revision.
        let versions = module.list_versions().map_err(|error| error.text)?;
        let highest = |wants_release: bool| {
            versions
                .iter()
                .rfind(|version| version.as_str().contains('-') != wants_release)
        };
        match highest(true).or_else(|| highest(false)) {
            Some(version) => module.stat(version.as_str()),
            None => module.latest(),
        }
    } else {
        module.stat(query)
    };
    let stated = stated.map_err(|error| error.text)?;
    let of = ModuleVersion::new(module.path().clone(), stated.version.clone()).unwrap();
    let sum = module.open_tree(&stated).ok().and_then(|mut tree| {
        create(std::io::sink(), &of, &mut *tree, &Limits::default())
            .ok()
            .map(|created| created.h1.to_string())
    });
    let info = serde_json::from_slice(&module.info(&stated)).unwrap();
    Ok(Made {
        version: stated.version.to_string(),
        info: shorten(info),
        sum,
        go_mod_sum: hash_go_mod(&stated.go_mod).to_string(),
    })
}

fn parse(told: &Value) -> Result<Made, String> {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let Some(go_mod_sum) = text("GoModSum") else {
        return Err(text("Error").unwrap());
    };
    let info = std::fs::read(text("Info").unwrap()).unwrap();
    Ok(Made {
        version: text("Version").unwrap(),
        info: shorten(serde_json::from_slice(&info).unwrap()),
        sum: text("Sum"),
        go_mod_sum,
    })
}

/// Leaves out what depends on how a version was asked for, and on all that was asked for in the same run.
fn shorten(mut info: Value) -> Value {
    if let Some(origin) = info["Origin"].as_object_mut() {
        for name in ["Ref", "TagSum", "TagPrefix", "RepoSum"] {
            origin.remove(name);
        }
    }
    info
}
