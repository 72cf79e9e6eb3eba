//! Texts beside an intent (`docs/formats.md`, section 4): memos, labels, metadata, descriptions, reasons,
//! explanations. The intent has their places and one root over their salted hashes; they travel beside it, are outside
//! every digest, and can be erased.

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Tag, merkle};
use serde::{Deserialize, Serialize};

use super::IntentV1;
use crate::limits::{MAX_MEMO_BYTES, MAX_PLACES};
use crate::text::{IllegalText, legal_text};

/// What of its texts an intent has. An intent without texts has none of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// 1 to 513, strictly ascending, each one legal in the intent.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PLACES>")]
    pub places: Vec<Place>,
    /// The RFC 6962 root over the texts, one for each place.
    pub root: Digest,
}

/// Where in an intent a text belongs. Places order as their encodings do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The transaction itself.
    Memo,
    /// An operation.
    Operation {
        /// Its index.
        index: u8,
        /// Which of its texts; see [`Operation::text_rule`](super::Operation::text_rule).
        field: u8,
    },
}

/// What a text at some place must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRule {
    /// The most bytes it may have; the least is 1.
    pub max_bytes: usize,
    /// Whether it may be any bytes, as metadata may. Else it is UTF-8 without refused code points.
    pub any_bytes: bool,
}

/// A text with the salt that keeps its hash from confirming guesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Secret, of this text alone, and erased with it.
    pub salt: [u8; 16],
    /// The text.
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// A text, or the hash that stands for one that is erased or missing. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextItem {
    /// The text.
    Shown(Text),
    /// Only its leaf's hash.
    Withheld {
        /// As of [`Text::leaf`].
        leaf: Digest,
    },
}

/// Why texts are not an intent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too few.
    #[error("the transaction has {expected} texts, only {got} are here")]
    Missing {
        /// Texts given.
        got: usize,
        /// Places of the intent.
        expected: usize,
    },
    /// Too many.
    #[error("the transaction has {expected} texts, {got} are here")]
    TooMany {
        /// Texts given.
        got: usize,
        /// Places of the intent.
        expected: usize,
    },
    /// A place at which no text is legal.
    #[error("{place}: no text belongs there")]
    NoPlace {
        /// The place.
        place: Place,
    },
    /// An empty text, or one that is too long.
    #[error("{place}: the text has {length} bytes, 1 to {limit} are allowed")]
    Length {
        /// The place.
        place: Place,
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8, or a code point that no text may have.
    #[error("{place}: {error}")]
    Illegal {
        /// The place.
        place: Place,
        /// What is wrong.
        error: IllegalText,
    },
    /// Other texts than those that were signed.
    #[error("the texts are not those that were signed: their root is another")]
    WrongRoot,
}

/// `memo`, or `text` with the operation's index and the field.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memo => f.write_str("memo"),
            Self::Operation { index, field } => write!(f, "text {index} {field}"),
        }
    }
}

impl TextRule {
    /// At most so many bytes of legal text.
    pub(super) fn text(max_bytes: usize) -> Self {
        let any_bytes = false;
        Self { max_bytes, any_bytes }
    }

    /// At most so many bytes of any kind.
    pub(super) fn any_bytes(max_bytes: usize) -> Self {
        let any_bytes = true;
        Self { max_bytes, any_bytes }
    }
}

impl Place {
    /// What a text at this place of `intent` must be; none if no text is legal there.
    pub fn rule(&self, intent: &IntentV1) -> Option<TextRule> {
        match self {
            Self::Memo => Some(TextRule::text(MAX_MEMO_BYTES)),
            Self::Operation { index, field } => {
                let act = intent.operations.get(usize::from(*index))?;
                act.operation.text_rule(*field)
            }
        }
    }

    /// Whether a text is legal at this place of `intent`.
    pub fn legal_for(&self, intent: &IntentV1) -> bool {
        self.rule(intent).is_some()
    }

    /// The most bytes of a text at this place of `intent`; none if no text is legal there.
    pub fn max_bytes(&self, intent: &IntentV1) -> Option<usize> {
        self.rule(intent).map(|rule| rule.max_bytes)
    }
}

impl Text {
    /// The data of its leaf: its salt, its length in two bytes and itself, under [`Tag::TEXT`].
    pub fn leaf_data(&self) -> Vec<u8> {
        // No legal text is longer than two bytes can say; one that is fits nothing, whatever its hash.
        let length = u16::try_from(self.text.len()).unwrap_or(u16::MAX);
        Tag::TEXT.preimage(
            &[
                self.salt.as_slice(),
                length.to_le_bytes().as_slice(),
                self.text.as_slice(),
            ]
            .concat(),
        )
    }

    /// The hash of its leaf.
    pub fn leaf(&self) -> Digest {
        merkle::leaf_hash(&self.leaf_data())
    }

    /// Checks that it is legal at a place of `intent`: its length, and that it is UTF-8 without refused code points
    /// where it must be.
    pub fn check(&self, place: Place, intent: &IntentV1) -> Result<(), TextError> {
        let rule = place.rule(intent).ok_or(TextError::NoPlace { place })?;
        let (length, limit) = (self.text.len(), rule.max_bytes);
        if !(1..=limit).contains(&length) {
            return Err(TextError::Length { place, length, limit });
        }
        if rule.any_bytes {
            return Ok(());
        }
        match legal_text(&self.text) {
            Ok(_) => Ok(()),
            Err(error) => Err(TextError::Illegal { place, error }),
        }
    }
}

impl TextItem {
    /// The hash of its leaf.
    pub fn leaf(&self) -> Digest {
        match self {
            Self::Shown(text) => text.leaf(),
            Self::Withheld { leaf } => *leaf,
        }
    }

    /// The text, if it is shown.
    pub fn shown(&self) -> Option<&Text> {
        match self {
            Self::Shown(text) => Some(text),
            Self::Withheld { .. } => None,
        }
    }
}

impl Texts {
    /// The root over these items.
    pub fn root_of(items: &[TextItem]) -> Digest {
        let leaves: Vec<Digest> = items.iter().map(TextItem::leaf).collect();
        merkle::root_of_hashes(&leaves)
    }

    /// Checks that these are the texts of `intent`, which these are the places and the root of: one item for each
    /// place in order, each shown one legal, and the root over them this one.
    pub fn fit(&self, intent: &IntentV1, items: &[TextItem]) -> Result<(), TextError> {
        check_count(items.len(), self.places.len())?;
        for (item, place) in items.iter().zip(&self.places) {
            if let TextItem::Shown(text) = item {
                text.check(*place, intent)?;
            }
        }
        self.check_root(Self::root_of(items))
    }

    /// Checks the same of texts that are all shown.
    pub(super) fn fit_shown(&self, intent: &IntentV1, texts: &[Text]) -> Result<(), TextError> {
        check_count(texts.len(), self.places.len())?;
        for (text, place) in texts.iter().zip(&self.places) {
            text.check(*place, intent)?;
        }
        let leaves: Vec<Digest> = texts.iter().map(Text::leaf).collect();
        self.check_root(merkle::root_of_hashes(&leaves))
    }

    fn check_root(&self, root: Digest) -> Result<(), TextError> {
        if root == self.root {
            Ok(())
        } else {
            Err(TextError::WrongRoot)
        }
    }
}

/// Checks that there is one text for each of `expected` places.
pub(super) fn check_count(got: usize, expected: usize) -> Result<(), TextError> {
    if got < expected {
        Err(TextError::Missing { got, expected })
    } else if got > expected {
        Err(TextError::TooMany { got, expected })
    } else {
        Ok(())
    }
}

impl TextError {
    /// The stable code of section 23.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "texts_missing",
            Self::TooMany { .. } | Self::WrongRoot => "texts_unfit",
            Self::NoPlace { .. } | Self::Length { .. } | Self::Illegal { .. } => "text_refused",
        }
    }
}
