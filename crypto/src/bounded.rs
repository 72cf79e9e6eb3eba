//! Lists from outside with a bound that is checked before anything is allocated.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Bytes at most that are set aside for a list before its items are read.
const SET_ASIDE: usize = 1 << 16;

/// Reads a list of at most `MAX` items; for `#[serde(deserialize_with = "…")]`.
pub fn bounded_vec<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Bounded<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            if let Some(length) = items.size_hint().filter(|length| *length > MAX) {
                return Err(A::Error::invalid_length(length, &self));
            }
            // What is announced need not come: little is set aside for it.
            let announced = items.size_hint().unwrap_or(0);
            let mut list = Vec::with_capacity(announced.min(SET_ASIDE / size_of::<T>().max(1)));
            while let Some(item) = items.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                list.push(item);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, MAX>(PhantomData))
}
