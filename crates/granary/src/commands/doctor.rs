//! `granary doctor`: looks at the installation the way someone called at night would, and says what to do.

mod report;

use anyhow::Result;
use gomod::path::ModulePath;
use store::space::{Lack, in_words};

use super::show::client_url;
use crate::config::Config;
use crate::config::goenv::GoEnv;
use crate::descriptors;
use crate::line::Line;
use crate::lock::{FolderLock, Taken, UNFINISHED};
use crate::logging;
use crate::operations::Operation;
use crate::operations::policies::PolicyState;
use crate::parts::Parts;
use crate::server_socket;
use report::{Grade, Report};

/// A module that every public proxy has; asking for its list costs one small request.
const KNOWN_MODULE: &str = "golang.org/x/mod";

/// Runs all checks; `Ok(false)` when something is wrong.
pub fn run(config: Config, json: bool) -> Result<bool> {
    logging::start("error", &config.log_format)?;
    let mut report = Report::new(json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    check_go(&config, &mut report);
    match FolderLock::take(&config.data, "granary doctor") {
        Ok(Taken::Theirs(holder)) => {
            report.say(
                Grade::Well,
                "data folder",
                &format!("{} is served by {holder}", config.data.display()),
                "",
            );
            check_space(&config, &mut report);
            runtime.block_on(check_server(&config, &mut report));
            runtime.block_on(check_room(&config, &mut report));
            runtime.block_on(ask_policies(&config, &mut report));
        }
        Ok(Taken::Ours(_lock)) => {
            report.say(
                Grade::Well,
                "data folder",
                &format!("{} is ours and free", config.data.display()),
                "",
            );
            report.say(
                Grade::Note,
                "server",
                "none runs on this data folder",
                "start one with `granary serve`",
            );
            check_space(&config, &mut report);
            check_limit(&config, &mut report);
            runtime.block_on(check_parts(&config, &mut report));
        }
        Err(cause) => {
            let advice = if config.data.join(UNFINISHED).exists() {
                "run the same `granary restore` again, or empty the folder; until then nothing is served from it"
            } else {
                "name a folder that this user may write with --data or GRANARY_DATA"
            };
            report.say(Grade::Wrong, "data folder", &format!("{cause:#}"), advice)
        }
    }
    check_rotten(&config, &mut report);
    Ok(report.is_well())
}

/// Looks at what was set aside because it had rotted: kept until a person has seen it.
fn check_rotten(config: &Config, report: &mut Report) {
    let folder = config.store_folder().join("rotten");
    let kept = std::fs::read_dir(&folder).map_or(0, |entries| entries.flatten().count());
    if kept == 0 {
        return report.say(Grade::Well, "rot", "no blob was ever found rotten", "");
    }
    report.say(
        Grade::Note,
        "rot",
        &format!("{kept} rotten blobs are kept in {}", folder.display()),
        "`granary verify --repair` heals what is still missing; look at the disk, then delete that folder",
    );
}

fn check_go(config: &Config, report: &mut Report) {
    let url = client_url(config);
    let go = GoEnv::read();
    match go.get("GOPROXY") {
        Some((list, source)) if list.contains(&url) => report.say(
            Grade::Well,
            "go client",
            &format!("GOPROXY of {source} is {list}"),
            "",
        ),
        Some((list, source)) => report.say(
            Grade::Note,
            "go client",
            &format!("GOPROXY of {source} is {list}"),
            &format!("go does not use this server; `go env -w GOPROXY={url}` makes it"),
        ),
        None => report.say(
            Grade::Note,
            "go client",
            "no go on this machine and no GOPROXY set",
            "nothing to do on a server; clients set GOPROXY",
        ),
    }
}

/// The room there is, for every file system once.
fn check_space(config: &Config, report: &mut Report) {
    let mut rooms = match config.space().look() {
        Ok(rooms) => rooms,
        // A store that is not there yet is made at the first start.
        Err(_) => return,
    };
    rooms.dedup_by_key(|room| (room.free_bytes, room.reserve_bytes, room.free_files));
    for room in rooms {
        let folder = room.folder.display();
        let (grade, advice) = match room.find_lack(false) {
            None => (Grade::Well, ""),
            Some(Lack::Right) => (
                Grade::Wrong,
                "captures are stopped and what is stored is served; mount it for writing again, the kernel's log says why it is not",
            ),
            Some(_) => (
                Grade::Wrong,
                "captures are stopped and what is stored is served; make room there, or set `disk.reserve` lower: captures go on by themselves",
            ),
        };
        let found = match room.find_lack(false) {
            Some(lack) => format!("{folder}: {lack}"),
            None => format!(
                "{} are free in {folder}; captures stop below {}",
                in_words(room.free_bytes),
                in_words(room.reserve_bytes)
            ),
        };
        report.say(grade, "disk", &found, advice);
    }
}

async fn check_server(config: &Config, report: &mut Report) {
    let socket = config.socket();
    match server_socket::get(&socket, "/readyz").await {
        Ok((200, text)) if text.trim() == "ready" => report.say(
            Grade::Well,
            "server",
            &format!("it answers on {} and is ready", socket.display()),
            "",
        ),
        Ok((200, text)) => report.say(
            Grade::Wrong,
            "server",
            &format!("it serves what is stored; {}", in_one_line(&text)),
            "nothing new can be captured until what it names is mended; the server's log says more",
        ),
        Ok((status, text)) => report.say(
            Grade::Wrong,
            "server",
            &format!("/readyz says {status}: {}", text.trim()),
            "what it names is in the way; the server's log says more",
        ),
        Err(cause) => report.say(
            Grade::Wrong,
            "server",
            &format!("{cause:#}"),
            "another command may hold the folder; otherwise look at the server's log",
        ),
    }
}

/// What `/readyz` says behind its first line.
fn in_one_line(text: &str) -> String {
    text.lines().skip(1).collect::<Vec<_>>().join("; ")
}

/// Whether as many connections fit below the limit of open files as are asked for, where no server runs: by the limit that
/// holds here.
fn check_limit(config: &Config, report: &mut Report) {
    let descriptors = descriptors::raise(config);
    let limit = descriptors
        .limit
        .map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    let found = format!(
        "the limit of open files is {limit}: {} of connections_max = {} fit",
        descriptors.connections_max, config.connections_max
    );
    let grade = if descriptors.is_short() {
        Grade::Note
    } else {
        Grade::Well
    };
    report.say(grade, "open files", &found, &descriptors.advice());
}

/// The same where a server runs: by the limit that holds for it.
async fn check_room(config: &Config, report: &mut Report) {
    let Ok((200, text)) = server_socket::get(&config.socket(), "/metrics").await else {
        return;
    };
    let figure = |name: &str| -> Option<usize> {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let mut found = lines.filter(|(of, _)| *of == name);
        found.next()?.1.trim().parse().ok()
    };
    let (Some(fit), Some(open)) = (
        figure("granary_connections_max"),
        figure("granary_descriptors"),
    ) else {
        return;
    };
    let asked = config.connections_max;
    let limit = figure("granary_descriptors_max").unwrap_or(0);
    let found = format!(
        "{open} of {limit} are in use; at most {fit} connections are held, connections_max = {asked}"
    );
    let advice = "raise the server's limit of open files (systemd: LimitNOFILE, a shell: ulimit -n) and start it again; \
                  its log names the number";
    let grade = if fit < asked {
        Grade::Note
    } else {
        Grade::Well
    };
    report.say(grade, "open files", &found, advice);
}

async fn check_parts(config: &Config, report: &mut Report) {
    let parts = match Parts::open(config).await {
        Ok(parts) => parts,
        Err(cause) => {
            return report.say(
                Grade::Wrong,
                "keepers",
                &format!("{cause:#}"),
                "the message names what cannot be opened; nothing was changed",
            );
        }
    };
    let versions = parts.catalog.count_versions().await;
    match versions {
        Ok(count) => report.say(Grade::Well, "catalog", &format!("{count} versions"), ""),
        Err(cause) => report.say(
            Grade::Wrong,
            "catalog",
            &cause.to_string(),
            "`granary verify` compares it with the store; restore a copy if it is damaged",
        ),
    }
    match parts.store.probe().await {
        Ok(()) => report.say(
            Grade::Well,
            "store",
            &format!("{} can be written", config.store_folder().display()),
            "",
        ),
        Err(cause) => report.say(
            Grade::Wrong,
            "store",
            &cause.to_string(),
            "make room, or give this user the right to write there",
        ),
    }
    check_policies(&PolicyState::of(&parts.gates.policies), report);
    check_upstream(&parts, report).await;
    check_database(&parts, report).await;
    parts.close().await;
}

/// The policies of a running server. One that knows no such question has other things that are wrong.
async fn ask_policies(config: &Config, report: &mut Report) {
    let Ok(ask) = serde_json::to_vec(&Operation::PolicyState) else {
        return;
    };
    let mut state = None;
    let socket = config.socket();
    let asked = server_socket::run(&socket, ask, |line| {
        if let Line::Done { data, .. } = line {
            state = serde_json::from_value(data.clone()).ok();
        }
    });
    // That nobody answers is said already.
    if asked.await.is_ok()
        && let Some(state) = state
    {
        check_policies(&state, report);
    }
}

/// Whether the folder of policies is what judges.
fn check_policies(state: &PolicyState, report: &mut Report) {
    let (grade, advice) = match (&state.trouble, state.admits_nothing) {
        (None, _) => (Grade::Well, ""),
        (Some(_), false) => (
            Grade::Wrong,
            "what was taken over before goes on; mend the folder, `granary policy test <folder>` says whether it is good: it is looked at every 3 seconds",
        ),
        (Some(_), true) => (
            Grade::Wrong,
            "nothing is admitted until the folder is mended, what is stored is served; `granary policy test <folder>` says whether it is good",
        ),
    };
    report.say(grade, "policies", &state.text(), advice);
}

async fn check_upstream(parts: &Parts, report: &mut Report) {
    let source = format!("{} (from {})", parts.upstream.shown, parts.upstream.source);
    if !parts.upstream.list.contains("://") {
        let advice =
            "modules cannot be captured yet: name a GOPROXY in `upstream` (GRANARY_UPSTREAM)";
        return report.say(Grade::Note, "upstream", &source, advice);
    }
    let Ok(module) = KNOWN_MODULE.parse::<ModulePath>() else {
        return;
    };
    match parts.processor.list_versions(&module).await {
        catalog::work::ListAnswer::Versions(versions) => report.say(
            Grade::Well,
            "upstream",
            &format!(
                "{source} answers: {} versions of {KNOWN_MODULE}",
                versions.len()
            ),
            "",
        ),
        catalog::work::ListAnswer::Refused(refusal) => report.say(
            Grade::Wrong,
            "upstream",
            &format!("{source}: {}", refusal.text),
            "check the network, HTTPS_PROXY and the `upstream` setting",
        ),
    }
}

async fn check_database(parts: &Parts, report: &mut Report) {
    let Some(database) = &parts.processor.trust.database else {
        let advice = "nothing is verified; leave `sumdb` out to verify against Go's public one";
        return report.say(Grade::Note, "checksum database", "switched off", advice);
    };
    match database.raw("latest").await {
        Ok(_) => report.say(
            Grade::Well,
            "checksum database",
            &format!("{} answers and its signature holds", database.name()),
            "",
        ),
        Err(cause) => report.say(
            Grade::Wrong,
            "checksum database",
            &format!("{}: {cause}", database.name()),
            "without it no public module can be captured; what is stored is still served",
        ),
    }
}
