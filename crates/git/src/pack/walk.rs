//! One walk from a whole object down through its deltas, within a budget of memory.
//!
//! A walk holds the objects on its way down only. Where they exceed the budget, the upper ones are let go and made again
//! when their turn comes. Leaves are resolved first, and an object is let go before its last delta is walked into, so that
//! a chain, however long, needs two objects at a time.

use std::os::unix::fs::FileExt;

use super::delta;
use super::entries::{NONE, UNRESOLVED};
use super::entry::{self, HEADER_BYTES_MAX, Stored};
use super::inflate::{Inflater, PIECE_BYTES, inflate};
use super::limits::PackError;
use super::task::Task;
use crate::id::ObjectId;
use crate::object::{ObjectKind, start_hash};

/// Stored bytes up to here are read at once; longer entries are inflated in pieces.
const STORED_BYTES_AT_ONCE: u64 = 256 << 10;

/// Names that a walk collects before it enters them in the table that all threads share.
const NAMES_AT_ONCE: usize = 1_000;

/// Why a walk ends early.
pub(super) enum WalkError {
    /// The objects needed at the same time exceed the budget.
    OverBudget,
    Pack(PackError),
}

impl From<PackError> for WalkError {
    fn from(error: PackError) -> Self {
        Self::Pack(error)
    }
}

/// An object on the way down.
struct Step {
    entry: u32,
    /// Its content, unless it was let go.
    content: Option<Vec<u8>>,
    /// Deltas made from it that are still to be resolved, taken from the end.
    children: Vec<u32>,
}

pub(super) struct Walk<'a> {
    task: &'a Task<'a>,
    budget_bytes: u64,
    /// Sum of the contents that `steps` hold.
    held_bytes: u64,
    steps: Vec<Step>,
    kind: ObjectKind,
    names: Vec<(u32, ObjectId, u16)>,
    stored: Vec<u8>,
    inflater: Inflater,
}

impl<'a> Walk<'a> {
    pub(super) fn new(task: &'a Task<'a>, budget_bytes: u64) -> Self {
        Self {
            task,
            budget_bytes,
            held_bytes: 0,
            steps: Vec::new(),
            kind: ObjectKind::Blob,
            names: Vec::new(),
            stored: Vec::new(),
            inflater: Inflater::new(),
        }
    }

    /// Resolves all deltas below an entry; nothing if it is a delta itself, which is met below its own base.
    pub(super) fn resolve_below(&mut self, root: u32) -> Result<(), WalkError> {
        let entries = self.task.entries;
        if entries.list[root as usize].is_delta {
            return Ok(());
        }
        let id = (!entries.by_base_id.is_empty())
            .then(|| self.find_name(root))
            .flatten();
        let children = self.list_children(root, id.as_ref());
        if children.is_empty() {
            return Ok(());
        }
        self.steps.clear();
        self.held_bytes = 0;
        self.steps.push(Step {
            entry: root,
            content: None,
            children,
        });
        self.descend()
    }

    /// Enters the collected names in the shared table.
    pub(super) fn flush(&mut self) {
        let mut names = self.task.names();
        for (entry, id, depth) in self.names.drain(..) {
            names.set(entry, &id, depth);
        }
    }

    fn find_name(&self, entry: u32) -> Option<ObjectId> {
        let names = self.task.names();
        ObjectId::from_bytes(names.bytes_of(entry))
    }

    /// Leaves come first, since children are taken from the end: what is left at last is walked into when nothing else
    /// needs this step's content.
    fn list_children(&self, entry: u32, id: Option<&ObjectId>) -> Vec<u32> {
        let mut children = self.task.list_children(entry, id);
        children.sort_unstable_by_key(|&child| self.is_leaf(child));
        children
    }

    /// Whether surely nothing is made from an entry. A delta whose id is not known may have others that name it.
    fn is_leaf(&self, entry: u32) -> bool {
        let entries = self.task.entries;
        entries.list[entry as usize].first_child == NONE && entries.by_base_id.is_empty()
    }

    fn descend(&mut self) -> Result<(), WalkError> {
        while let Some(step) = self.steps.last_mut() {
            let Some(child) = step.children.pop() else {
                self.let_go(self.steps.len() - 1);
                self.steps.pop();
                continue;
            };
            self.hold_last()?;
            self.resolve_child(child)?;
        }
        Ok(())
    }

    /// Resolves a delta of the last step's object, and steps down to it if others are made from it.
    fn resolve_child(&mut self, child: u32) -> Result<(), WalkError> {
        let depth = self.steps.len();
        let depth_max = self.task.limits.delta_depth_max.min(UNRESOLVED - 1);
        if depth > usize::from(depth_max) {
            return Err(WalkError::Pack(PackError::Limit {
                what: "deltas between an object and a whole one",
                max: depth_max.into(),
            }));
        }
        let Some(base) = self.steps.last_mut().and_then(|step| step.content.take()) else {
            return Err(WalkError::OverBudget); // the caller has made it
        };
        let resolved = self.resolve_onto(child, &base);
        if let Some(step) = self.steps.last_mut() {
            step.content = Some(base);
        }
        let (id, content) = resolved?;
        self.names.push((child, id, depth as u16));
        if self.names.len() == NAMES_AT_ONCE {
            self.flush();
        }
        let Some(content) = content else {
            return Ok(());
        };
        let children = self.list_children(child, Some(&id));
        if children.is_empty() {
            return Ok(());
        }
        if self
            .steps
            .last()
            .is_some_and(|step| step.children.is_empty())
        {
            self.let_go(self.steps.len() - 1);
        }
        self.held_bytes += content.len() as u64;
        self.steps.push(Step {
            entry: child,
            content: Some(content),
            children,
        });
        Ok(())
    }

    /// The id of a delta's result, with the result itself unless nothing is made from it.
    fn resolve_onto(
        &mut self,
        entry: u32,
        base: &[u8],
    ) -> Result<(ObjectId, Option<Vec<u8>>), WalkError> {
        let offset = self.task.entries.list[entry as usize].offset;
        let last = self.steps.len() - 1;
        let bytes = self.read(entry, last)?;
        let malformed = |what| PackError::Malformed { offset, what };
        let delta = delta::parse(&bytes).map_err(malformed)?;
        self.check_result(delta.result_bytes)?;
        let mut hasher = start_hash(self.kind, delta.result_bytes, self.task.entries.hash);
        let mut content = None;
        if self.is_leaf(entry) {
            delta.apply(base, &mut hasher).map_err(malformed)?;
        } else {
            self.make_room(bytes.len() as u64 + delta.result_bytes, last)?;
            let mut result = Vec::with_capacity(delta.result_bytes as usize);
            delta.apply(base, &mut result).map_err(malformed)?;
            hasher.update(&result);
            content = Some(result);
        }
        let id = hasher
            .finish()
            .map_err(|_| PackError::Collision { offset })?;
        Ok((id, content))
    }

    fn check_result(&self, result_bytes: u64) -> Result<(), PackError> {
        let max = self.task.limits.object_bytes_max;
        if result_bytes > max {
            return Err(PackError::Limit {
                what: "bytes of one object",
                max,
            });
        }
        self.task.charge(result_bytes)
    }

    /// Makes the content of the last step if it is not held: from the nearest step above that has one.
    fn hold_last(&mut self) -> Result<(), WalkError> {
        let last = self.steps.len() - 1;
        if self.steps[last].content.is_some() {
            return Ok(());
        }
        let held = self.steps.iter().rposition(|step| step.content.is_some());
        let mut at = held.unwrap_or(0);
        if held.is_none() {
            let content = self.read(self.steps[0].entry, 0)?;
            self.hold(0, content);
        }
        while at < last {
            let Some(base) = self.steps[at].content.take() else {
                return Err(WalkError::OverBudget); // just made or found
            };
            let made = self.remake(at + 1, &base);
            self.steps[at].content = Some(base);
            let content = made?;
            // Only steps that still have children to come need to stay.
            if self.steps[at].children.is_empty() {
                self.let_go(at);
            }
            at += 1;
            self.hold(at, content);
        }
        Ok(())
    }

    /// Makes the content of a step again from that of the step above.
    fn remake(&mut self, step: usize, base: &[u8]) -> Result<Vec<u8>, WalkError> {
        let entry = self.steps[step].entry;
        let offset = self.task.entries.list[entry as usize].offset;
        let malformed = |what| PackError::Malformed { offset, what };
        let bytes = self.read(entry, step - 1)?;
        let delta = delta::parse(&bytes).map_err(malformed)?;
        self.check_result(delta.result_bytes)?;
        self.make_room(bytes.len() as u64 + delta.result_bytes, step - 1)?;
        let mut result = Vec::with_capacity(delta.result_bytes as usize);
        delta.apply(base, &mut result).map_err(malformed)?;
        Ok(result)
    }

    fn hold(&mut self, step: usize, content: Vec<u8>) {
        self.held_bytes += content.len() as u64;
        self.steps[step].content = Some(content);
    }

    fn let_go(&mut self, step: usize) {
        let content = self.steps[step].content.take();
        self.held_bytes -= content.map_or(0, |content| content.len() as u64);
    }

    /// Sees to it that so many bytes fit the budget, letting go of steps from the top, but not of `kept`.
    fn make_room(&mut self, bytes: u64, kept: usize) -> Result<(), WalkError> {
        for step in 0..self.steps.len() {
            if self.held_bytes.saturating_add(bytes) <= self.budget_bytes {
                break;
            }
            if step != kept {
                self.let_go(step);
            }
        }
        if self.held_bytes.saturating_add(bytes) > self.budget_bytes {
            return Err(WalkError::OverBudget);
        }
        Ok(())
    }

    /// Reads and inflates an entry: a whole object, whose kind is noted, or a delta.
    fn read(&mut self, entry: u32, kept: usize) -> Result<Vec<u8>, WalkError> {
        let task = self.task;
        let (start, end) = (
            task.entries.list[entry as usize].offset,
            task.entries.end_of(entry),
        );
        let malformed = |what| PackError::Malformed {
            offset: start,
            what,
        };
        let at_once = (end - start).min(STORED_BYTES_AT_ONCE);
        self.stored.resize(at_once as usize, 0);
        task.file
            .read_exact_at(&mut self.stored, start)
            .map_err(PackError::Disk)?;
        let first = &self.stored[..self.stored.len().min(HEADER_BYTES_MAX)];
        let header = entry::parse(first, task.entries.hash).map_err(malformed)?;
        if let Stored::Whole(kind) = header.stored {
            self.kind = kind;
        }
        task.charge(header.size_bytes.saturating_add(end - start))?;
        self.make_room(header.size_bytes, kept)?;
        if at_once == end - start {
            let deflated = &self.stored[header.len..];
            return Ok(inflate(deflated, header.size_bytes as usize).map_err(malformed)?);
        }
        let inflated = self.inflate_in_pieces(start + header.len as u64, end, header.size_bytes)?;
        Ok(inflated)
    }

    fn inflate_in_pieces(&mut self, start: u64, end: u64, size: u64) -> Result<Vec<u8>, PackError> {
        let malformed = |what| PackError::Malformed {
            offset: start,
            what,
        };
        let mut inflated = Vec::with_capacity(size as usize);
        let mut at = start;
        self.inflater.start(size);
        while at < end {
            self.stored
                .resize((end - at).min(PIECE_BYTES as u64) as usize, 0);
            self.task
                .file
                .read_exact_at(&mut self.stored, at)
                .map_err(PackError::Disk)?;
            let (used, ended) = self
                .inflater
                .push(&self.stored, &mut |piece| {
                    inflated.extend_from_slice(piece);
                    Ok(())
                })
                .map_err(malformed)?;
            at += used as u64;
            if ended {
                return Ok(inflated);
            }
        }
        Err(malformed("an object is cut off"))
    }
}
