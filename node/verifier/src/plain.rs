//! Values of the page as people and programs read them: one tree for the JSON of facts and for the lines of a
//! transaction that travels (`docs/formats.md`, sections 1 and 18).

use std::fmt;

use quorate_crypto::{
    Address, Digest, Epoch, Height, Key, MemberNumber, PublicKey, SeatNumber, Signature, ValidatorIndex,
};
use quorate_ledger::{Amount, AssetCode, Timestamp, visible};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

pub(crate) mod operation;
pub(crate) mod records;
pub(crate) mod state;

/// A value in plain words. Versions are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// A value in its text form; bytes are hex.
    Text(String),
    /// An integer.
    Number(u64),
    /// A bool.
    Bool(bool),
    /// An option without a value.
    None,
    /// A list.
    List(Vec<Plain>),
    /// A struct: its fields in order.
    Struct(Vec<(&'static str, Plain)>),
    /// A variant without fields: its name, and the word that stands for it in lines for people.
    Name { name: String, word: String },
    /// A variant with a value that has no name.
    Variant { name: &'static str, content: Box<Plain> },
    /// A variant with fields, in order.
    Fields {
        name: &'static str,
        fields: Vec<(&'static str, Plain)>,
    },
}

/// What can be read in plain words.
pub(crate) trait ToPlain {
    /// The value as a tree.
    fn plain(&self) -> Plain;
}

impl Plain {
    /// A value by its text form.
    pub(crate) fn text<T: ToString + ?Sized>(value: &T) -> Self {
        Self::Text(value.to_string())
    }

    /// Bytes as hex.
    pub(crate) fn hex<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> Self {
        Self::Text(hex::encode(bytes))
    }

    /// A list of byte strings.
    pub(crate) fn hexes<T: AsRef<[u8]>>(items: &[T]) -> Self {
        Self::List(items.iter().map(Self::hex).collect())
    }

    /// A list of values by their text forms.
    pub(crate) fn texts<T: ToString>(items: &[T]) -> Self {
        Self::List(items.iter().map(Self::text).collect())
    }

    /// As [`Self::texts`], if there is a list.
    pub(crate) fn texts_if_any<T: ToString>(items: &Option<Vec<T>>) -> Self {
        items.as_ref().map_or(Self::None, |items| Self::texts(items))
    }

    /// A variant without fields, by the name that it has in its type's derived form: for a type whose name two of the
    /// ledger's types share.
    pub(crate) fn variant_name<T: fmt::Debug>(value: &T) -> Self {
        Self::name(&format!("{value:?}"))
    }

    /// A variant without fields.
    pub(crate) fn name(name: &str) -> Self {
        Self::Name {
            name: name.to_owned(),
            word: name.to_owned(),
        }
    }

    /// A variant with a value that has no name.
    pub(crate) fn variant(name: &'static str, content: Self) -> Self {
        Self::Variant {
            name,
            content: Box::new(content),
        }
    }
}

/// As a value stands in a line for people (section 18).
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What is shown need not be well-formed: no name in it ends a line or moves a cursor.
            Self::Text(text) => f.write_str(&visible(text)),
            Self::Number(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::None => f.write_str("none"),
            Self::Name { word, .. } => f.write_str(word),
            Self::List(items) => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    f.write_str(if place > 0 { ", " } else { "" })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Struct(fields) => {
                f.write_str("{")?;
                write_fields(fields, f)?;
                f.write_str("}")
            }
            Self::Variant { name, content } => write!(f, "{name}({content})"),
            Self::Fields { name, fields } => {
                write!(f, "{name}(")?;
                write_fields(fields, f)?;
                f.write_str(")")
            }
        }
    }
}

fn write_fields(fields: &[(&'static str, Plain)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, (name, value)) in fields.iter().enumerate() {
        f.write_str(if place > 0 { ", " } else { "" })?;
        write!(f, "{name} {value}")?;
    }
    Ok(())
}

/// As a value stands in JSON: a variant without fields is its name, one with fields an object of one key.
impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::None => serializer.serialize_unit(),
            Self::Name { name, .. } => serializer.serialize_str(name),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Struct(fields) => serialize_fields(fields, serializer),
            Self::Variant { name, content } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(name, content.as_ref())?;
                map.end()
            }
            Self::Fields { name, fields } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(name, &Named(fields))?;
                map.end()
            }
        }
    }
}

/// The fields of a variant, as an object.
struct Named<'a>(&'a [(&'static str, Plain)]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_fields(self.0, serializer)
    }
}

fn serialize_fields<S: Serializer>(
    fields: &[(&'static str, Plain)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (name, value) in fields {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// A struct field by field, under the page's names. `as` names a function where a type has no tree of its own.
macro_rules! plain_struct {
    ($type:ty { $($field:ident $(as $how:ident)?),+ $(,)? }) => {
        impl $crate::plain::ToPlain for $type {
            fn plain(&self) -> $crate::plain::Plain {
                $crate::plain::Plain::Struct(vec![
                    $((stringify!($field), $crate::plain::plain_field!(&self.$field $(, $how)?))),+
                ])
            }
        }
    };
}

macro_rules! plain_field {
    ($value:expr) => {
        $crate::plain::ToPlain::plain($value)
    };
    ($value:expr, $how:ident) => {
        $crate::plain::Plain::$how($value)
    };
}

/// Types of which version 1 is all there is.
macro_rules! plain_v1 {
    ($($type:ty),+ $(,)?) => {
        $(impl $crate::plain::ToPlain for $type {
            fn plain(&self) -> $crate::plain::Plain {
                self.v1().plain()
            }
        })+
    };
}

pub(crate) use {plain_field, plain_struct, plain_v1};

macro_rules! plain_numbers {
    ($($type:ty),+) => {
        $(impl ToPlain for $type {
            fn plain(&self) -> Plain {
                Plain::Number(u64::from(*self))
            }
        })+
    };
}

macro_rules! plain_counts {
    ($($type:ty),+) => {
        $(impl ToPlain for $type {
            fn plain(&self) -> Plain {
                Plain::Number(u64::from(self.0))
            }
        })+
    };
}

macro_rules! plain_texts {
    ($($type:ty),+) => {
        $(impl ToPlain for $type {
            fn plain(&self) -> Plain {
                Plain::text(self)
            }
        })+
    };
}

plain_numbers!(u8, u16, u32, u64);
plain_counts!(Height, Epoch, ValidatorIndex, MemberNumber, SeatNumber);
plain_texts!(Address, Digest, PublicKey, AssetCode, Key, Amount, Timestamp);

impl ToPlain for bool {
    fn plain(&self) -> Plain {
        Plain::Bool(*self)
    }
}

impl ToPlain for Signature {
    fn plain(&self) -> Plain {
        Plain::hex(&self.0)
    }
}

impl<T: ToPlain> ToPlain for Option<T> {
    fn plain(&self) -> Plain {
        self.as_ref().map_or(Plain::None, T::plain)
    }
}

impl<T: ToPlain> ToPlain for Vec<T> {
    fn plain(&self) -> Plain {
        self.as_slice().plain()
    }
}

impl<T: ToPlain> ToPlain for [T] {
    fn plain(&self) -> Plain {
        Plain::List(self.iter().map(T::plain).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_one_json_value() {
        let leaves = Plain::List(vec![
            Plain::variant("Signs", Plain::text("qr1…")),
            Plain::name("Memo"),
            Plain::Fields {
                name: "Operation",
                fields: vec![("index", Plain::Number(5)), ("field", 0_u8.plain())],
            },
        ]);
        let value = Plain::Struct(vec![
            ("need", Plain::Number(1)),
            ("leaves", leaves),
            ("last", Plain::None),
        ]);
        assert_eq!(
            value.to_string(),
            "{need 1, leaves [Signs(qr1…), Memo, Operation(index 5, field 0)], last none}"
        );
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"need":1,"leaves":[{"Signs":"qr1…"},"Memo",{"Operation":{"index":5,"field":0}}],"last":null}"#
        );
    }

    #[test]
    fn a_text_stays_on_its_line() {
        let name = Plain::text("al\npha\u{1b}[2J");
        assert_eq!(name.to_string(), "al\\u{a}pha\\u{1b}[2J");
    }

    #[test]
    fn a_struct_that_is_a_variants_value_is_not_the_variants_fields() {
        let value = Plain::variant("Rules", Plain::Struct(vec![("strangers", Plain::Number(3))]));
        assert_eq!(value.to_string(), "Rules({strangers 3})");
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"Rules":{"strangers":3}}"#
        );
    }
}
