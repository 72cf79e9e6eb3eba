//! Days of UTC, by which the files are parted.

use std::fmt;
use std::str::FromStr;

use quorate_ledger::{Timestamp, format_time, parse_time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Characters of a day's text.
const LENGTH: usize = "2026-11-30".len();

/// A day of UTC, at most of the year 9999: it has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u64);

/// A text that is not a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-11-30")]
pub struct NotADay;

impl Day {
    /// The day of a time; none after the year 9999.
    pub fn of(time: Timestamp) -> Option<Self> {
        format_time(time).map(|_| Self(time.0 / DAY_MS))
    }

    /// Its first moment.
    pub fn begins(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(DAY_MS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_time(self.begins()).expect("a day is within the years that have a text");
        f.write_str(text.get(..LENGTH).unwrap_or(&text))
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let begins = parse_time(&format!("{text}T00:00:00Z")).map_err(|_| NotADay)?;
        Self::of(begins).ok_or(NotADay)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_text() {
        let noon = parse_time("2026-11-30T12:00:00.250Z").unwrap();
        let day = Day::of(noon).unwrap();
        assert_eq!(day.to_string(), "2026-11-30");
        assert_eq!("2026-11-30".parse(), Ok(day));
        assert_eq!(day.begins(), parse_time("2026-11-30T00:00:00Z").unwrap());
        for text in ["", "2026-11-31", "2026-1-30", "2026-11-30 ", "../../etc"] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
        assert_eq!(Day::of(Timestamp(u64::MAX)), None);
    }
}
