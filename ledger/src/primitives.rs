//! Amounts, asset codes and times, and their texts (`docs/formats.md`, section 1).

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::AMOUNT_LIMIT;

/// An amount in an asset's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(pub u128);

/// A text that is not an amount in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount in smallest units is 0, or digits without a leading zero, below 2^128")]
pub struct NotAnAmount;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// A text that is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time is written as 2026-01-31T12:00:00Z, or with milliseconds that are not 0 as 2026-01-31T12:00:00.250Z, \
     from 1970 to 9999"
)]
pub struct NotATime;

/// An asset's unique code: 1 to 12 of A–Z and 0–9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetCode {
    /// The code, padded with zeros, so that codes order as their texts do.
    padded: [u8; Self::MAX_LENGTH],
}

/// A text that is not an asset code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an asset code is 1 to 12 of A–Z and 0–9")]
pub struct NotAnAssetCode;

impl Amount {
    /// Whether an operation may be about this amount: above 0 and below 10^38.
    pub fn is_in_range(self) -> bool {
        (1..AMOUNT_LIMIT).contains(&self.0)
    }
}

impl AssetCode {
    /// The most characters of a code.
    pub const MAX_LENGTH: usize = 12;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = self
            .padded
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(Self::MAX_LENGTH);
        std::str::from_utf8(&self.padded[..length]).expect("codes are ASCII")
    }

    /// The code, padded with zeros to twelve bytes.
    pub fn padded(&self) -> &[u8; Self::MAX_LENGTH] {
        &self.padded
    }

    /// The code as a number of 12 digits in base 37, big-endian (section 12): nothing is 0, `0`–`9` are 1 to 10,
    /// `A`–`Z` 11 to 36. So such numbers order as the codes' texts do, and no code is 0.
    pub fn b37(&self) -> [u8; 8] {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => byte - b'0' + 1,
            b'A'..=b'Z' => byte - b'A' + 11,
            _ => 0,
        };
        // 37^12 is below 2^63.
        let number = self
            .padded
            .iter()
            .fold(0_u64, |number, byte| number * 37 + u64::from(digit(*byte)));
        number.to_be_bytes()
    }
}

impl FromStr for AssetCode {
    type Err = NotAnAssetCode;

    fn from_str(text: &str) -> Result<Self, NotAnAssetCode> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(NotAnAssetCode);
        }
        let mut padded = [0; Self::MAX_LENGTH];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { padded })
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for AssetCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AssetCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = AssetCode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an asset code: 1 to 12 of A–Z and 0–9")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AssetCode, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In smallest units, in the one form that [`Display`](fmt::Display) writes.
impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let is_written_so =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(units) if is_written_so => Ok(Self(units)),
            _ => Err(NotAnAmount),
        }
    }
}

/// The last millisecond of the year 9999: later times have no text.
const LAST_TIME: u64 = 253_402_300_799_999;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Days from March 1 of the year 0 to 1970, in the Gregorian calendar.
const DAYS_BEFORE_1970: u64 = 719_468;

/// Days of 400 years, after which the calendar repeats itself.
const DAYS_OF_400_YEARS: u64 = 146_097;

/// RFC 3339, or after the year 9999 milliseconds since 1970.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format_time(*self) {
            Some(text) => f.write_str(&text),
            None => self.0.fmt(f),
        }
    }
}

/// Writes a time in RFC 3339, with milliseconds if these are not 0; none for times after the year 9999.
pub fn format_time(time: Timestamp) -> Option<String> {
    if time.0 > LAST_TIME {
        return None;
    }
    let (days, within) = (time.0 / DAY_MS, time.0 % DAY_MS);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (within / 3_600_000, within / 60_000 % 60, within / 1_000 % 60);
    let date_time = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Some(match within % 1_000 {
        0 => format!("{date_time}Z"),
        milliseconds => format!("{date_time}.{milliseconds:03}Z"),
    })
}

/// Reads a time in the one form that [`format_time`] writes.
pub fn parse_time(text: &str) -> Result<Timestamp, NotATime> {
    let time = read_time(text.as_bytes()).ok_or(NotATime)?;
    // Dates that do not exist, the 24th hour, a 60th second, .000 and other separators: each has another text.
    if format_time(time).as_deref() == Some(text) {
        Ok(time)
    } else {
        Err(NotATime)
    }
}

/// The time whose digits stand where they should, whatever stands between them.
fn read_time(text: &[u8]) -> Option<Timestamp> {
    let number = |at: Range<usize>| {
        let digits = text.get(at)?;
        digits.iter().all(u8::is_ascii_digit).then(|| {
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
        })
    };
    let milliseconds = match text.len() {
        20 => 0,
        24 => number(20..23)?,
        _ => return None,
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (hours, minutes, seconds) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let minutes = (days_of(year, month, day) * 24 + hours) * 60 + minutes;
    Some(Timestamp((minutes * 60 + seconds) * 1_000 + milliseconds))
}

/// The date, so many days after 1970-01-01. Years begin in March here, so that the leap day is a year's last.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (400 * era + year_of_era + later, month, day)
}

/// Days from 1970-01-01 to a date from then on.
fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    DAYS_OF_400_YEARS * era + day_of_era - DAYS_BEFORE_1970
}
