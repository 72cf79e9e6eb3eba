//! One passphrase as different systems write it. Keyboards and editors give a letter with its marks as one character or
//! as several (Unicode's Annex 15, forms NFC and NFD); both look the same, and their bytes differ.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use zeroize::Zeroizing;

/// How many times as long a text in UTF-8 becomes at most, in either form.
const MAX_GROWTH: usize = 3;

/// What a new key is encrypted by: form NFC, as RFC 8265 has it for passphrases (section 4.2).
pub(super) fn composed(passphrase: &str) -> Zeroizing<String> {
    let mut text = room_for(passphrase);
    ComposingNormalizerBorrowed::new_nfc()
        .normalize_to(passphrase, &mut *text)
        .expect("a string takes all that is written to it");
    text
}

/// The forms of a passphrase that it was not given in, those of new keys first.
pub(super) fn others(passphrase: &str) -> Vec<Zeroizing<String>> {
    if passphrase.is_ascii() {
        return Vec::new();
    }
    let mut decomposed = room_for(passphrase);
    DecomposingNormalizerBorrowed::new_nfd()
        .normalize_to(passphrase, &mut *decomposed)
        .expect("a string takes all that is written to it");
    let mut forms = vec![composed(passphrase), decomposed];
    forms.retain(|form| form.as_str() != passphrase);
    forms
}

/// A string that never has to move, which would leave a copy of the secret behind.
fn room_for(passphrase: &str) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(passphrase.len().saturating_mul(MAX_GROWTH)))
}
