//! Parameters and rules as people set them, `KEY=VALUE`, in the place of those in force.

use quorate_ledger::{Majority, Parameters, ParametersV1, Rules, RulesV1};

use super::change::{PARAMETERS, RULES};

/// A key and its value in a command or in a list: `window=64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedValue {
    /// The parameter's or rule's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Why a parameter or a rule cannot be set so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    /// No parameter, or no rule, has this name.
    #[error("there is no `{name}`; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The value is not one of its kind.
    #[error("{name}: `{value}` is not {expected}")]
    Malformed {
        /// The name.
        name: String,
        /// The value given.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The name is given twice.
    #[error("{name} is given twice")]
    Twice {
        /// The name.
        name: String,
    },
}

/// The parameters in force with these values in their place.
///
/// # Errors
/// If a name or a value is none; whether values are in their ranges is for [`ParametersV1::check`].
pub fn changed_parameters(in_force: &ParametersV1, values: &[ChangedValue]) -> Result<Parameters, NotAValue> {
    check_names(values, &PARAMETERS)?;
    let mut changed = in_force.clone();
    for ChangedValue { name, value } in values {
        let small = || number::<u32>(name, value);
        let large = || number::<u64>(name, value);
        match name.as_str() {
            "max_transaction_bytes" => changed.max_transaction_bytes = small()?,
            "max_batch_bytes" => changed.max_batch_bytes = small()?,
            "max_batch_transactions" => changed.max_batch_transactions = small()?,
            "max_batch_signature_cost" => changed.max_batch_signature_cost = small()?,
            "max_proposal_batches" => changed.max_proposal_batches = small()?,
            "max_expiry_lead_ms" => changed.max_expiry_lead_ms = large()?,
            "max_hold_ms" => changed.max_hold_ms = large()?,
            "max_clock_lead_ms" => changed.max_clock_lead_ms = large()?,
            "max_clock_lag_ms" => changed.max_clock_lag_ms = large()?,
            "window" => changed.window = small()?,
            "author_quota" => changed.author_quota = small()?,
            "slowness_factor" => changed.slowness_factor = small()?,
            "slowness_floor_ms" => changed.slowness_floor_ms = small()?,
            "slowness_share" => changed.slowness_share = small()?,
            _ => return Err(unknown(name, &PARAMETERS)),
        }
    }
    Ok(Parameters::V1(changed))
}

/// The same for the rules.
///
/// # Errors
/// As for [`changed_parameters`].
pub fn changed_rules(in_force: &RulesV1, values: &[ChangedValue]) -> Result<Rules, NotAValue> {
    check_names(values, &RULES)?;
    let mut changed = in_force.clone();
    for ChangedValue { name, value } in values {
        let majority = || majority(name, value);
        let large = || number::<u64>(name, value);
        match name.as_str() {
            "strangers" => changed.strangers = number(name, value)?,
            "seats" => changed.seats = majority()?,
            "engine" => changed.engine = majority()?,
            "protocol" => changed.protocol = majority()?,
            "parameters" => changed.parameters = majority()?,
            "grants" => changed.grants = majority()?,
            "quotas" => changed.quotas = majority()?,
            "strict" => changed.strict = majority()?,
            "dormant_after_ms" => changed.dormant_after_ms = large()?,
            "guardian_delay_ms" => changed.guardian_delay_ms = large()?,
            "day_bytes" => changed.day_bytes = large()?,
            "day_leaves" => changed.day_leaves = number(name, value)?,
            "strangers_bytes" => changed.strangers_bytes = large()?,
            "strangers_leaves" => changed.strangers_leaves = number(name, value)?,
            "reserve_bytes" => changed.reserve_bytes = large()?,
            _ => return Err(unknown(name, &RULES)),
        }
    }
    Ok(Rules::V1(changed))
}

fn check_names(values: &[ChangedValue], known: &[(&str, &str)]) -> Result<(), NotAValue> {
    for (place, value) in values.iter().enumerate() {
        let name = &value.name;
        if !known.iter().any(|(own, _)| own == name) {
            return Err(unknown(name, known));
        }
        if values.iter().take(place).any(|before| before.name == *name) {
            return Err(NotAValue::Twice { name: name.clone() });
        }
    }
    Ok(())
}

fn unknown(name: &str, known: &[(&str, &str)]) -> NotAValue {
    let names: Vec<&str> = known.iter().map(|(own, _)| *own).collect();
    NotAValue::Unknown {
        name: name.to_owned(),
        known: names.join(", "),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, NotAValue> {
    value.parse().map_err(|_| NotAValue::Malformed {
        name: name.to_owned(),
        value: value.to_owned(),
        expected: "a whole number that it can be",
    })
}

fn majority(name: &str, value: &str) -> Result<Majority, NotAValue> {
    // As one word it needs no quotes in a shell.
    let spaced = value.replace('-', " ");
    let found = Majority::ALL
        .into_iter()
        .find(|majority| majority.name() == spaced);
    found.ok_or_else(|| NotAValue::Malformed {
        name: name.to_owned(),
        value: value.to_owned(),
        expected: "half, two-thirds or all",
    })
}

impl std::str::FromStr for ChangedValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected KEY=VALUE, such as window=64".to_owned()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::governance) fn values(texts: &[&str]) -> Vec<ChangedValue> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_no_parameter_or_rule_is_refused_with_those_that_there_are() {
        let (parameters, rules) = (ParametersV1::default(), RulesV1::default());
        let unknown = changed_parameters(&parameters, &values(&["windows=64"])).unwrap_err();
        assert!(
            unknown
                .to_string()
                .contains("there is no `windows`; there are: max_transaction_bytes")
        );
        for wrong in ["window=many", "window=-1", "window=4294967296"] {
            let refused = changed_parameters(&parameters, &values(&[wrong]));
            assert!(matches!(refused, Err(NotAValue::Malformed { .. })), "{wrong}");
        }
        let twice = changed_rules(&rules, &values(&["strict=all", "strict=half"])).unwrap_err();
        assert_eq!(twice.to_string(), "strict is given twice");
        let majority = changed_rules(&rules, &values(&["strict=most"])).unwrap_err();
        assert_eq!(
            majority.to_string(),
            "strict: `most` is not half, two-thirds or all"
        );
        for wrong in ["window", "=64", "window="] {
            assert!(wrong.parse::<ChangedValue>().is_err(), "{wrong}");
        }
    }
}
