//! Where in a proof something is: written out only if it is refused.

use std::fmt;

/// A place in a proof, such as `statement.items[3].entry`.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    /// All of it.
    Whole(&'static str),
    /// A field.
    Field(&'a At<'a>, &'static str),
    /// An item of the list before.
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    /// A field of this place.
    pub(crate) fn field(&self, name: &'static str) -> At<'_> {
        At::Field(self, name)
    }

    /// An item of this list.
    pub(crate) fn item(&self, index: usize) -> At<'_> {
        At::Item(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) => f.write_str(name),
            Self::Field(of, name) => write!(f, "{of}.{name}"),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_the_way_to_it() {
        let whole = At::Whole("statement");
        let items = whole.field("items");
        assert_eq!(
            items.item(3).field("entry").to_string(),
            "statement.items[3].entry"
        );
    }
}
