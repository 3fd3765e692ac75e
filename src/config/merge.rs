//! The layers on top of each other: the stronger file wins key by key.

use std::collections::BTreeMap;

use super::diagnostic::{Origin, dotted};
use super::document::Located;
use super::layer::Layer;
use super::schema::{Leaf, Setting};

/// The settings that count, with typed access by dotted path.
#[derive(Debug, Default)]
pub(super) struct Merged(Layer);

impl Merged {
    /// Later layers win. What is present wins, also when it is empty, zero or false.
    pub(super) fn of(layers: impl IntoIterator<Item = Layer>) -> Merged {
        let mut merged = Layer::new();
        for layer in layers {
            merged.extend(layer);
        }
        Merged(merged)
    }

    pub(super) fn get(&self, path: &[&str]) -> Option<&Setting> {
        let path: Vec<String> = path.iter().map(|segment| (*segment).to_owned()).collect();
        self.0.get(&path)
    }

    /// A string; an empty one counts as none.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        match &self.get(path)?.leaf {
            Leaf::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self, path: &[&str]) -> Option<bool> {
        match &self.get(path)?.leaf {
            Leaf::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A number that is not negative (the schema sees to that).
    pub(super) fn number(&self, path: &[&str]) -> Option<u64> {
        match &self.get(path)?.leaf {
            Leaf::Number(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The numbers above zero directly under a table, by name.
    pub(super) fn fractions_under(&self, path: &[&str]) -> BTreeMap<String, f64> {
        self.under(path)
            .filter_map(|(name, setting)| match setting.leaf {
                Leaf::Fraction(number) if number > 0.0 => Some((name.to_owned(), number)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn list(&self, path: &[&str]) -> Option<&[Located<String>]> {
        match &self.get(path)?.leaf {
            Leaf::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn strings(&self, path: &[&str]) -> Vec<String> {
        self.list(path).unwrap_or_default().iter().map(|item| item.value.clone()).collect()
    }

    /// The string values directly under a table, by name.
    pub(super) fn texts_under(&self, path: &[&str]) -> BTreeMap<String, String> {
        self.under(path)
            .filter_map(|(name, setting)| match &setting.leaf {
                Leaf::Text(text) => Some((name.to_owned(), text.clone())),
                _ => None,
            })
            .collect()
    }

    /// What stands directly under a table: canonical name and setting, by name.
    pub(super) fn under<'a>(&'a self, path: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a Setting)> {
        self.0.iter().filter_map(move |(key, setting)| {
            let (name, parent) = key.split_last()?;
            (parent == path).then_some((name.as_str(), setting))
        })
    }

    /// Everything, by canonical path.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Vec<String>, &Setting)> {
        self.0.iter()
    }

    /// Where every kept key stands, by dotted canonical path.
    pub(super) fn origins(&self) -> BTreeMap<String, Origin> {
        self.0.iter().map(|(path, setting)| (dotted(path), setting.origin.clone())).collect()
    }
}
