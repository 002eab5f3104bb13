//! How this program starts itself as the process that evaluates an operator's policies.

use anyhow::{Context, Result};
use pipeline::policy::JudgeCommand;

/// The hidden command that makes this program the process which evaluates.
pub const JUDGE: &str = "evaluate-policies";

/// How to start this program as the process that evaluates policies.
///
/// # Errors
/// The program does not know where it lies.
pub fn judge_command() -> Result<JudgeCommand> {
    Ok(JudgeCommand {
        program: std::env::current_exe().context("this program cannot find itself")?,
        arguments: vec![JUDGE.into()],
    })
}
