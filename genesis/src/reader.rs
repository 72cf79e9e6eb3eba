//! Walks through a TOML document and takes every value in its one form. No key is passed over, and each refusal
//! has the line and the place of what is refused.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::MAX_BYTES;
use crate::error::{GenesisError, Place, Problem, line_of};
use crate::text::shown;

/// A table that has known keys alone.
pub(crate) struct Table<'t> {
    text: &'t str,
    table: &'t DeTable<'t>,
    /// Where it begins in the text.
    start: usize,
    place: Place,
}

/// A value in a table or a list.
pub(crate) struct Item<'t> {
    text: &'t str,
    value: &'t Spanned<DeValue<'t>>,
    place: Place,
}

/// Gives `read` the document that `toml` is, whose keys must be among `known`.
///
/// A byte order mark before the document is passed over by TOML's reader.
pub(crate) fn read<T>(
    toml: &str,
    known: &[&'static str],
    read: impl FnOnce(&Table<'_>) -> Result<T, GenesisError>,
) -> Result<T, GenesisError> {
    if toml.len() > MAX_BYTES {
        return Err(GenesisError::TooLarge {
            bytes: toml.len(),
            limit: MAX_BYTES,
        });
    }
    let document = DeTable::parse(toml).map_err(|error| GenesisError::of_toml(&error, toml))?;
    let table = Table {
        text: toml,
        table: document.get_ref(),
        start: 0,
        place: Place::default(),
    };
    table.check_keys(known)?;
    read(&table)
}

impl<'t> Table<'t> {
    /// Refuses the first key in the text that is none of `known`.
    fn check_keys(&self, known: &[&'static str]) -> Result<(), GenesisError> {
        let keys = self.table.iter().map(|(key, _)| key);
        let unknown = keys
            .filter(|key| !known.iter().any(|name| key.get_ref() == name))
            .min_by_key(|key| key.span().start);
        let Some(key) = unknown else {
            return Ok(());
        };
        let place = if self.place.is_document() {
            String::new()
        } else {
            format!("{}: ", self.place)
        };
        Err(GenesisError::Form {
            line: line_of(self.text, key.span().start),
            reason: format!(
                "{place}there is no key `{}`; those that there are: {}",
                shown(key.get_ref()),
                known.join(", ")
            ),
        })
    }

    /// The value under `name`, which may be left out.
    pub(crate) fn optional(&self, name: &'static str) -> Option<Item<'t>> {
        let value = self.table.get(name)?;
        Some(Item {
            text: self.text,
            value,
            place: self.place.clone().then(name),
        })
    }

    /// The value under `name`.
    pub(crate) fn required(&self, name: &'static str) -> Result<Item<'t>, GenesisError> {
        self.optional(name).ok_or_else(|| GenesisError::Invalid {
            line: Some(line_of(self.text, self.start)),
            place: self.place.clone().then(name),
            problem: Problem::Missing,
        })
    }

    /// What `read` makes of each entry of the list under `name`; of none where it is left out.
    pub(crate) fn list<T>(
        &self,
        name: &'static str,
        read: impl FnMut(&Item<'t>) -> Result<T, GenesisError>,
    ) -> Result<Vec<T>, GenesisError> {
        match self.optional(name) {
            Some(item) => item.each(read),
            None => Ok(Vec::new()),
        }
    }
}

impl<'t> Item<'t> {
    /// The error that something is wrong with this value.
    pub(crate) fn is(&self, problem: Problem) -> GenesisError {
        GenesisError::Invalid {
            line: Some(line_of(self.text, self.value.span().start)),
            place: self.place.clone(),
            problem,
        }
    }

    fn is_not(&self, expected: &'static str) -> GenesisError {
        self.is(Problem::WrongKind {
            expected,
            got: self.value.get_ref().type_str(),
        })
    }

    /// A string.
    pub(crate) fn string(&self) -> Result<&'t str, GenesisError> {
        let text = self.value.get_ref().as_str();
        text.ok_or_else(|| self.is_not("a string in quotes"))
    }

    /// A string that `parse` makes a value of.
    pub(crate) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Result<T, GenesisError> {
        parse(self.string()?).map_err(|problem| self.is(problem))
    }

    /// A whole number in decimal digits alone, at most 2^63 - 1 and what fits into `T`.
    pub(crate) fn integer<T: TryFrom<u64>>(&self) -> Result<T, GenesisError> {
        if !self.value.get_ref().is_integer() {
            return Err(self.is_not("a whole number"));
        }
        // TOML's reader takes signs and underscores away, so the document itself is looked at.
        let digits = self.text.get(self.value.span()).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.is(Problem::NotDecimal));
        }
        let highest = highest::<T>();
        let number = digits.parse::<u64>().ok().filter(|number| *number <= highest);
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.is(Problem::NumberTooLarge { highest }))
    }

    /// What `read` makes of each entry of this list.
    pub(crate) fn each<T>(
        &self,
        mut read: impl FnMut(&Item<'t>) -> Result<T, GenesisError>,
    ) -> Result<Vec<T>, GenesisError> {
        let Some(list) = self.value.get_ref().as_array() else {
            return Err(self.is_not("a list"));
        };
        let entries = list.iter().enumerate();
        let read = entries.map(|(index, value)| {
            read(&Item {
                text: self.text,
                value,
                place: self.place.clone().entry(index),
            })
        });
        read.collect()
    }

    /// A table whose keys are among `known`.
    pub(crate) fn table(&self, known: &[&'static str]) -> Result<Table<'t>, GenesisError> {
        let Some(table) = self.value.get_ref().as_table() else {
            return Err(self.is_not("a table"));
        };
        let table = Table {
            text: self.text,
            table,
            start: self.value.span().start,
            place: self.place.clone(),
        };
        table.check_keys(known)?;
        Ok(table)
    }
}

/// The largest number that fits into the unsigned integer `T` and into TOML's integers.
fn highest<T>() -> u64 {
    let unused = 64_usize.saturating_sub(8 * size_of::<T>()).max(1);
    u64::MAX >> unused
}
