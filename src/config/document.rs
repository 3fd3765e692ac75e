//! TOML text to a plain tree in which everything knows its line.

use toml::de::{DeTable, DeValue};

/// A value that knows its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// The values that configuration keys can have; everything else is only named.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Fraction(f64),
    Flag(bool),
    List(Vec<Located<Value>>),
    Table(Vec<Field>),
    /// With its article: `a date`.
    Other(&'static str),
}

impl Value {
    /// What the value is, with its article.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Value::Text(_) => "a string",
            Value::Number(_) => "a number",
            Value::Fraction(_) => "a number with a fraction",
            Value::Flag(_) => "true or false",
            Value::List(items)
                if !items.is_empty() && items.iter().all(|item| matches!(item.value, Value::Table(_))) =>
            {
                "a list of tables, which double brackets make"
            }
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(what) => what,
        }
    }
}

/// `key = value`, or a table under its header.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What the parser says of a key or table that stands twice.
const DUPLICATE: &str = "duplicate key";

/// Parses a whole file; the error holds every syntax error, by line.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Field>, Vec<Located<String>>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        vec![Located { line, value: "not UTF-8 text".to_owned() }]
    })?;
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(fields(table.get_ref(), &lines));
    }
    let mut found: Vec<Located<String>> = errors
        .iter()
        .map(|error| Located {
            line: error.span().map_or(1, |span| lines.line(span.start)),
            value: match error.span().and_then(|span| text.get(span)) {
                Some(key) if error.message() == DUPLICATE => format!("{DUPLICATE} {key}"),
                _ => error.message().replace('\n', ", "),
            },
        })
        .collect();
    found.sort_by_key(|error| error.line);
    // The parser recovers as well as it can; a second complaint about a line is an echo of the first.
    found.dedup_by_key(|error| error.line);
    Err(found)
}

fn fields(table: &DeTable<'_>, lines: &Lines) -> Vec<Field> {
    let mut fields: Vec<Field> = table
        .iter()
        .map(|(key, value)| Field {
            key: key.get_ref().to_string(),
            line: lines.line(key.span().start),
            value: plain(value.get_ref(), lines),
        })
        .collect();
    fields.sort_by_key(|field| field.line);
    fields
}

fn plain(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Other("a number beyond 64 bits"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Fraction(number),
            Err(_) => Value::Other("a number with a fraction"),
        },
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Located {
                    line: lines.line(item.span().start),
                    value: plain(item.get_ref(), lines),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(fields(table, lines)),
    }
}

/// Offsets of the line starts.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1).collect())
    }

    /// The line of an offset, from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_knows_its_line() {
        let fields =
            parse("\u{feff}# head\r\na = 1\r\n\r\n[t.u]\r\nb = [\r\n 'x',\r\n 'y',\r\n]\r\n".as_bytes())
                .unwrap();
        assert_eq!(fields[0], Field { key: "a".into(), line: 2, value: Value::Number(1) });
        let Value::Table(t) = &fields[1].value else { panic!() };
        let Value::Table(u) = &t[0].value else { panic!() };
        assert_eq!((t[0].line, u[0].line), (4, 5));
        let Value::List(items) = &u[0].value else { panic!() };
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [6, 7]);
    }

    #[test]
    fn every_syntax_error_is_told_with_its_line() {
        let errors = parse(b"a = \n[b\nc = 1\nd = = 2\n").unwrap_err();
        let lines: Vec<usize> = errors.iter().map(|error| error.line).collect();
        assert!(lines.contains(&1) && lines.contains(&2) && lines.contains(&4), "{errors:?}");
        assert_eq!(parse(b"ok = 1\n\xff").unwrap_err()[0].line, 2);
    }
}
