//! How values are written in JSON: amounts as decimal strings, times in RFC 3339, bytes in hex.
//!
//! Each module is for `#[serde(with = "…")]`.

use quorate_ledger::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Milliseconds always, so that times sort as texts.
const RFC3339_MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last millisecond that RFC 3339 can write; later ones are written as this one.
const LATEST: &str = "9999-12-31T23:59:59.999Z";
const LATEST_MILLIS: u64 = 253_402_300_799_999;

/// A time in RFC 3339, UTC, with milliseconds.
pub fn rfc3339_of(timestamp: Timestamp) -> String {
    let nanos = i128::from(timestamp.0) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|moment| moment.format(RFC3339_MILLIS).ok())
        .unwrap_or_else(|| LATEST.to_owned())
}

/// The time that an RFC 3339 text means, cut to milliseconds; none for anything else, before 1970, or after
/// the year 9999 in UTC, which an offset can lead to.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let millis = u64::try_from(millis_of(text)?).ok()?;
    (millis <= LATEST_MILLIS).then_some(Timestamp(millis))
}

/// The same for a bound: before 1970 it is 1970, and after the year 9999 the last millisecond of that, as no block
/// has a time beyond.
pub fn parse_rfc3339_bound(text: &str) -> Option<Timestamp> {
    let millis = millis_of(text)?.max(0);
    let millis = u64::try_from(millis).unwrap_or(LATEST_MILLIS);
    Some(Timestamp(millis.min(LATEST_MILLIS)))
}

/// Counted from 1970 whatever the offset: a date beyond the calendar has no form in UTC.
fn millis_of(text: &str) -> Option<i128> {
    let moment = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(moment.unix_timestamp_nanos().div_euclid(1_000_000))
}

/// Times in RFC 3339.
pub mod rfc3339 {
    use quorate_ledger::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a time.
    pub fn serialize<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::rfc3339_of(*timestamp))
    }

    /// Reads a time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not a time in RFC 3339"))
    }
}

/// Times in RFC 3339, or null.
pub mod optional_rfc3339 {
    use quorate_ledger::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a time or null.
    pub fn serialize<S: Serializer>(timestamp: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match timestamp {
            Some(timestamp) => super::rfc3339::serialize(timestamp, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let timestamp = super::parse_rfc3339(&text);
        timestamp
            .map(Some)
            .ok_or_else(|| serde::de::Error::custom("not a time in RFC 3339"))
    }
}

/// Amounts in smallest units as decimal strings, because JSON numbers lose digits beyond 2^53.
pub mod amount {
    use quorate_ledger::Amount;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes an amount.
    pub fn serialize<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    /// Reads an amount: decimal digits and nothing else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = digits.then(|| text.parse().ok()).flatten();
        amount
            .map(Amount)
            .ok_or_else(|| serde::de::Error::custom("not an amount in decimal digits"))
    }
}

/// A 16-byte salt in hex.
pub mod salt {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a salt.
    pub fn serialize<S: Serializer>(salt: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(salt))
    }

    /// Reads a salt.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut salt = [0; 16];
        hex::decode_to_slice(&text, &mut salt).map_err(serde::de::Error::custom)?;
        Ok(salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_read_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (LATEST_MILLIS, LATEST),
        ] {
            assert_eq!(rfc3339_of(Timestamp(millis)), text);
            assert_eq!(parse_rfc3339(text), Some(Timestamp(millis)));
        }
    }

    #[test]
    fn times_beyond_the_calendar_are_written_as_its_end() {
        assert_eq!(rfc3339_of(Timestamp(u64::MAX)), LATEST);
    }

    #[test]
    fn offsets_are_understood_and_other_texts_are_not() {
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(Timestamp(0)));
        assert_eq!(parse_rfc3339("1969-12-31T23:59:59Z"), None);
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    /// Found by fuzzing: the date in UTC was asked for, and that it has none was a panic.
    #[test]
    fn an_offset_that_leads_beyond_the_calendar_is_refused() {
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59-12:45"), None);
        assert_eq!(parse_rfc3339("0000-01-01T00:00:00+12:45"), None);
    }
}
