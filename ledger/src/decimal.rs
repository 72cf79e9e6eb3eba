//! Amounts as people write them: `12.50` of an asset with two decimals is 1250 of its smallest unit.
//! Digits are never rounded and floats are never used. Payment files and wallets may leave zeros out
//! ([`parse_amount`]); what is hashed or signed has one text for each amount (`docs/formats.md`, section 1;
//! [`parse_exact_amount`]).

use crate::primitives::Amount;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Something else than digits with at most one point between them.
    #[error("`{text}` is not an amount: digits and at most one decimal point, such as 12.50")]
    Malformed {
        /// The text as given, cut if it is long.
        text: String,
    },
    /// More digits after the point than the asset has.
    #[error("`{text}` has {got} decimals, the asset has {allowed}")]
    TooManyDecimals {
        /// The text as given.
        text: String,
        /// Digits after the point.
        got: usize,
        /// Digits that the asset has.
        allowed: u8,
    },
    /// More than 2^128 - 1 smallest units.
    #[error("`{text}` is larger than any amount can be")]
    TooLarge {
        /// The text as given.
        text: String,
    },
}

/// Why a text is not an amount in the one form that documents have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExactAmountError {
    /// Not an amount of this asset in any form.
    #[error("{0}")]
    NotAnAmount(AmountError),
    /// An amount in another form.
    #[error("the amount is to be written as {expected}, with all {decimals} decimals of the asset")]
    OtherForm {
        /// The one text of that amount.
        expected: String,
        /// Digits after the point that the asset has.
        decimals: u8,
    },
}

/// Reads an amount of an asset with `decimals` digits after the point.
///
/// ```
/// use quorate_ledger::{Amount, parse_amount};
///
/// assert_eq!(parse_amount("12.50", 2), Ok(Amount(1250)));
/// assert_eq!(parse_amount("12", 2), Ok(Amount(1200)));
/// assert_eq!(parse_amount(".80", 2), Ok(Amount(80)));
/// assert!(parse_amount("12.505", 2).is_err());
/// ```
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, AmountError> {
    let shown = || text.chars().take(60).collect::<String>();
    let malformed = || AmountError::Malformed { text: shown() };
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(malformed()),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(malformed());
    }
    if fraction.len() > usize::from(decimals) {
        return Err(AmountError::TooManyDecimals {
            text: shown(),
            got: fraction.len(),
            allowed: decimals,
        });
    }
    let padding = usize::from(decimals) - fraction.len();
    let units = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', padding))
        .try_fold(0_u128, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
        });
    units
        .map(Amount)
        .ok_or_else(|| AmountError::TooLarge { text: shown() })
}

/// Reads an amount in the one form that [`format_amount`] writes: as many digits after the point as the asset has
/// decimals, and before it `0` or digits without a leading zero.
pub fn parse_exact_amount(text: &str, decimals: u8) -> Result<Amount, ExactAmountError> {
    let amount = parse_amount(text, decimals).map_err(ExactAmountError::NotAnAmount)?;
    let expected = format_amount(amount, decimals);
    if text == expected {
        Ok(amount)
    } else {
        Err(ExactAmountError::OtherForm { expected, decimals })
    }
}

/// Writes an amount with all of the asset's decimals.
pub fn format_amount(amount: Amount, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{:0>width$}", amount.0, width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_to_the_last_unit() {
        for (text, decimals, units) in [
            ("0", 0, 0),
            ("0.01", 2, 1),
            (".80", 2, 80),
            ("12.5", 2, 1_250),
            ("007", 0, 7),
            ("340282366920938463463.374607431768211455", 18, u128::MAX),
        ] {
            assert_eq!(parse_amount(text, decimals), Ok(Amount(units)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "", ".", "5.", "-1", "+1", "1,5", "1e3", " 1", "1 ", "1.2.3", "０", "0x10",
        ] {
            assert!(
                matches!(parse_amount(text, 2), Err(AmountError::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn too_many_decimals_are_refused_even_if_they_are_zeros() {
        let error = parse_amount("1.000", 2).expect_err("three decimals");
        assert_eq!(
            error,
            AmountError::TooManyDecimals {
                text: "1.000".to_owned(),
                got: 3,
                allowed: 2
            }
        );
    }

    #[test]
    fn amounts_beyond_128_bits_are_refused() {
        let error = parse_amount("340282366920938463463374607431768211456", 0).expect_err("2^128");
        assert!(matches!(error, AmountError::TooLarge { .. }));
        assert!(matches!(
            parse_amount(&"9".repeat(5_000), 18),
            Err(AmountError::TooLarge { .. })
        ));
    }

    #[test]
    fn documents_have_one_text_for_each_amount() {
        for (text, decimals, units) in [("0", 0, 0), ("0.00", 2, 0), ("12.50", 2, 1_250), ("7", 0, 7)] {
            assert_eq!(parse_exact_amount(text, decimals), Ok(Amount(units)), "{text}");
        }
        for (text, decimals) in [
            ("12.5", 2),
            ("12", 2),
            (".80", 2),
            ("012.50", 2),
            ("00.10", 2),
            ("007", 0),
        ] {
            assert!(
                matches!(
                    parse_exact_amount(text, decimals),
                    Err(ExactAmountError::OtherForm { .. })
                ),
                "{text}"
            );
        }
        assert!(parse_exact_amount("12.500", 2).is_err());
        assert!(parse_exact_amount("1.", 0).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(units: u128, decimals in 0_u8..=18) {
            let text = format_amount(Amount(units), decimals);
            prop_assert_eq!(parse_amount(&text, decimals), Ok(Amount(units)));
            prop_assert_eq!(parse_exact_amount(&text, decimals), Ok(Amount(units)));
        }
    }
}
