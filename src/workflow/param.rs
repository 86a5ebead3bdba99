//! What an action is given: a tree of values in whose texts there may be `{path}`.
//!
//! Owns the shape of the tree. What a text says is `template.rs`; what an action takes, the action knows.

use serde_json::{Map, Value};

use crate::domain::time::Timestamp;
use crate::workflow::mistake::Mistake;
use crate::workflow::template::sink::Sink;
use crate::workflow::template::{Filled, Missing, Template};
use crate::workflow::yaml::{Is, Node};

/// A value that is made when its step is due.
#[derive(Debug, Clone)]
pub enum Param {
    /// It is always this: a number, `true`, nothing.
    Fixed(Value),
    /// A text, or what a path leads to.
    Text(Template),
    /// A list of such.
    List(Vec<Param>),
    /// Names with such. Names are as they are written.
    Map(Vec<(String, Param)>),
}

impl Param {
    /// Reads a value. What is wrong with its texts is added to the mistakes.
    pub fn read(node: &Node, mistakes: &mut Vec<Mistake>) -> Self {
        match &node.is {
            Is::Text(text) => Self::Text(Template::read(text, node.at, mistakes)),
            Is::List(nodes) => Self::List(nodes.iter().map(|node| Self::read(node, mistakes)).collect()),
            Is::Map(entries) => {
                Self::Map(entries.iter().map(|(key, node)| (key.name.clone(), Self::read(node, mistakes))).collect())
            }
            Is::Null | Is::Bool(_) | Is::Int(_) | Is::Float(_) => Self::Fixed(node.to_json()),
        }
    }

    /// Makes the value for a reader, from what is in the scope.
    ///
    /// # Errors
    /// One of its texts cannot be filled.
    pub fn fill(&self, scope: &Value, sink: Sink, now: Timestamp) -> Result<Filled, Missing> {
        let mut remarks = Vec::new();
        let value = self.filled(scope, sink, now, &mut remarks)?;
        Ok(Filled { value, remarks })
    }

    /// Every path that its texts look at, in their order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => template.paths(),
            Self::List(items) => items.iter().flat_map(Self::paths).collect(),
            Self::Map(entries) => entries.iter().flat_map(|(_, entry)| entry.paths()).collect(),
        }
    }

    fn filled(&self, scope: &Value, sink: Sink, now: Timestamp, remarks: &mut Vec<String>) -> Result<Value, Missing> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(template) => {
                let filled = template.fill(scope, sink, now)?;
                remarks.extend(filled.remarks);
                Ok(filled.value)
            }
            Self::List(items) => items.iter().map(|item| item.filled(scope, sink, now, remarks)).collect(),
            Self::Map(entries) => {
                let entries =
                    entries.iter().map(|(name, entry)| Ok((name.clone(), entry.filled(scope, sink, now, remarks)?)));
                entries.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}
