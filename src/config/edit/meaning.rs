//! Whether an edited text says what it should.

use toml::{Table, Value};

use super::{Edit, literal};

/// Whether `after` is what `before` says, with the one edit.
pub(super) fn holds(before: &str, edit: &Edit, after: &str) -> bool {
    let (Ok(mut wanted), Ok(mut found)) = (before.parse::<Table>(), after.parse::<Table>()) else {
        return false;
    };
    match edit {
        Edit::Set(path, value) => {
            let Ok(mut value) = format!("x = {}", literal(value)).parse::<Table>() else { return false };
            let Some(value) = value.remove("x") else { return false };
            put(&mut wanted, path, value);
        }
        Edit::Unset(path) => drop(take(&mut wanted, path)),
        Edit::Rename(path, to) => {
            if let Some(value) = take(&mut wanted, path) {
                let above = &path[..path.len().saturating_sub(1)];
                put(&mut wanted, &above.iter().chain(to).cloned().collect::<Vec<_>>(), value);
            }
        }
    }
    prune(&mut wanted);
    prune(&mut found);
    // As text, for a number that is none equals nothing.
    format!("{wanted:?}") == format!("{found:?}")
}

fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(table.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn take(table: &mut Table, path: &[String]) -> Option<Value> {
    match path {
        [] => None,
        [last] => table.remove(last),
        [first, rest @ ..] => take(table.get_mut(first)?.as_table_mut()?, rest),
    }
}

/// Empty tables come and go with their last key.
fn prune(table: &mut Table) {
    for (_, value) in table.iter_mut() {
        if let Value::Table(inner) = value {
            prune(inner);
        }
    }
    table.retain(|_, value| value.as_table().is_none_or(|inner| !inner.is_empty()));
}
