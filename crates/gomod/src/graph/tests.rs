//! Tests, see the parent module.

use super::*;

/// Reads `module [go] : requirement...`, one a line; a go version makes the module one of graph pruning.
fn read_known(text: &str) -> Known {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (head, tail) = line.split_once(':').unwrap();
            let mut head = head.split_whitespace();
            let module = head.next().unwrap();
            let go = head.next().map(str::to_owned);
            if go.as_deref() == Some("absent") {
                return (long(module), None);
            }
            let require = tail
                .split_whitespace()
                .map(|module| (long(module), false))
                .collect();
            (long(module), Some(Arc::new(Summary { go, require })))
        })
        .collect()
}

/// `a1` stands for `a.x@v1.1.0`.
fn long(short: &str) -> ModuleVersion {
    let (name, minor) = short.split_at(short.find(|c: char| c.is_ascii_digit()).unwrap());
    format!("{name}.x@v1.{minor}.0").parse().unwrap()
}

fn short(modules: &[ModuleVersion]) -> String {
    let texts: Vec<String> = modules
        .iter()
        .map(|module| {
            module
                .to_string()
                .replace(".x@v1.", "")
                .trim_end_matches(".0")
                .to_owned()
        })
        .collect();
    texts.join(" ")
}

fn list(text: &str) -> Vec<ModuleVersion> {
    text.split_whitespace().map(long).collect()
}

/// Walks as a caller would, with only what was asked for made known; gives the graph and what was asked for.
fn run(
    walk: fn(&[ModuleVersion], &Known) -> Step,
    roots: &str,
    all: &Known,
) -> (Graph, Vec<ModuleVersion>) {
    let roots = list(roots);
    let mut known = Known::new();
    let mut asked = Vec::new();
    for _ in 0..1000 {
        match walk(&roots, &known) {
            Step::Done(graph) => return (graph, asked),
            Step::Need(needed) => {
                assert!(!needed.is_empty());
                for module in needed {
                    let answer = all
                        .get(&module)
                        .unwrap_or_else(|| panic!("{module} is not needed"))
                        .clone();
                    assert!(
                        known.insert(module.clone(), answer).is_none(),
                        "{module} was asked for twice"
                    );
                    asked.push(module);
                }
            }
        }
    }
    panic!("no end");
}

#[track_caller]
fn check_walk(roots: &str, all: &str, build_list: &str, go_mods: &str) {
    let (graph, _) = run(walk, roots, &read_known(all));
    assert_eq!(
        (
            short(&graph.build_list).as_str(),
            short(&graph.go_mods).as_str()
        ),
        (build_list, go_mods)
    );
    assert!(graph.complete);
}

#[track_caller]
fn check_walk_all(roots: &str, all: &str, build_list: &str, go_mods: &str) {
    let (graph, _) = run(walk_all, roots, &read_known(all));
    let mut read = graph.go_mods.clone();
    read.sort();
    assert_eq!(
        (short(&graph.build_list).as_str(), short(&read).as_str()),
        (build_list, go_mods)
    );
}

#[test]
fn no_roots_no_graph() {
    check_walk("", "", "", "");
    check_walk_all("", "", "", "");
}

#[test]
fn the_highest_of_the_required_versions_is_selected() {
    check_walk(
        "a1 b1",
        "a1: c1\n b1: c2\n c1:\n c2: d1\n d1:\n d9:",
        "a1 b1 c2 d1",
        "a1 b1 c1 c2 d1",
    );
    check_walk(
        "a1",
        "a1: b1 c9\n b1: c10\n c9:\n c10:",
        "a1 b1 c10",
        "a1 b1 c9 c10",
    );
}

#[test]
fn old_modules_are_followed_all_the_way() {
    check_walk(
        "a1",
        "a1: b1\n b1 1.17: c1\n c1 1.21: d1\n d1:",
        "a1 b1 c1 d1",
        "a1 b1 c1 d1",
    );
    check_walk(
        "a1",
        "a1 1.16: b1\n b1 1.17: c1\n c1:",
        "a1 b1 c1",
        "a1 b1 c1",
    );
}

#[test]
fn modules_since_go_1_17_are_followed_one_step() {
    check_walk("a1", "a1 1.17: b1", "a1 b1", "a1");
    check_walk("a1 b1", "a1 1.17: b1\n b1 1.17: c1", "a1 b1 c1", "a1 b1");
    check_walk("a1", "a1 1.17rc1: b1\n b1:", "a1 b1", "a1 b1");
}

#[test]
fn what_is_met_both_ways_is_followed() {
    // c1 is a pruned root and also below the old b1.
    check_walk(
        "c1 b1",
        "c1 1.17: d1\n b1: c1\n d1 1.17: e1\n e1:",
        "b1 c1 d1 e1",
        "c1 b1 d1 e1",
    );
}

#[test]
fn a_root_below_its_selected_version_moves_up() {
    check_walk(
        "a1 b1",
        "a1 1.17: b2\n b1 1.17: c1\n b2 1.17: d1",
        "a1 b2 d1",
        "a1 b1 b2",
    );
    check_walk("a1 a2", "a1 1.17: b1\n a2 1.17: c1", "a2 c1", "a1 a2");
}

#[test]
fn cycles_and_self_requirements_do_no_harm() {
    check_walk("a1", "a1: a1", "a1", "a1");
    check_walk("a1", "a1: b1\n b1: a1", "a1 b1", "a1 b1");
    check_walk(
        "a1",
        "a1: b1\n b1: a2\n a2: b2\n b2: a1",
        "a2 b2",
        "a1 b1 a2 b2",
    );
    check_walk(
        "a1",
        "a1 1.17: a2\n a2 1.17: a3\n a3 1.17: a1",
        "a3",
        "a1 a2 a3",
    );
}

#[test]
fn what_could_not_be_had_is_skipped() {
    check_walk(
        "a1 b1",
        "a1: c1\n b1 absent:\n c1 absent:",
        "a1 b1 c1",
        "a1",
    );
    check_walk("a1", "a1 absent:", "a1", "");
}

#[test]
fn zero_versions_are_versions() {
    check_walk("a0", "a0: b0 b0\n b0:", "a0 b0", "a0 b0");
    let zero: ModuleVersion = "z.x@v0.0.0".parse().unwrap();
    let known = Known::from([(zero.clone(), None)]);
    let Step::Done(graph) = walk(std::slice::from_ref(&zero), &known) else {
        panic!()
    };
    assert_eq!(graph.build_list, [zero]);
}

#[test]
fn everything_selected_becomes_a_root_of_the_full_walk() {
    check_walk_all(
        "a1",
        "a1 1.17: b1\n b1 1.17: c1\n c1 1.17: d1\n d1 1.17:",
        "a1 b1 c1 d1",
        "a1 b1 c1 d1",
    );
    // b2 comes in only by c1, which only b1 requires.
    check_walk_all(
        "a1",
        "a1 1.17: b1\n b1 1.17: c1\n c1 1.17: b2\n b2 1.17: e1\n e1 1.17:",
        "a1 b2 c1 e1",
        "a1 b1 b2 c1 e1",
    );
}

#[test]
fn the_nearest_is_asked_for_first_and_nothing_twice() {
    let all = read_known("a1: c1 d1\n b1: c1\n c1: e1\n d1: e1\n e1:");
    let (_, asked) = run(walk, "a1 b1 a1", &all);
    assert_eq!(short(&asked), "a1 b1 c1 d1 e1");
}

#[test]
fn requirements_of_one_module_on_two_majors_stay_apart() {
    let roots: Vec<ModuleVersion> = ["a.x@v1.0.0", "a.x/v2@v2.0.0"]
        .map(|m| m.parse().unwrap())
        .into();
    let known: Known = roots
        .iter()
        .map(|m| (m.clone(), Some(Arc::default())))
        .collect();
    let Step::Done(graph) = walk(&roots, &known) else {
        panic!()
    };
    assert_eq!(graph.build_list, roots);
}

#[test]
fn summaries_leave_out_what_no_proxy_could_serve() {
    let text = b"module m.x\ngo 1.20\nrequire (\n\ta.x v1.0.0\n\tmycorp/lib v0.0.0\n\tb.x v1.0.0 // indirect\n)\n";
    let summary = Summary::from_lax(&crate::modfile::parse_lax("go.mod", text).unwrap());
    assert_eq!(summary.go.as_deref(), Some("1.20"));
    let require: Vec<_> = summary
        .require
        .iter()
        .map(|(m, indirect)| (m.to_string(), *indirect))
        .collect();
    assert_eq!(
        require,
        [
            ("a.x@v1.0.0".to_owned(), false),
            ("b.x@v1.0.0".to_owned(), true)
        ]
    );
}

#[test]
fn a_walk_ends_at_its_bound() {
    let require = (0..=VERSIONS_MAX)
        .map(|i| (long(&format!("m{i}")), false))
        .collect();
    let known = Known::from([(long("a1"), Some(Arc::new(Summary { go: None, require })))]);
    let Step::Need(needed) = walk(&list("a1"), &known) else {
        panic!()
    };
    assert_eq!(needed.len(), VERSIONS_MAX - 1);
    let mut known = known;
    known.extend(needed.into_iter().map(|module| (module, None)));
    let Step::Done(graph) = walk(&list("a1"), &known) else {
        panic!()
    };
    assert!(!graph.complete);
    assert_eq!(short(&graph.build_list), format!("a1 m{VERSIONS_MAX}"));
}

#[test]
fn a_long_chain_takes_no_stack() {
    const LENGTH: usize = 20_000;
    let link = |i: usize| format!("m{i}.x@v1.0.0").parse::<ModuleVersion>().unwrap();
    let known: Known = (0..LENGTH)
        .map(|i| {
            let require = if i + 1 < LENGTH {
                vec![(link(i + 1), false)]
            } else {
                vec![]
            };
            (link(i), Some(Arc::new(Summary { go: None, require })))
        })
        .collect();
    let Step::Done(graph) = walk(&[link(0)], &known) else {
        panic!()
    };
    assert_eq!(graph.go_mods.len(), LENGTH);
    assert_eq!(graph.build_list.len(), LENGTH);
}
