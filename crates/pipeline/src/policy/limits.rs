//! How large, long and deep what operators write may be, and what a rule may use: each number with its reason.

use std::time::Duration;

/// Files in a folder of policies: hundreds of rules with their tests, not a checkout of something else.
pub const FILES_MAX: usize = 256;
/// Bytes of one file. The language's own compiler reads no more.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of all files together: what a process that evaluates them is told in one line.
pub const FOLDER_BYTES_MAX: u64 = 8 << 20;
/// Names in one folder, whatever they are: a folder of something else is noticed before it is walked.
pub const ENTRIES_MAX: usize = 4_096;
/// Folders within folders.
pub const DEPTH_MAX: usize = 8;

/// Bytes of one finding's text. A refusal has room for a fraction of it; pages show it whole.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// Findings that one rule may have on one candidate; what is over is counted, not kept.
pub const FINDINGS_MAX: usize = 50;
/// Bytes that one test may print before the rest is left out.
pub const PRINT_BYTES_MAX: usize = 16 << 10;
/// Tests in a folder.
pub const TESTS_MAX: usize = 2_000;
/// Faults that are told at once; more help nobody.
pub const FAULTS_MAX: usize = 20;

/// Bytes of a document of facts. The largest go.mod that go reads has 16 MiB; the largest one known, a thousandth of it.
pub const FACTS_BYTES_MAX: usize = 8 << 20;
/// Bytes of a line to or from a process that evaluates: a folder or a document, escaped as JSON.
pub const LINE_BYTES_MAX: usize = 2 * (FOLDER_BYTES_MAX as usize + FACTS_BYTES_MAX);

/// Time that one rule may take on one candidate, as the interpreter measures it. Usual ones take a ten-thousandth;
/// a busy machine must not turn them into refusals.
pub const RULE_TIME_MAX: Duration = Duration::from_millis(500);
/// Time that one test may take.
pub const TEST_TIME_MAX: Duration = Duration::from_secs(2);
/// The interpreter looks at the clock between steps, and some steps are long; whoever waits for it grants this much more
/// and then ends its process.
pub const GRACE: Duration = Duration::from_millis(1_500);
/// Time for all rules on one candidate, however many fail slowly. What is left over is not evaluated, and denies.
pub const JUDGEMENT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time in which a process that evaluates has to read all policies, start-up included.
pub const LOAD_TIME_MAX: Duration = Duration::from_secs(20);
/// Time for all tests of a folder.
pub const TESTS_TIME_MAX: Duration = Duration::from_secs(60);

/// Processes that evaluate at once. One suffices for thousands of candidates a second; with more, a slow rule holds up
/// fewer of the others.
pub const PROCESSES_MAX: usize = 4;
/// Judgements after which a process that evaluates makes way for a new one: what an allocator hoards over days must not be
/// taken for the hunger of a rule.
pub const JUDGEMENTS_PER_PROCESS: u32 = 20_000;
/// Stack of the thread that evaluates. Nested expressions of the depth that the compiler allows need a hundredth.
pub const STACK_BYTES: usize = 32 << 20;
/// Memory that a process which evaluates may have, its stacks included. The usual one has a tenth.
pub const MEMORY_BYTES_MAX: u64 = 320 << 20;
/// Address space of such a process: memory, the program itself, and what the allocator sets aside without using it.
pub const ADDRESS_BYTES_MAX: u64 = 2 << 30;

/// Steps of the interpreter between two looks at the clock: a few microseconds' worth.
pub const STEPS_PER_LOOK: u32 = 64;
