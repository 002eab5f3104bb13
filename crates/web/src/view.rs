//! The view that a request is about.

use std::fmt;

use catalog::{Stage, Stages};

/// One of the stages, as requests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View<'a> {
    stages: &'a Stages,
    position: usize,
}

impl<'a> View<'a> {
    /// The stage at a position of the order.
    pub fn new(stages: &'a Stages, position: usize) -> Self {
        Self { stages, position }
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        self.stage().map_or("", |stage| &stage.name)
    }

    /// Whether it is what clients get when they name no view.
    pub fn is_last(self) -> bool {
        self.position + 1 == self.stages.list().len()
    }

    /// The views that a version has to enter before or with this one. What is refused at one of those doors is not in it.
    pub fn doors(self) -> impl Iterator<Item = &'a str> {
        let upto = self.stages.list().iter().take(self.position + 1);
        upto.skip(1).map(|stage| stage.name.as_str())
    }

    fn stage(self) -> Option<&'a Stage> {
        self.stages.list().get(self.position)
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
