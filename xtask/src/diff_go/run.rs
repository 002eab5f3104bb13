//! A run: cases in batches, both sides asked, answers compared, what differs told and kept.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::Context;

use super::answer::Answer;
use super::case::{Asked, Case, HOST, Question};
use super::compare::{Verdict, compare, compare_latest};
use super::go_side::GoSide;
use super::granary_side::GranarySide;
use super::options::Transport;
use super::{http, stream};

/// Cases that share one pair of `go` processes. More would save little: most of the time is git's.
const BATCH: usize = 6;

/// Where a run happens and whom it asks.
pub struct Run<'a> {
    /// A folder of its own.
    pub folder: PathBuf,
    /// How repositories are reached.
    pub transport: Transport,
    /// The server; none to ask only `go`.
    pub granary: Option<&'a Path>,
    /// Batches at a time.
    pub jobs: usize,
    /// Nothing is removed.
    pub keep: bool,
    /// Every answer is told.
    pub show: bool,
}

/// What came of one case.
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What to print: mismatches, or every answer if asked for.
    pub lines: Vec<String>,
    /// Questions asked.
    pub questions: usize,
    /// Questions answered differently.
    pub different: usize,
    /// Questions that were not compared in full.
    pub skipped: usize,
    /// Questions in which `go` agrees only once its clone is complete.
    pub agreed_late: usize,
}

/// Asks about every case; `tell` hears of each as soon as it is done.
///
/// # Errors
/// Where a side cannot be asked at all or a repository cannot be made.
pub fn run(run: &Run<'_>, cases: &[Case], tell: &mut dyn FnMut(Outcome)) -> anyhow::Result<()> {
    let repositories = run.folder.join("repositories");
    std::fs::create_dir_all(&repositories)?;
    let base = match run.transport {
        Transport::File => format!("file://{}/", repositories.display()),
        Transport::Http => format!("http://{}/", http::serve_git(&repositories)?),
    };
    let git_config = run.folder.join("gitconfig");
    let config = format!("[url \"{base}\"]\n\tinsteadOf = https://{HOST}/\n[gc]\n\tauto = 0\n");
    std::fs::write(&git_config, config)?;
    let granary = run
        .granary
        .map(|program| GranarySide::start(program, &run.folder.join("granary"), &git_config));
    let granary = granary.transpose()?;
    let batches: Vec<&[Case]> = cases.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let trouble = Mutex::new(None);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..run.jobs.max(1) {
            let sender = sender.clone();
            let (next, trouble, batches) = (&next, &trouble, &batches);
            let workplace = Workplace {
                run,
                repositories: &repositories,
                git_config: &git_config,
                granary: granary.as_ref(),
            };
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(place) else {
                        return;
                    };
                    match workplace.ask_batch(place, batch) {
                        // Nobody hears only if the receiver is gone, and it lives as long as this scope.
                        Ok(outcomes) => outcomes.into_iter().for_each(|o| _ = sender.send(o)),
                        Err(e) => {
                            next.store(batches.len(), Ordering::Relaxed);
                            if let Ok(mut first) = trouble.lock() {
                                first.get_or_insert(e);
                            }
                        }
                    }
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(tell);
    });
    match trouble.into_inner() {
        Ok(Some(e)) => Err(e),
        _ => Ok(()),
    }
}

/// What every worker needs.
struct Workplace<'a> {
    run: &'a Run<'a>,
    repositories: &'a Path,
    git_config: &'a Path,
    granary: Option<&'a GranarySide>,
}

impl Workplace<'_> {
    fn ask_batch(&self, place: usize, batch: &[Case]) -> anyhow::Result<Vec<Outcome>> {
        let mut asked: Vec<Vec<Question>> = Vec::new();
        for case in batch {
            let folder = self.repositories.join(&case.name);
            let names = stream::write(&case.repository, &folder, self.git_config)
                .with_context(|| format!("making the repository of {}", case.name))?;
            asked.push(case.list_questions(&names));
        }
        let folder = self.run.folder.join(format!("go-{place}"));
        let all: Vec<Question> = asked.iter().flatten().cloned().collect();
        let mut theirs = GoSide::new(&folder, self.git_config)?
            .ask(&all)?
            .into_iter();
        std::fs::remove_dir_all(&folder).ok(); // the system's temporary folder is the last resort
        let mut outcomes = Vec::new();
        for (case, questions) in batch.iter().zip(asked) {
            let theirs: Vec<Answer> = theirs.by_ref().take(questions.len()).collect();
            let outcome = self.judge(case, &questions, &theirs)?;
            if outcome.different == 0 && !self.run.keep {
                std::fs::remove_dir_all(self.repositories.join(&case.name))?;
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn judge(
        &self,
        case: &Case,
        questions: &[Question],
        theirs: &[Answer],
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome {
            name: case.name.clone(),
            lines: Vec::new(),
            questions: questions.len(),
            different: 0,
            skipped: 0,
            agreed_late: 0,
        };
        let Some(granary) = self.granary else {
            for (question, answer) in questions.iter().zip(theirs) {
                outcome
                    .lines
                    .push(format!("  {question}\n{}", tell("go", answer)));
            }
            return Ok(outcome);
        };
        let ours: anyhow::Result<Vec<Answer>> = questions.iter().map(|q| granary.ask(q)).collect();
        let ours = ours.with_context(|| format!("asking Granary about {}", case.name))?;
        let verdicts = |theirs: &[Answer]| -> Vec<Verdict> {
            let judge = |place: usize| {
                let question = &questions[place];
                if question.asked == Asked::Version("latest".to_owned()) {
                    let list = find_list(questions, theirs, &question.module);
                    return compare_latest(&ours[place], &theirs[place], list);
                }
                compare(&ours[place], &theirs[place])
            };
            (0..ours.len()).map(judge).collect()
        };
        let first = verdicts(theirs);
        let differs = |verdict: &Verdict| matches!(verdict, Verdict::Different(_));
        let second = if first.iter().any(differs) {
            verdicts(&self.ask_go_again(case, questions)?)
        } else {
            Vec::new()
        };
        for (place, verdict) in first.iter().enumerate() {
            let agrees_late = second.get(place).is_some_and(|verdict| !differs(verdict));
            match verdict {
                Verdict::Same => {}
                Verdict::Skipped(_) => outcome.skipped += 1,
                Verdict::Different(_) if agrees_late => outcome.agreed_late += 1,
                Verdict::Different(what) => {
                    outcome.different += 1;
                    outcome.lines.push(format!(
                        "  {}\n    {}",
                        questions[place],
                        what.join("\n    ")
                    ));
                }
            }
            if self.run.show || (differs(verdict) && !agrees_late) {
                let question = &questions[place];
                let both = [tell("Granary", &ours[place]), tell("go", &theirs[place])].concat();
                let how = if differs(verdict) {
                    String::new()
                } else {
                    format!("  {question}\n")
                };
                outcome.lines.push(format!("{how}{both}"));
            }
        }
        Ok(outcome)
    }

    /// Asks `go` once more, with a complete clone.
    fn ask_go_again(&self, case: &Case, questions: &[Question]) -> anyhow::Result<Vec<Answer>> {
        let folder = self.run.folder.join(format!("again-{}", case.name));
        let go = GoSide::new(&folder, self.git_config)?;
        go.ask(questions)?;
        go.complete_clones()?;
        let answers = go.ask(questions);
        std::fs::remove_dir_all(&folder).ok();
        answers
    }
}

/// The list that `go` has of a module.
fn find_list<'a>(questions: &[Question], answers: &'a [Answer], module: &str) -> &'a [String] {
    let mut both = questions.iter().zip(answers);
    let list = both.find_map(|(question, answer)| match answer {
        Answer::List(Ok(list)) if question.module == module => Some(list.as_slice()),
        _ => None,
    });
    list.unwrap_or_default()
}

/// An answer in a few lines.
fn tell(side: &str, answer: &Answer) -> String {
    fn word<T, E: std::fmt::Display>(result: &Result<T, E>, ok: impl Fn(&T) -> String) -> String {
        match result {
            Ok(value) => ok(value),
            Err(e) => format!("refused: {}", e.to_string().replace('\n', " ")),
        }
    }
    match answer {
        Answer::List(list) => format!("    {side}: {}\n", word(list, |l| l.join(" "))),
        Answer::Version(files) => {
            let go_mod = word(&files.go_mod, |bytes| bytes.escape_ascii().to_string());
            let go_mod: String = go_mod.chars().take(200).collect();
            let zip = word(&files.zip, |zip| zip.h1.clone());
            let info = word(&files.info, ToString::to_string);
            if info.starts_with("refused") && info == zip {
                return format!("    {side}: {info}\n");
            }
            format!("    {side}: {info}\n      mod: {go_mod}\n      zip: {zip}\n")
        }
    }
}
