//! Parameters and rules in documents (`docs/formats.md`, section 14): each by its name, and what is left out
//! has its value at first.

use quorate_ledger::{Majority, Parameters, ParametersV1, Rules, RulesV1};

use crate::Problem;
use crate::error::GenesisError;
use crate::reader::{Item, Table};

/// The names of all parameters, in the order of the format.
pub(crate) const PARAMETERS: [&str; 14] = [
    "max_transaction_bytes",
    "max_batch_bytes",
    "max_batch_transactions",
    "max_batch_signature_cost",
    "max_proposal_batches",
    "max_expiry_lead_ms",
    "max_hold_ms",
    "max_clock_lead_ms",
    "max_clock_lag_ms",
    "window",
    "author_quota",
    "slowness_factor",
    "slowness_floor_ms",
    "slowness_share",
];

/// The names of all rules, in the order of the format.
pub(crate) const RULES: [&str; 15] = [
    "strangers",
    "seats",
    "engine",
    "protocol",
    "parameters",
    "grants",
    "quotas",
    "strict",
    "dormant_after_ms",
    "guardian_delay_ms",
    "day_bytes",
    "day_leaves",
    "strangers_bytes",
    "strangers_leaves",
    "reserve_bytes",
];

/// All parameters by name, in the order of the format.
pub(crate) fn parameters(parameters: &ParametersV1) -> impl Iterator<Item = (&'static str, u64)> + use<> {
    let ParametersV1 {
        max_transaction_bytes,
        max_batch_bytes,
        max_batch_transactions,
        max_batch_signature_cost,
        max_proposal_batches,
        max_expiry_lead_ms,
        max_hold_ms,
        max_clock_lead_ms,
        max_clock_lag_ms,
        window,
        author_quota,
        slowness_factor,
        slowness_floor_ms,
        slowness_share,
    } = *parameters;
    let values: [u64; 14] = [
        max_transaction_bytes.into(),
        max_batch_bytes.into(),
        max_batch_transactions.into(),
        max_batch_signature_cost.into(),
        max_proposal_batches.into(),
        max_expiry_lead_ms,
        max_hold_ms,
        max_clock_lead_ms,
        max_clock_lag_ms,
        window.into(),
        author_quota.into(),
        slowness_factor.into(),
        slowness_floor_ms.into(),
        slowness_share.into(),
    ];
    PARAMETERS.into_iter().zip(values)
}

/// All rules by name as they stand in a document, in the order of the format.
pub(crate) fn rules(rules: &RulesV1) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let RulesV1 {
        strangers,
        seats,
        engine,
        protocol,
        parameters,
        grants,
        quotas,
        strict,
        dormant_after_ms,
        guardian_delay_ms,
        day_bytes,
        day_leaves,
        strangers_bytes,
        strangers_leaves,
        reserve_bytes,
    } = *rules;
    let majority = |majority: Majority| format!("\"{}\"", majority.name());
    let values: [String; 15] = [
        strangers.to_string(),
        majority(seats),
        majority(engine),
        majority(protocol),
        majority(parameters),
        majority(grants),
        majority(quotas),
        majority(strict),
        dormant_after_ms.to_string(),
        guardian_delay_ms.to_string(),
        day_bytes.to_string(),
        day_leaves.to_string(),
        strangers_bytes.to_string(),
        strangers_leaves.to_string(),
        reserve_bytes.to_string(),
    ];
    RULES.into_iter().zip(values)
}

fn parse_majority(text: &str) -> Result<Majority, Problem> {
    let found = Majority::ALL.into_iter().find(|majority| majority.name() == text);
    found.ok_or(Problem::NotAMajority)
}

/// Reads the table `[parameters]`, if there is one.
pub(crate) fn read_parameters(item: Option<&Item<'_>>) -> Result<Parameters, GenesisError> {
    let Parameters::V1(mut parameters) = Parameters::default();
    if let Some(item) = item {
        let table = item.table(&PARAMETERS)?;
        let set = &mut parameters;
        set_number(&table, "max_transaction_bytes", &mut set.max_transaction_bytes)?;
        set_number(&table, "max_batch_bytes", &mut set.max_batch_bytes)?;
        set_number(&table, "max_batch_transactions", &mut set.max_batch_transactions)?;
        set_number(
            &table,
            "max_batch_signature_cost",
            &mut set.max_batch_signature_cost,
        )?;
        set_number(&table, "max_proposal_batches", &mut set.max_proposal_batches)?;
        set_number(&table, "max_expiry_lead_ms", &mut set.max_expiry_lead_ms)?;
        set_number(&table, "max_hold_ms", &mut set.max_hold_ms)?;
        set_number(&table, "max_clock_lead_ms", &mut set.max_clock_lead_ms)?;
        set_number(&table, "max_clock_lag_ms", &mut set.max_clock_lag_ms)?;
        set_number(&table, "window", &mut set.window)?;
        set_number(&table, "author_quota", &mut set.author_quota)?;
        set_number(&table, "slowness_factor", &mut set.slowness_factor)?;
        set_number(&table, "slowness_floor_ms", &mut set.slowness_floor_ms)?;
        set_number(&table, "slowness_share", &mut set.slowness_share)?;
    }
    Ok(Parameters::V1(parameters))
}

/// Reads the table `[rules]`, if there is one.
pub(crate) fn read_rules(item: Option<&Item<'_>>) -> Result<Rules, GenesisError> {
    let Rules::V1(mut rules) = Rules::default();
    if let Some(item) = item {
        let table = item.table(&RULES)?;
        let set = &mut rules;
        set_number(&table, "strangers", &mut set.strangers)?;
        set_majority(&table, "seats", &mut set.seats)?;
        set_majority(&table, "engine", &mut set.engine)?;
        set_majority(&table, "protocol", &mut set.protocol)?;
        set_majority(&table, "parameters", &mut set.parameters)?;
        set_majority(&table, "grants", &mut set.grants)?;
        set_majority(&table, "quotas", &mut set.quotas)?;
        set_majority(&table, "strict", &mut set.strict)?;
        set_number(&table, "dormant_after_ms", &mut set.dormant_after_ms)?;
        set_number(&table, "guardian_delay_ms", &mut set.guardian_delay_ms)?;
        set_number(&table, "day_bytes", &mut set.day_bytes)?;
        set_number(&table, "day_leaves", &mut set.day_leaves)?;
        set_number(&table, "strangers_bytes", &mut set.strangers_bytes)?;
        set_number(&table, "strangers_leaves", &mut set.strangers_leaves)?;
        set_number(&table, "reserve_bytes", &mut set.reserve_bytes)?;
    }
    Ok(Rules::V1(rules))
}

fn set_number<T: TryFrom<u64>>(
    table: &Table<'_>,
    name: &'static str,
    field: &mut T,
) -> Result<(), GenesisError> {
    if let Some(item) = table.optional(name) {
        *field = item.integer()?;
    }
    Ok(())
}

fn set_majority(table: &Table<'_>, name: &'static str, field: &mut Majority) -> Result<(), GenesisError> {
    if let Some(item) = table.optional(name) {
        *field = item.parse(parse_majority)?;
    }
    Ok(())
}
