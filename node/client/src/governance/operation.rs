//! An operation of governance in words, for whoever signs it or reads it later. Members are told by their numbers where
//! their names are not known.

use quorate_ledger::{Ballot, Operation};

use super::change::{asset_words, change_view, name_of, scope_words};
use crate::schema::Member;
use crate::text::rfc3339_of;

/// What an operation does; none for one that is not of governance.
pub fn operation_in_words(operation: &Operation, members: &[Member]) -> Option<String> {
    let words = match operation {
        Operation::Grant {
            account,
            right,
            scope,
        } => format!(
            "grant {account} the right {right} {}",
            scope_words(scope, members)
        ),
        Operation::Revoke {
            account,
            right,
            scope,
        } => format!(
            "revoke the right {right} {} of {account}",
            scope_words(scope, members)
        ),
        Operation::Freeze { account, asset } => format!("freeze {account} {}", asset_words(asset.as_ref())),
        Operation::Unfreeze { account, asset } => {
            format!("unfreeze {account} {}", asset_words(asset.as_ref()))
        }
        Operation::Assign { account, member } => match member {
            Some(number) => format!("make {account} an account of {}", name_of(*number, members)),
            None => format!("make {account} an account of no member"),
        },
        Operation::Propose { change, expires_at } => {
            let (words, until) = (change_view(change, None, members).words, rfc3339_of(*expires_at));
            format!("propose until {until} to {words} (change {})", change.digest())
        }
        Operation::Vote { proposal, ballot } => match ballot {
            Ballot::Yes => format!("vote yes on proposal {proposal}"),
            Ballot::No => format!("vote no on proposal {proposal}"),
            Ballot::Withdrawn => format!("take back the vote on proposal {proposal}"),
        },
        Operation::Withdraw { proposal } => format!("take back proposal {proposal}"),
        Operation::Attest { attestation, .. } => {
            let said = attestation.v1();
            format!(
                "attest for proposal {} that the validator {} is live at block {} and knows protocols {} to {}",
                said.proposal, said.validator, said.height, said.lowest, said.highest
            )
        }
        Operation::SetSeat {
            seat,
            validator,
            node,
            witness,
            addresses,
            ..
        } => {
            let keys = [("validator", validator), ("node", node), ("witness", witness)];
            let keys = keys
                .into_iter()
                .filter_map(|(name, key)| Some(format!("the {name} key {}", key.as_ref()?)));
            let mut parts: Vec<String> = keys.collect();
            if let Some(addresses) = addresses {
                parts.push(match addresses.as_slice() {
                    [] => "no addresses".to_owned(),
                    some => format!("the addresses {}", some.join(", ")),
                });
            }
            format!("give seat {seat} {}", parts.join(" and "))
        }
        Operation::SetGuardians {
            guardians,
            threshold,
            delay_ms,
        } => match guardians.as_slice() {
            [] => "have no guardians any more".to_owned(),
            some => {
                let names: Vec<String> = some.iter().map(ToString::to_string).collect();
                format!(
                    "name guardians, of whom {threshold} of {} can give the account other signers after {delay_ms} ms: {}",
                    some.len(),
                    names.join(", ")
                )
            }
        },
        Operation::RequestSigners { account, signers } => format!(
            "ask the guardians of {account} for {} other signers with threshold {}",
            signers.signers.len(),
            signers.threshold
        ),
        Operation::DecideRequest {
            account,
            accept: true,
        } => format!("accept, as a guardian, what was asked for {account}"),
        Operation::DecideRequest {
            account,
            accept: false,
        } => format!("refuse what was asked for {account}"),
        Operation::ReportDormant { member } => {
            format!(
                "report that {} has signed nothing for long",
                name_of(*member, members)
            )
        }
        Operation::Answer { member } => {
            format!(
                "answer the report on {} that it has signed nothing for long",
                name_of(*member, members)
            )
        }
        Operation::DivideQuota {
            account,
            bytes,
            leaves,
        } => format!("let {account} use {bytes} bytes and {leaves} new leaves a day of its member's quota"),
        Operation::CreateAsset { .. }
        | Operation::Mint { .. }
        | Operation::Burn { .. }
        | Operation::Transfer { .. }
        | Operation::PutRecord { .. }
        | Operation::SetSigners { .. }
        | Operation::Rejoin { .. }
        | Operation::Hold { .. }
        | Operation::Release { .. }
        | Operation::Refund { .. }
        | Operation::Erase { .. } => return None,
    };
    Some(words)
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{MemberNumber, PublicKey, SeatNumber};
    use quorate_ledger::{Address, Amount, Change, Right, Scope, Timestamp};

    use super::*;

    #[test]
    fn operations_of_governance_are_told_in_words_and_others_are_not() {
        let account = Address([7; 20]);
        let said = |operation: Operation| operation_in_words(&operation, &[]).unwrap();
        let grant = Operation::Grant {
            account,
            right: Right::Mint,
            scope: Scope::Asset("EUR".parse().unwrap()),
        };
        assert_eq!(
            said(grant),
            format!("grant {account} the right mint for the asset EUR")
        );
        let change = Change::RemoveSeat(SeatNumber(4));
        let hash = change.digest();
        let propose = Operation::Propose {
            change,
            expires_at: Timestamp(0),
        };
        assert_eq!(
            said(propose),
            format!("propose until 1970-01-01T00:00:00.000Z to remove seat 4 (change {hash})")
        );
        let vote = Operation::Vote {
            proposal: 3,
            ballot: Ballot::Withdrawn,
        };
        assert_eq!(said(vote), "take back the vote on proposal 3");
        let seat = Operation::SetSeat {
            seat: SeatNumber(2),
            validator: None,
            node: Some(PublicKey([1; 32])),
            witness: None,
            addresses: Some(vec!["/ip4/10.0.0.1/tcp/9100".to_owned()]),
            proofs: Vec::new(),
        };
        let key = PublicKey([1; 32]);
        assert_eq!(
            said(seat),
            format!("give seat 2 the node key {key} and the addresses /ip4/10.0.0.1/tcp/9100")
        );
        let assign = |member| Operation::Assign { account, member };
        assert_eq!(
            said(assign(Some(MemberNumber(3)))),
            format!("make {account} an account of member 3")
        );
        assert_eq!(
            said(assign(None)),
            format!("make {account} an account of no member")
        );
        let burn = Operation::Burn {
            asset: "EUR".parse().unwrap(),
            amount: Amount(1),
        };
        assert_eq!(operation_in_words(&burn, &[]), None);
    }
}
