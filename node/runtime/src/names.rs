//! What people call the validators.

use std::sync::Arc;

use quorate_crypto::ValidatorIndex;

/// The validators' names, in the committee's order. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<[String]>);

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self(names.into())
    }
}

impl Names {
    /// What this validator is called.
    pub(crate) fn of(&self, index: ValidatorIndex) -> String {
        let name = self.0.get(usize::from(index.0));
        name.map_or_else(|| format!("validator {index}"), Clone::clone)
    }

    /// What these are called, as one text.
    pub(crate) fn of_all(&self, validators: impl IntoIterator<Item = ValidatorIndex>) -> String {
        let names: Vec<String> = validators.into_iter().map(|index| self.of(index)).collect();
        names.join(", ")
    }

    /// Whom people call so.
    pub(crate) fn index_of(&self, name: &str) -> Option<ValidatorIndex> {
        let place = self.0.iter().position(|known| known == name)?;
        u16::try_from(place).ok().map(ValidatorIndex)
    }

    /// All names.
    pub(crate) fn all(&self) -> &[String] {
        &self.0
    }
}
